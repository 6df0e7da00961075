/**
 * All states of the catalogue, on two processes:
 * `npm run test:cuts -- [--only TEXT] [--cut CUTS] [--seed N] [--tears N] [--no-journal] [--brief]`
 */
import { fork } from 'node:child_process';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { parseCut } from './cut.js';
import { Explorer, type Extent, type Tally } from './explore.js';
import { makeScenario } from './scenario.js';
import { SCENARIOS } from './scenarios.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    cut: { type: 'string' },
    seed: { type: 'string', default: '1' },
    tears: { type: 'string', default: '3' },
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

const specOf = (name: string): (typeof SCENARIOS)[number] => {
  const spec = SCENARIOS.find((candidate) => candidate.name === name);
  if (spec === undefined) throw new Error(`there is no scenario ${name}`);
  return spec;
};

if (process.send !== undefined) {
  process.on('message', (job: Job) => {
    void (async () => {
      const explorer = await Explorer.open(await makeScenario(specOf(job.name)), {
        ...extent,
        share: job.share,
      });
      process.send?.(await explorer.all());
    })();
  });
} else if (values.cut !== undefined) {
  const explorer = await Explorer.open(await makeScenario(specOf(values.only)), extent);
  console.log(JSON.stringify(await explorer.one(values.cut.split(',').map(parseCut)), null, 1));
} else {
  await parent();
}

interface Job {
  readonly name: string;
  readonly share: readonly [number, number];
}

async function parent(): Promise<void> {
  const started = Date.now();
  const SHARES = 4;
  const jobs: Job[] = SCENARIOS.filter(({ name }) => name.includes(values.only)).flatMap(({ name }) =>
    Array.from({ length: SHARES }, (_, index) => ({ name, share: [index, SHARES] as const })),
  );
  const tallies = new Map<string, Tally & { left: number; ms: number }>();
  const worker = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = fork(fileURLToPath(import.meta.url), process.argv.slice(2));
      child
        .on('error', reject)
        .on('exit', (code) =>
          code === 0 || code === null ? resolve() : reject(new Error(`a worker ended with ${code}`)),
        );
      let since = Date.now();
      const next = (): void => {
        since = Date.now();
        const job = jobs.shift();
        if (job === undefined) child.disconnect();
        else child.send(job);
      };
      child.on('message', (tally: Tally) => {
        const sum = tallies.get(tally.scenario);
        const ms = Date.now() - since;
        if (sum === undefined) tallies.set(tally.scenario, { ...tally, left: SHARES - 1, ms });
        else {
          sum.states += tally.states;
          sum.nested += tally.nested;
          sum.failed += tally.failed;
          sum.mostErases = Math.max(sum.mostErases, tally.mostErases);
          sum.failures.push(...tally.failures);
          sum.left--;
          sum.ms += ms;
        }
        const all = tallies.get(tally.scenario);
        if (all?.left === 0) tell(all);
        next();
      });
      next();
    });
  await Promise.all(Array.from({ length: Number(values.processes) }, worker));
  const all = [...tallies.values()];
  const sum = (field: 'states' | 'failed' | 'nested'): number =>
    all.reduce((total, tally) => total + tally[field], 0);
  console.log(
    `${sum('states')} states (${sum('nested')} with a second cut), ${sum('failed')} failed, seed ${extent.seed}, ${Math.round((Date.now() - started) / 1000)} s`,
  );
  process.exitCode = sum('failed') === 0 ? 0 : 1;
}

function tell({
  scenario,
  operations,
  journal,
  states,
  nested,
  mostErases,
  failed,
  failures,
  ms,
}: Tally & { ms: number }): void {
  console.log(
    `${scenario}: ${operations} operations, ${journal} changes of the journal: ${states} states (${nested} nested), ${failed} failed; most erases again ${mostErases}; ${ms} ms`,
  );
  for (const { cuts, wrong } of failures.slice(0, 3))
    console.log(`  --only '${scenario}' --cut ${cuts}: ${wrong.slice(0, 4).join('; ')}`);
}
