import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describeCommit, describeMachine } from '../../../bench/machine.js';
import type { Tally } from './tally.js';

const JSON_FILE = 'bench/results/kills.json';

/** A group of rounds as it is kept. */
interface Row {
  readonly name: string;
  readonly commit: string | null;
  readonly seed: number;
  readonly rounds: number;
  readonly failed: number;
  readonly seconds: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly skipped: readonly string[];
  readonly failures: readonly string[];
}

/**
 * Writes what was found to bench/results/kills.json, and for people to kills.md. Groups that were not run this time stay
 * as they are there.
 * @param names - of all groups that there are, in their order
 */
export function record(tallies: readonly Tally[], names: readonly string[], seed: number): void {
  const machine = describeMachine();
  const commit = describeCommit();
  const groups = new Map<string, Row>();
  if (existsSync(JSON_FILE)) {
    const kept = JSON.parse(readFileSync(JSON_FILE, 'utf8')) as { groups: readonly Row[] };
    for (const row of kept.groups) groups.set(row.name, row);
  }
  for (const { name, rounds, counts, failures, skipped, seconds } of tallies) {
    groups.set(name, {
      name,
      commit,
      seed,
      rounds,
      failed: failures.length,
      seconds,
      counts,
      skipped,
      failures,
    });
  }
  const ordered = names.flatMap((name) => groups.get(name) ?? []);
  mkdirSync('bench/results', { recursive: true });
  writeFileSync(JSON_FILE, `${JSON.stringify({ machine, groups: ordered }, null, 1)}\n`);
  const rows = ordered.map((row) => {
    const counts = Object.entries(row.counts).map(([what, count]) => `${what}: ${count}`);
    const details = [...counts, ...row.skipped.map((why) => `skipped: ${why}`)].join('<br>');
    return `| ${row.name} | ${row.rounds} | ${row.failed} | ${row.seconds} | ${row.seed} | ${row.commit ?? ''} | ${details} |`;
  });
  const text = [
    '# Kills',
    '',
    'What `npm run test:kills -- --record` has found: the program as it is built, on a simulated chip in a file whose',
    'operations take time, killed, starved and lied to. After each round the chip is compared byte by byte with what GNU',
    'tar extracts, everything else with what it was; receipts, journal, audit log and leftovers are looked at.',
    '',
    `On ${machine.cores} cores (${machine.cpu}, node ${machine.node}), which other programs were using too.`,
    '',
    '| what | rounds | failed | seconds | seed | commit | counts |',
    '|---|--:|--:|--:|--:|---|---|',
    ...rows,
    '',
  ];
  writeFileSync('bench/results/kills.md', text.join('\n'));
}
