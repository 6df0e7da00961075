import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { FuzzResult } from './engine.js';

const FOLDER = 'bench/results';
const JSON_FILE = `${FOLDER}/fuzz.json`;

/** One row of the record. */
interface Row {
  readonly runs: number;
  readonly seconds: number;
  readonly seeds: readonly number[];
  /** Inputs that are kept. */
  readonly corpus: number;
  /** Blocks of the bundled source that have run, by V8's count. */
  readonly blocks: number | null;
  readonly findings: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Node that it ran in. */
  readonly node: string;
}

/** Puts a result into the record; a longer walk takes the place of a shorter one. */
export function record(result: FuzzResult, corpus: number): void {
  mkdirSync(FOLDER, { recursive: true });
  const rows = (existsSync(JSON_FILE) ? JSON.parse(readFileSync(JSON_FILE, 'utf8')) : {}) as Record<
    string,
    Row
  >;
  const known = rows[result.name];
  if (known !== undefined && known.runs > result.runs && result.findings.length === 0) return;
  const { name, runs, seconds, seed, blocks, findings, outcomes } = result;
  rows[name] = {
    runs,
    seconds: Math.round(seconds),
    seeds: [seed],
    corpus,
    blocks,
    findings: findings.length,
    outcomes,
    node: process.version,
  };
  writeFileSync(JSON_FILE, `${JSON.stringify(rows, null, 2)}\n`);
  writeFileSync(`${FOLDER}/fuzz.md`, markdown(rows));
}

function markdown(rows: Readonly<Record<string, Row>>): string {
  const lines = Object.entries(rows).map(
    ([name, { runs, seconds, seeds, corpus, blocks, findings, outcomes }]) =>
      `| ${name} | ${runs} | ${seconds} | ${seeds.join(', ')} | ${corpus} | ${blocks ?? '-'} | ${outcomes['taken'] ?? 0} | ${findings} |`,
  );
  return [
    '# Fuzzing',
    '',
    'Made by `npm run fuzz`; docs/testing.md tells what the targets assert. "taken": inputs that the parser accepted.',
    '',
    '| target | runs | seconds | seed | corpus | blocks | taken | findings left |',
    '|---|---|---|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n');
}
