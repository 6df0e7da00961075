/**
 * All states of the catalogue, on two processes; see docs/testing.md.
 * ```
 * npm run test:cuts -- [--only TEXT] [--seed N] [--tears N] [--every N] [--processes N] [--no-journal] [--record]
 * npm run test:cuts -- --only 'SCENARIO' --cut CUTS [--no-journal]      one state, as a failure names it
 * ```
 */
import { parseArgs } from 'node:util';
import { parseCut } from './cut.js';
import { Explorer, type Extent } from './explore.js';
import { describeState, lineOf, record, sumUp, type Row } from './results.js';
import { makeScenario } from './scenario.js';
import { SCENARIOS } from './scenarios.js';
import { runJobs, serveJobs } from './workers.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    cut: { type: 'string' },
    seed: { type: 'string', default: '1' },
    tears: { type: 'string', default: '5' },
    processes: { type: 'string', default: '2' },
    every: { type: 'string', default: '1' },
    'no-journal': { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
  },
});
const extent: Extent = {
  seed: Number(values.seed),
  tears: Number(values.tears),
  every: Number(values.every),
  journalled: !values['no-journal'],
};

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function all(): Promise<void> {
  const started = Date.now();
  const since = (): number => (Date.now() - started) / 1000;
  const names = SCENARIOS.map(({ name }) => name).filter((name) => name.includes(values.only));
  const rows: Row[] = [];
  await runJobs(names, Number(values.processes), extent, (row) => {
    rows.push(row);
    say(lineOf(row));
    for (const failure of row.failures.slice(0, 3)) say(`  ${describeState(failure)}`);
    // Each time: a run that is stopped has told what it has seen.
    if (values.record) record('bench/results/power-cuts', rows, sumUp(rows, extent, since()));
  });
  const sums = sumUp(rows, extent, since());
  say(sums.sentence);
  process.exitCode = sums.failed === 0 ? 0 : 1;
}

if (process.send !== undefined) {
  serveJobs(extent);
} else if (values.cut !== undefined) {
  const spec = SCENARIOS.find(({ name }) => name === values.only);
  if (spec === undefined) throw new Error(`there is no scenario ${values.only}`);
  const explorer = await Explorer.open(await makeScenario(spec), extent);
  const { failures, states } = await explorer.one(values.cut.split(',').map(parseCut));
  say(failures.length === 0 ? `${states} state, right` : failures.map(describeState).join('\n'));
  process.exitCode = failures.length === 0 ? 0 : 1;
} else {
  await all();
}
