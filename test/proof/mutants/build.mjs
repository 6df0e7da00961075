// Bundles the tests that reach src/core/trust/ or src/core/update/ so that one process can run them over and over: what may be
// mutated, and what imports it, is a function that makes all of its modules anew at each call; all the rest (the
// simulated chip, bundles, kits, keys) is loaded once and shared.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** What is tested for faults. */
const SUBJECT = /^src\/core\/(trust|update)\//;
const FOLDERS = ['test/spec', 'test/unit', 'test/sim'];
/** Of the conformance suites the one whose subjects they are. */
const SUITES = ['test/conformance/trust.test.ts'];

/**
 * Test files that are left out, each with its reason. A fault that only they would see counts as not seen.
 */
const LEFT_OUT = new Map(
  Object.entries({
    'test/unit/host/node/systemd/systemd.test.ts': 'starts processes',
    'test/unit/protocols/http/auth/access-control.test.ts':
      'of the service; takes seconds for password hashes',
    'test/spec/refuses-flips-large.test.ts': 'some seconds for its hundreds of MiB',
    'test/sim/flash-journal-cuts.test.ts': 'of board/state; takes seconds',
    'test/spec/refuses-flips.test.ts': 'a sweep of thousands of sessions, half a minute',
    'test/spec/refuses-flips-head.test.ts': 'a sweep of thousands of sessions, half a minute',
  }),
);

/** SLUICE_MUTANTS_TESTS: a pattern of test files, to try a few new ones on what has survived. */
const ONLY = new RegExp(process.env.SLUICE_MUTANTS_TESTS ?? '');

const shared = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.12',
  packages: 'external',
  alias: { 'node-mtd': './native-shims/node-mtd/src/index.ts' },
  define: { SLUICE_VERSION: '"test"' },
  legalComments: 'none',
  logLevel: 'error',
  write: false,
};

/** The tests of a repository (or of a copy of it) that reach what may be mutated, and what they are made of. */
export class Bundler {
  #root;
  #graph;
  #tests;

