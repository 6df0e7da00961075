/**
 * `node dist/bin/make-cache.js`: writes dist/bin/cache, from which the program starts faster (loader.ts). It is for
 * one version of Node, one kind of processor and the flags of the launcher; what does not fit is not used. The build
 * runs it for the Node that it runs on. On a board it is run once, by who may write the program.
 *
 * It starts the program for work of its own in a folder for that, and keeps what V8 has compiled for it. A service
 * has what its start needs, and no more: all of it is memory, and it waits for months. A write has all of a small one.
 *
 * It is CommonJS, and a program of its own: its second part is loaded into the program that it starts.
 *
 * @packageDocumentation
 */
import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Script } from 'node:vm';
import { cacheFolder } from './cache-folder.js';
import { letCompilersIn } from './compilers.js';
import { LOADED } from './loaded.js';

declare const __dirname: string;
declare const __filename: string;
declare const require: { main: unknown };
declare const module: unknown;

const LAUNCHER = `${__dirname}/sluice`;

/** Bytes of the image that is written: three erase blocks and a part of one, so that each way of a block is gone. */
const IMAGE_SIZE = 200_000;

/** What a command ends with that does not find its flash (`EXIT.flash`; the table of all errors is not wanted here). */
const NO_FLASH = 5;

/** Milliseconds that the service gets to start, on the slowest board. */
const PATIENCE = 60_000;

/** In the program: keeps what was compiled of each file, when it ends; what an earlier run has kept stays. */
function keepWhenItEnds(): void {
  const folder = cacheFolder(__dirname);
  const scripts = new Map<string, Script>();
  Object.assign(globalThis, { [LOADED]: scripts });
  process.on('exit', () => {
    // The flags under which it will be loaded, see there.
    letCompilersIn();
    for (const [name, script] of scripts) {
      const path = `${folder}/${name.slice(2)}.bin`;
      if (existsSync(path)) continue;
      writeFileSync(path, script.createCachedData(), { mode: 0o644 });
      // Whatever the umask has made of it.
      chmodSync(path, 0o644);
    }
  });
}

async function makeCache(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'sluice-cache-'));
  try {
    const { bundle, board, flash } = prepare(work);
    emptyFolders();
    await serve(work, [...board, ...flash]);
    await write([bundle, ...board, ...flash]);
    // Loads what real flash needs, and comes near none: no MTD has such a name.
    await write([bundle, ...board, '--flash', 'mtd:no/such'], NO_FLASH);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function emptyFolders(): void {
  const folders = [cacheFolder(__dirname, 'serve'), cacheFolder(__dirname, 'write')];
  for (const folder of folders) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    // Whatever the umask has made of them.
    for (const each of [folder, join(folder, '..'), join(folder, '../..')]) chmodSync(each, 0o755);
  }
}

interface Site {
  /** A proven tarball for the board. */
  readonly bundle: string;
  /** The arguments that say which board it is. */
  readonly board: readonly string[];
  /** Those that name its flash. */
  readonly flash: readonly string[];
}

function prepare(work: string): Site {
  const at = (name: string): string => join(work, name);
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  mkdirSync(at('keys/Own'), { recursive: true });
  writeFileSync(at('keys/Own/publickey'), publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(at('keys/Own/hashfunc'), 'HashType=RSA-SHA256\n');
  writeFileSync(at('key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  mkdirSync(at('images'));
  writeFileSync(at('images/image-kernel'), Buffer.alloc(IMAGE_SIZE, 'image'));
  const bundle = at('bundle.tar');
  const told = ['--machine', 'none', '--version', '1'];
  for (const words of [
    ['sim', 'create', at('chip')],
    ['pack', '--images', at('images'), ...told, '--key', at('key'), '--out', bundle],
  ]) {
    execFileSync(LAUNCHER, words, { stdio: 'ignore' });
  }
  return {
    bundle,
    board: ['--keys', at('keys'), '--machine', 'none'],
    flash: ['--flash', `sim:${at('chip')}`],
  };
}

const started = (args: readonly string[]): ReturnType<typeof spawn> =>
  spawn(LAUNCHER, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: `--require "${__filename.replace(/[\\"]/g, '\\$&')}"` },
  });

/** A service that listens, is asked for its health, and ends. */
function serve(work: string, args: readonly string[]): Promise<void> {
  const socketPath = join(work, 'http');
  const child = started(['serve', ...args, '--state', join(work, 'state'), '--http', `unix:${socketPath}`]);
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
    child.stderr?.on('data', (bytes: Buffer) => {
      const before = said.includes('listening');
      said += bytes.toString();
      if (before || !said.includes('listening')) return;
      const stop = (): void => void child.kill('SIGTERM');
      get({ socketPath, path: '/health', agent: false }, (answer) => {
        answer.resume().once('close', stop);
      }).once('error', stop);
    });
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      if (code === 0) resolve();
      else reject(new Error(`the service did not start: ${said}`));
    });
  });
}

/** @param code - that it has to end with */
function write(args: readonly string[], code = 0): Promise<void> {
  const child = started(['write', ...args]);
  let said = '';
  child.stderr?.on('data', (bytes: Buffer) => (said += bytes.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (ended) => {
      if (ended === code) resolve();
      else reject(new Error(`a write ended with ${ended}, not ${code}: ${said}`));
    });
  });
}

if (require.main === module) {
  makeCache().catch((error: Error) => {
    process.stderr.write(`make-cache: ${error.message}\n`);
    process.exitCode = 1;
  });
} else keepWhenItEnds();
