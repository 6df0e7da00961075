/** Hands shares of scenarios to processes, and adds up what they tell. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Explorer, type Extent, type Tally } from './explore.js';
import type { Row } from './results.js';
import { makeScenario, type Scenario } from './scenario.js';
import { SCENARIOS } from './scenarios.js';

/** A part of the states of one scenario. */
interface Job {
  readonly name: string;
  readonly share: readonly [number, number];
}

interface Answer {
  readonly tally: Tally;
  /** Seconds of processor time. */
  readonly cpu: number;
}

/** Shares of one scenario: the largest takes minutes, and no process shall wait for the other at the end. */
const SHARES = 4;

const scenarios = new Map<string, Promise<Scenario>>();

async function work({ name, share }: Job, extent: Extent): Promise<Answer> {
  const spec = SCENARIOS.find((candidate) => candidate.name === name);
  if (spec === undefined) throw new Error(`there is no scenario ${name}`);
  const made = scenarios.get(name) ?? makeScenario(spec);
  scenarios.set(name, made);
  const before = process.cpuUsage();
  const explorer = await Explorer.open(await made, { ...extent, share });
  const tally = await explorer.all();
  const { user, system } = process.cpuUsage(before);
  return { tally, cpu: (user + system) / 1e6 };
}

/** In a process of `runJobs`: does what it is told. */
export function serveJobs(extent: Extent): void {
  process.on('message', (job: Job) => {
    void work(job, extent).then((answer) => process.send?.(answer));
  });
}

/**
 * Runs scenarios in shares.
 * @param processes - 0 for none but this one
 * @param tell - called for each scenario when all of it was run
 */
export async function runJobs(
  names: readonly string[],
  processes: number,
  extent: Extent,
  tell: (row: Row) => void,
): Promise<void> {
  const jobs = names.flatMap((name) =>
    Array.from({ length: SHARES }, (_, index): Job => ({ name, share: [index, SHARES] })),
  );
  const open = new Map<string, { row: Row; left: number }>();
  const take = ({ tally, cpu }: Answer): void => {
    const known = open.get(tally.scenario);
    const row = known === undefined ? { ...tally, cpu } : joined(known.row, tally, cpu);
    const left = (known?.left ?? SHARES) - 1;
    open.set(tally.scenario, { row, left });
    if (left === 0) tell(row);
  };
  if (processes === 0) for (const job of jobs) take(await work(job, extent));
  else await Promise.all(Array.from({ length: processes }, () => runProcess(jobs, take)));
}

function joined(row: Row, tally: Tally, cpu: number): Row {
  return {
    ...row,
    cpu: row.cpu + cpu,
    states: row.states + tally.states,
    nested: row.nested + tally.nested,
    failed: row.failed + tally.failed,
    mostErases: Math.max(row.mostErases, tally.mostErases),
    failures: [...row.failures, ...tally.failures],
  };
}

/** One process, which takes jobs until there are none. */
function runProcess(jobs: Job[], take: (answer: Answer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), process.argv.slice(2));
    const next = (): void => {
      const job = jobs.shift();
      if (job === undefined) child.disconnect();
      else child.send(job);
    };
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`a process ended with ${code ?? signal}`));
    });
    child.on('message', (answer: Answer) => {
      take(answer);
      next();
    });
    next();
  });
}
