/** What came of the states, as lines and as files. */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { Extent, Failure, Tally } from './explore.js';

/** A scenario whose states were all run. */
export interface Row extends Tally {
  /** Seconds of processor time. */
  readonly cpu: number;
}

/** All scenarios together. */
export interface Sums {
  readonly states: number;
  readonly nested: number;
  readonly failed: number;
  readonly seed: number;
  readonly tears: number;
  /** Of so many first cuts one was run. */
  readonly every: number;
  /** Seconds. */
  readonly wall: number;
  /** Seconds of processor time, of all processes. */
  readonly cpu: number;
  readonly sentence: string;
}

/** How to run a failure again, and what was wrong. */
export function describeState({ scenario, cuts, wrong }: Failure): string {
  return `--only '${scenario}' --cut ${cuts}: ${wrong.slice(0, 4).join('; ')}`;
}

export function lineOf({
  scenario,
  operations,
  journal,
  states,
  nested,
  mostErases,
  failed,
  cpu,
}: Row): string {
  return (
    `${failed === 0 ? 'ok' : 'NOT OK'} ${scenario}: ${operations} operations and ${journal} changes of the journal, ` +
    `each at its moments = ${states} states (${nested} with a second cut), ${failed} failed; ` +
    `at most ${mostErases} erased again; ${cpu.toFixed(1)} s`
  );
}

export function sumUp(rows: readonly Row[], { seed, tears, every = 1 }: Extent, wall: number): Sums {
  const sum = (field: 'states' | 'nested' | 'failed' | 'cpu'): number =>
    rows.reduce((total, row) => total + row[field], 0);
  const [states, nested, failed, cpu] = [sum('states'), sum('nested'), sum('failed'), sum('cpu')];
  const sentence =
    `${states} states of ${rows.length} scenarios (${nested} with a second cut), ${failed} failed; seed ${seed}; ` +
    `${wall.toFixed(0)} s, ${cpu.toFixed(0)} s of processor time`;
  return { states, nested, failed, seed, tears, every, wall, cpu, sentence };
}

/** Writes PATH.json and PATH.md. */
export function record(path: string, rows: readonly Row[], sums: Sums): void {
  const { sentence, ...figures } = sums;
  const machine = { node: process.version, cpus: cpus().length, model: cpus()[0]?.model ?? 'unknown' };
  writeFileSync(`${path}.json`, `${JSON.stringify({ ...figures, machine, scenarios: rows }, null, 2)}\n`);
  const table = rows.map(
    ({ scenario, operations, journal, states, nested, failed, mostErases, cpu }) =>
      `| ${scenario} | ${operations} | ${journal} | ${states} | ${nested} | ${mostErases} | ${failed} | ${cpu.toFixed(1)} |`,
  );
  writeFileSync(
    `${path}.md`,
    `# Power cuts

\`npm run test:cuts -- --record --seed ${sums.seed} --tears ${sums.tears} --every ${sums.every}\` has made this file; what it does is in
[docs/testing.md](../../docs/testing.md#power-cuts). node ${process.version}, ${machine.cpus} processors
(${machine.model}), shared with other work.

${sentence}.

| scenario | operations | journal changes | states | with a second cut | most erased again | failed | s |
|---|---|---|---|---|---|---|---|
${table.join('\n')}
`,
  );
}
