/**
 * What `node dist/bin/sluice.js` runs: loads the program's own files, which lie beside it, and with each of them what
 * V8 has made of it before, where that is there (make-cache.ts). Node's own loader would look for package.json and
 * links for every one of them, and compile it anew: a third of a start (bench/README.md).
 *
 * It is CommonJS, and the files that it loads are.
 *
 * @packageDocumentation
 */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { isSmallProcess } from '../../host/node/memory/small-process.js';
import { cacheFolder } from './cache-folder.js';
import { keepCompilersOut, letCompilersIn } from './compilers.js';
import { LOADED } from './loaded.js';

type Exports = Record<string, unknown>;
type Require = (name: string) => unknown;
type Wrapped = (exports: Exports, require: Require, module: { exports: Exports }, filename: string) => void;

declare const __dirname: string;
declare const __filename: string;
/** `./main-HASH.js`; each file has a name that belongs to what is in it. */
declare const SLUICE_MAIN: string;

/** Others may write it, by the bits of its mode. */
const WRITABLE = 0o022;

const ownRequire = createRequire(__filename);
const loaded = new Map<string, { exports: Exports }>();
const { [LOADED]: told } = globalThis as { [LOADED]?: Map<string, Script> };
/** Null when none of this V8, with these flags, are there. */
let caches: string | null = cacheFolder(__dirname);

const isSmall = isSmallProcess();

/**
 * V8 uses what was compiled before only under the same flags, and what Node brings of its own modules was compiled
 * under none. So the compilers are kept out while anything of the program runs (a loop that fills a table would bring
 * them in), and not while something is being loaded.
 */
function underNodesFlags<T>(work: () => T): T {
  if (!isSmall) return work();
  letCompilersIn();
  try {
    return work();
  } finally {
    keepCompilersOut();
  }
}

/** @param name - `./chunk-ABC.js` */
function load(name: string): Exports {
  const known = loaded.get(name);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  loaded.set(name, module);
  const filename = `${__dirname}/${name.slice(2)}`;
  const run = compile(name, filename).runInThisContext() as Wrapped;
  run(module.exports, requireFor, module, filename);
  return module.exports;
}

function compile(name: string, filename: string): Script {
  // esbuild writes nothing but ASCII.
  const text = readFileSync(filename, 'latin1');
  const code = `(function(exports,require,module,__filename){${text}\n})`;
  const cachedData = caches === null ? undefined : cacheOf(name);
  const options = cachedData === undefined ? { filename } : { filename, cachedData };
  const script = underNodesFlags(() => new Script(code, options));
  if (script.cachedDataRejected === true) caches = null;
  told?.set(name, script);
  return script;
}

const builtins = new Map<string, unknown>();

const requireFor: Require = (name) => {
  if (name.startsWith('./')) return load(name);
  if (!builtins.has(name))
    builtins.set(
      name,
      underNodesFlags(() => ownRequire(name)),
    );
  return builtins.get(name);
};

/** It is as good as the program itself: only one that nobody else can have written is taken. */
function cacheOf(name: string): Buffer | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(`${caches}/${name.slice(2)}.bin`, 'r');
    const { mode, uid } = fstatSync(fd);
    if ((mode & WRITABLE) !== 0 || uid !== owner()) return undefined;
    return readFileSync(fd);
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

let ownerOfThis: number | undefined;

function owner(): number {
  if (ownerOfThis === undefined) {
    const fd = openSync(__filename, 'r');
    ownerOfThis = fstatSync(fd).uid;
    closeSync(fd);
  }
  return ownerOfThis;
}

// These have done their work: the heap is set up, the collector exposed.
if (isSmall) for (const flag of ['--max-semi-space-size=0', '--no-expose-gc']) setFlagsFromString(flag);
requireFor(SLUICE_MAIN);
