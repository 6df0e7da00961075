/**
 * A sample of what `npm run test:cuts` runs as a whole. `SLUICE_CUTS_SEED` chooses another one; a state that fails is
 * run alone by its name: `npm run test:cuts -- --only 'SCENARIO' --cut CUTS`.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';
import { parseCut } from './cut.js';
import { Explorer, type Extent } from './explore.js';
import { describeState } from './results.js';
import { makeScenario } from './scenario.js';
import { SCENARIOS } from './scenarios.js';

const seed = Number(process.env['SLUICE_CUTS_SEED'] ?? 1);
/** Of so many first cuts one is run. */
const EVERY = 12;
const AT_LEAST = 5000;

/** Without a journal these leave unstable bits behind: the harness sees them. */
const BLIND: readonly string[] = ['nor kernel proven', 'nor kernel before-commit', 'nor going back proven'];

/** States that once failed. */
const REGRESSIONS: readonly [scenario: string, cuts: string][] = [
  // A block in doubt reads other from time to time; it was taken for the one that was changed last.
  ['nor going back proven', 'ending@34#158,ending@24#49986'],
  // To mend that block ended the doubt about the one behind it, which was torn.
  ['nor whole proven', 'begun@37#2556,before@18#0'],
  // A block that was marked bad stayed in the journal for good.
  ['nand going bad before-commit', 'before@17#0'],
  // What was left of a torn block, which was being erased again, read as it had before both updates.
  ['nor bmc parts proven', 'begun@21#22432,begun@9#51363'],
  ['nor bmc proven', 'begun@24#63506,ending@12#45274'],
];

const specOf = (name: string): (typeof SCENARIOS)[number] => {
  const spec = SCENARIOS.find((candidate) => candidate.name === name);
  if (spec === undefined) throw new Error(`there is no scenario ${name}`);
  return spec;
};

t.test(`the power may go at any operation (seed ${seed})`, async (t) => {
  // Bundled, on two processes: under tap's loader it takes twice as long.
  const args = ['test/proof/power-cut/run.mjs', '--every', `${EVERY}`, '--tears', '2', '--seed', `${seed}`];
  const run = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 24 }).catch(
    (failed: { stdout: string }) => failed,
  );
  const lines = run.stdout.trim().split('\n');
  const [, states, scenarios, failed] =
    /^(\d+) states of (\d+) scenarios .* (\d+) failed;/.exec(lines.at(-1) ?? '') ?? [];
  t.equal(Number(scenarios), SCENARIOS.length, run.stdout.slice(-200));
  t.ok(Number(states) >= AT_LEAST, `${states} states`);
  t.equal(failed, '0', lines.filter((line) => !line.startsWith('ok')).join('\n'));
});

t.test('states that once failed', async (t) => {
  for (const [name, cuts] of REGRESSIONS) {
    const explorer = await Explorer.open(await makeScenario(specOf(name)), { seed: 1, tears: 1 });
    const { failures, states } = await explorer.one(cuts.split(',').map(parseCut));
    t.same(failures.map(describeState), [], `${name} ${cuts}`);
    t.equal(states, 1);
  }
});

t.test('sessions without a journal leave torn blocks, and this harness sees them', async (t) => {
  for (const name of BLIND) {
    const extent: Extent = { seed, tears: 2, every: 4, journalled: false };
    const { failures } = await (await Explorer.open(await makeScenario(specOf(name)), extent)).all();
    t.ok(
      failures.some(({ wrong }) => wrong.some((each) => /has unstable bits|changed after it was/.test(each))),
      name,
    );
  }
});
