// Puts each fault of faults.mjs into its source, one at a time, and expects a test to fail: `npm run test:seeded`,
// `npm run test:seeded -- gate` for those with that word in them. Results go to bench/results/seeded-faults.json; what
// has been caught once is not tried again as long as its source stays the same (`--again` does).
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Bundler } from './build.mjs';
import { FAULTS } from './faults.mjs';
import { Suite } from './suite.mjs';

const ROOT = process.cwd();
const FOLDER = join(ROOT, 'node_modules/.cache/sluice-mutants/seeded');
const KNOWN = join(ROOT, 'node_modules/.cache/sluice-mutants/known.json');
const RESULTS = 'bench/results/seeded-faults.json';

const args = process.argv.slice(2);
const word = args.find((arg) => arg !== '--again') ?? '';
if (args.includes('--again')) rmSync(KNOWN, { force: true });
/** Processor time of each test file. */
const times = new Map();
const bundler = await Bundler.open(ROOT);
const base = await open(FOLDER);
await mustPass(base);

/** What earlier runs have found, by the fault as it is and the source that it is put into: a run can be gone on with. */
const known = existsSync(KNOWN) ? JSON.parse(readFileSync(KNOWN, 'utf8')) : {};
const results = [];
for (const { fault, file, from, to } of FAULTS.filter(({ fault }) => fault.includes(word))) {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const count = text.split(from).length - 1;
  results.push({ fault, file, count, text: text.replace(from, () => to), caughtBy: null });
}
// The sweeps, which take long, for those that nothing else has caught.
for (const sweeps of [false, true]) {
  for (const result of results.filter(({ count, caughtBy }) => count === 1 && caughtBy === null)) {
    const { fault, file, text } = result;
    const key = createHash('sha256').update(text).digest('hex');
    result.caughtBy = known[key] ?? (await seed({ file, text }, sweeps));
    if (result.caughtBy === null) continue;
    known[key] = result.caughtBy;
    writeFileSync(KNOWN, JSON.stringify(known));
    console.log(`ok - ${fault}\n    ${file}: ${result.caughtBy}`);
  }
}
for (const { fault, file, count } of results.filter(({ caughtBy }) => caughtBy === null)) {
  const how = count === 1 ? 'NOT CAUGHT' : `what it changes is there ${count} times`;
  console.log(`not ok - ${fault}\n    ${file}: ${how}`);
}
rmSync(FOLDER, { recursive: true, force: true });
const caught = results.filter(({ caughtBy }) => caughtBy !== null).length;
console.log(`${caught} of ${results.length} faults are caught`);
if (word === '') {
  const list = results.map(({ fault, file, caughtBy }) => ({ fault, file, caughtBy }));
  writeFileSync(RESULTS, `${JSON.stringify({ faults: list.length, caught, results: list }, null, 2)}\n`);
}
process.exit(caught === results.length ? 0 : 1);

async function open(folder, from = null) {
  if (from === null) await bundler.write(folder);
  const suite = new Suite(folder);
  await suite.start(from);
  return suite;
}

/** The first test that fails on a changed source, null when none does. */
async function seed(changed, sweeps) {
  const folder = `${FOLDER}-one`;
  try {
    await bundler.write(folder, changed, bundler.testsOf(changed.file));
    const suite = await open(folder, base);
    for (const file of inOrder(suite.files)) {
      const failed = await firstFailure(suite, file, sweeps);
      if (failed !== null) return `${file}: ${failed}`;
    }
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function firstFailure(suite, file, sweeps = false) {
  let top;
  try {
    top = await suite.load(file, sweeps);
  } catch (error) {
    return `it does not load: ${error.message}`;
  }
  for (const [index, { name }] of top.children.entries()) {
    const { failure, hangs } = await suite.run(top, index, 1500);
    if (failure !== null || hangs) return name;
  }
  return null;
}

/** Without a fault nothing fails, or a failure would say nothing. */
async function mustPass(suite) {
  for (const file of suite.files) {
    const { user } = process.cpuUsage();
    const failed = await firstFailure(suite, file);
    if (failed !== null) throw new Error(`${file} fails without a fault: ${failed}`);
    times.set(file, process.cpuUsage().user - user);
  }
}

/** The quick ones first. */
function inOrder(files) {
  return files.toSorted((a, b) => times.get(a) - times.get(b));
}
