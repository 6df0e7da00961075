/** What it costs to load what the program depends on: resident memory and time, over those of an empty Node. */
import { execFileSync } from 'node:child_process';
import { MIB, median } from './figures.js';
import { noisy, type Figure } from './results.js';

/**
 * Every package that is loaded as one and each of Node's own modules that some part of the program loads. node-mtd is
 * bundled, and its addon is loaded with the flash.
 */
const MODULES = [
  '@noble/curves/nist.js',
  'xxhash-wasm',
  'node:crypto',
  'node:http',
  'node:net',
  'node:tls',
  'node:zlib',
  'node:worker_threads',
] as const;

const RUNS = 7;

/** What each module is called in a subject, where its own name would not do. */
const subjectOf = (name: string): string =>
  `import-${name.replace(/^@|\.js$/g, '').replaceAll(/[:/]/g, '.')}`;

export function measureImports(): Figure[] {
  const found = new Map<string, { rss: number[]; ms: number[] }>();
  const subjects = ['', ...MODULES];
  for (let run = 0; run <= RUNS; run++) {
    for (const name of subjects) {
      const { rss, ms } = load(name);
      if (run === 0) continue;
      const row = found.get(name) ?? { rss: [], ms: [] };
      found.set(name, row);
      row.rss.push(rss);
      row.ms.push(ms);
    }
  }
  const empty = found.get('') as { rss: number[]; ms: number[] };
  return MODULES.flatMap((name): Figure[] => {
    const row = found.get(name) as { rss: number[]; ms: number[] };
    const above = (values: readonly number[], less: readonly number[]): number[] =>
      values.map((value) => value - median(less));
    return [
      noisy(subjectOf(name), 'importMiB', 'MiB', above(row.rss, empty.rss)),
      noisy(subjectOf(name), 'importMs', 'ms', above(row.ms, empty.ms)),
    ];
  });
}

/** Loads one module in a process of its own, which tells what it took. */
function load(name: string): { rss: number; ms: number } {
  const script = `
    const began = performance.now();
    const done = () => {
      const status = require('node:fs').readFileSync('/proc/self/status', 'latin1');
      const kib = Number(/^VmRSS:\\s+(\\d+)/m.exec(status)[1]);
      process.stdout.write(JSON.stringify({ kib, ms: performance.now() - began }));
    };
    ${name === '' ? 'Promise.resolve()' : `import(${JSON.stringify(name)})`}.then(done);`;
  const env = { ...process.env, NODE_OPTIONS: '' };
  const said = execFileSync(process.execPath, ['-e', script], { env, encoding: 'latin1' });
  const { kib, ms } = JSON.parse(said) as { kib: number; ms: number };
  return { rss: (kib * 1024) / MIB, ms };
}
