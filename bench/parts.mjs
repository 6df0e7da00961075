// npm run bench:parts [-- MAJOR...]: what each of V8's flags, the settings of malloc, the code cache and the compilers
// that are switched off save, on several versions of Node (docs/decisions/009-v8-flags-and-code-cache.md). Each row
// leaves one part out of an update of 24 MiB from a pipe and of a start; medians of several runs, in turn.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { randomBytes } from 'node:crypto';
import { fetchNode } from '../test/proof/nodes/fetch.mjs';

/** Runs of each row: odd, so that the median is one of them. Figures of memory spread by less than 0.3 MiB. */
const RUNS = 3;
const IMAGE = 24 * 1024 * 1024;
const SMALL_IMAGE = 64 * 1024;

const FLAGS = ['--max-semi-space-size=1', '--single-threaded-gc', '--expose-gc'];
const MALLOC = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '262144' };

const work = mkdtempSync(join(tmpdir(), 'sluice-parts-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));

// Leaves the optimizing compilers in: what would switch them off is not passed on.
const lettingIn = join(work, 'compilers.cjs');
writeFileSync(
  lettingIn,
  "const v8 = require('node:v8'); const set = v8.setFlagsFromString;" +
    'v8.setFlagsFromString = (flag) => { if (!/^--(max-optimized-bytecode-size|no-maglev|maglev)/.test(flag)) set(flag); };',
);

const without = (flag) => FLAGS.filter((each) => each !== flag);
/** By what is left out: how node is started. */
const ROWS = {
  nothing: {},
  '`--max-semi-space-size=1`': { flags: without('--max-semi-space-size=1') },
  '`--single-threaded-gc`, and what follows from it': { flags: without('--single-threaded-gc') },
  '`--expose-gc` (a context of its own instead)': { flags: without('--expose-gc') },
  '`MALLOC_ARENA_MAX=1`': { malloc: { MALLOC_MMAP_THRESHOLD_: '262144' } },
  '`MALLOC_MMAP_THRESHOLD_`': { malloc: { MALLOC_ARENA_MAX: '1' } },
  'compilers switched off': { flags: [...FLAGS, '-r', lettingIn] },
  'code cache': { program: 'bare' },
  'all of it': { flags: [], malloc: {}, program: 'bare' },
};

const chip = join(work, 'chip.bin');
const layout = join(work, 'layout.json');
writeFileSync(
  layout,
  JSON.stringify({
    name: 'parts',
    size: IMAGE,
    partitions: [{ name: 'rofs', offset: 0, size: IMAGE }],
  }),
);

/** Peak resident memory in MiB and processor time in seconds of one write from a pipe. */
function write(node, folder, { flags = FLAGS, malloc = MALLOC }, image) {
  const { PATH, HOME } = process.env;
  const words = [...flags, join(folder, 'sluice.js'), 'write', '-', '--flash', `sim:${chip}`];
  const options = [
    '--partition',
    'rofs',
    '--trust',
    'unsigned',
    '--machine',
    'any',
    '--state',
    'none',
    '--json',
    '--quiet',
  ];
  const command = `TIMEFORMAT='%U %S'; cat ${image} | { time ${[node, ...words, ...options].join(' ')} > ${work}/receipt.json 2> ${work}/messages; } 2> ${work}/time`;
  const { status } = spawnSync('bash', ['-c', command], { env: { PATH, HOME, ...malloc }, encoding: 'utf8' });
  if (status !== 0) throw new Error(readFileSync(`${work}/messages`, 'utf8'));
  const [user, system] = readFileSync(`${work}/time`, 'utf8').trim().split(' ').map(Number);
  const { memory } = JSON.parse(readFileSync(`${work}/receipt.json`, 'utf8'));
  return { peak: memory.peakRss / 1048576, cpu: user + system };
}

const median = (values) => values.sort((a, b) => a - b)[(values.length - 1) / 2];

const majors = process.argv.slice(2).length > 0 ? process.argv.slice(2) : ['20', '22', '24', '26'];
const table = new Map(Object.keys(ROWS).map((row) => [row, []]));
const versions = [];
for (const major of majors) {
  const node = process.version.startsWith(`v${major}.`) ? process.execPath : join(fetchNode(major), 'node');
  const version = execFileSync(node, ['-v'], { encoding: 'utf8' }).trim();
  versions.push(version);
  // A build of its own, as the code cache belongs to a version of Node.
  const full = join(work, `${version}-full`);
  cpSync(resolve('dist/bin'), full, { recursive: true });
  rmSync(join(full, 'cache'), { recursive: true, force: true });
  execFileSync(node, [join(full, 'make-cache.js')], {
    env: { ...process.env, SLUICE_NODE: node },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (!existsSync(join(full, 'cache'))) throw new Error(`no code cache was made by ${version}`);
  const bare = join(work, `${version}-bare`);
  cpSync(full, bare, { recursive: true });
  rmSync(join(bare, 'cache'), { recursive: true });
  const found = Object.fromEntries(Object.keys(ROWS).map((row) => [row, { peak: [], cpu: [], start: [] }]));
  for (let run = 0; run < RUNS; run++) {
    for (const [row, how] of Object.entries(ROWS)) {
      const folder = how.program === 'bare' ? bare : full;
      const large = write(node, folder, how, image('large', IMAGE, run));
      const small = write(node, folder, how, image('small', SMALL_IMAGE, run));
      found[row].peak.push(large.peak);
      found[row].cpu.push(large.cpu);
      found[row].start.push(small.cpu);
    }
  }
  for (const [row, { peak, cpu, start }] of Object.entries(found)) {
    table
      .get(row)
      .push(`${median(peak).toFixed(1)} / ${median(cpu).toFixed(2)} / ${median(start).toFixed(2)}`);
  }
  process.stderr.write(`${version} measured\n`);
}

/** Fresh content, so that every block is written. */
function image(name, size, run) {
  const path = join(work, `${name}-${run}`);
  writeFileSync(path, randomBytes(size));
  sluice('sim', 'create', chip, '--layout', layout, '--force');
  return path;
}

function sluice(...words) {
  execFileSync(process.execPath, [resolve('dist/bin/sluice.js'), ...words], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

console.log(`| left out | ${versions.join(' | ')} |`);
console.log(`|---|${versions.map(() => '---:').join('|')}|`);
for (const [row, cells] of table) console.log(`| ${row} | ${cells.join(' | ')} |`);