  static async open(root) {
    const bundler = new Bundler();
    const inFolders = FOLDERS.flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true })
        .filter((name) => name.endsWith('.test.ts'))
        .map((name) => `${folder}/${name}`),
    );
    const entries = [...inFolders, ...SUITES].filter((entry) => !LEFT_OUT.has(entry) && ONLY.test(entry));
    const options = { ...shared, absWorkingDir: root, plugins: [texts(root, null)] };
    const { metafile } = await build({ ...options, entryPoints: entries, outdir: root, metafile: true });
    bundler.#root = root;
    bundler.#graph = new Graph(metafile.inputs);
    bundler.#tests = entries.filter((entry) => bundler.#graph.isTested(entry));
    return bundler;
  }

  /** Test files that have a source in them. */
  testsOf(source) {
    return this.#tests.filter((test) => this.#graph.reach(test).has(source));
  }

  /**
   * Writes a script for each test file, and suite.json.
   * @param {{ file: string, text: string } | null} changed - a source that is read as `text`; the shared part is not
   * written then
   */
  async write(out, changed = null, tests = this.#tests) {
    const options = { ...shared, absWorkingDir: this.#root, plugins: [texts(this.#root, changed)] };
    const common = new Set();
    const { outputFiles } = await build({
      ...options,
      entryPoints: tests,
      outbase: this.#root,
      outdir: out,
      plugins: [sharing(this.#root, this.#graph, common), ...options.plugins],
    });
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    for (const { path, text } of outputFiles)
      writeFileSync(join(out, scriptOf(relative(out, path))), asFunction(text));
    const names = [...common];
    if (changed === null) {
      const contents = names.map((name, at) => `export * as m${at} from './${name}';`).join('\n');
      const whole = await build({ ...options, stdin: { contents, resolveDir: this.#root } });
      writeFileSync(join(out, 'shared.js'), asFunction(whole.outputFiles[0].text));
    }
    const files = tests.map((name) => ({ name, script: scriptOf(name.replace(/ts$/, 'js')) }));
    writeFileSync(join(out, 'suite.json'), JSON.stringify({ shared: names, files }, null, 1));
  }
}

const scriptOf = (path) => path.replaceAll('/', '.');

/** Which module imports which. */
class Graph {
  #inputs;
  #reached = new Map();

  constructor(inputs) {
    this.#inputs = inputs;
  }

  /** A module and everything that it imports. */
  reach(name) {
    const known = this.#reached.get(name);
    if (known !== undefined) return known;
    const reached = new Set([name]);
    this.#reached.set(name, reached);
    for (const { path, external } of this.#inputs[name]?.imports ?? []) {
      if (external !== true) for (const each of this.reach(path)) reached.add(each);
      else if (path === 'tap') reached.add(path);
    }
    return reached;
  }

  isTested(name) {
    return [...this.reach(name)].some((each) => SUBJECT.test(each));
  }

  /** Whether it must be made anew: also kits that hang something on the test file that imports them. */
  isFresh(name) {
    return this.isTested(name) || this.reach(name).has('tap');
  }
}

/** Leaves modules that are loaded once outside, and notes them. */
function sharing(root, graph, common) {
  return {
    name: 'sharing',
    setup({ onResolve, resolve: find }) {
      onResolve({ filter: /^\.{1,2}\// }, async ({ path, pluginData, ...from }) => {
        if (pluginData === 'inner' || from.kind === 'entry-point') return undefined;
        const { resolveDir, kind, importer } = from;
        const { path: found } = await find(path, { resolveDir, kind, importer, pluginData: 'inner' });
        const name = relative(root, found);
        if (graph.isFresh(name)) return undefined;
        common.add(name);
        return { path: `shared:${name}`, external: true };
      });
    },
  };
}

/** Sources with their own place in `import.meta.url`, and one of them perhaps with another text. */
function texts(root, changed) {
  return {
    name: 'texts',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const other = changed !== null && resolve(root, changed.file) === path;
        const text = other ? changed.text : readFileSync(path, 'utf8');
        const url = JSON.stringify(pathToFileURL(path).href);
        return { contents: text.replaceAll('import.meta.url', url), loader: 'ts' };
      });
    },
  };
}

/** An ES module as the expression of a function: imports become its parameters, exports what it returns. */
function asFunction(text) {
  const imports = [];
  const body = text
    .replaceAll(/^import (?:([^"]+?) from )?"([^"]+)";$/gm, (_line, names, from) => {
      if (names !== undefined) imports.push(asConst(names, JSON.stringify(from)));
      return '';
    })
    .replaceAll(/\bimport\(/g, '$import(')
    .replace(
      /^export \{([^}]*)\};$/m,
      (_line, names) => `return {${pairs(names, (local, out) => [out, local])}};`,
    );
  return `(async ($get, $import) => {\n${imports.join('\n')}\n${body}\n})`;
}

/** `a, { b as c }` or `* as a` as declarations. */
function asConst(names, from) {
  const [, plain, star, braces] =
    /^(?:(\w+|\$\w+)(?:, )?)?(?:\* as ([\w$]+))?(?:\{([^}]*)\})?$/.exec(names) ?? [];
  const parts = [];
  if (plain !== undefined) parts.push(`const ${plain} = $get(${from}).default;`);
  if (star !== undefined) parts.push(`const ${star} = $get(${from});`);
  if (braces !== undefined)
    parts.push(`const {${pairs(braces, (imported, local) => [imported, local])}} = $get(${from});`);
  if (parts.length === 0) throw new Error(`cannot read: import ${names}`);
  return parts.join(' ');
}

function pairs(names, order) {
  return names
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [first, second = first] = part.split(' as ');
      return order(first, second).join(': ');
    })
    .join(', ');
}

const [, script, out] = process.argv;
if (script === import.meta.filename && out !== undefined) {
  const bundler = await Bundler.open(process.cwd());
  await bundler.write(resolve(out));
}
