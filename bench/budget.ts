/**
 * What CI holds the program to (budget.json): operations exactly, memory by ceilings, times only as ratios within one
 * run. `npm run bench -- --budget` writes the operations anew, for a change that means to change them.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { median } from './figures.js';
import type { Figure } from './results.js';

const PATH = 'bench/budget.json';

/** Of the exact figures those that say what an update does to its chip. */
const HELD = ['virtualSeconds', 'readings', 'blocksErased', 'programmed', 'journalRecords'] as const;

export interface Budget {
  /** By scenario and metric: what it is, neither more nor less. */
  readonly operations: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** By subject and metric: what the median must not exceed. */
  readonly ceilings: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export const loadBudget = (): Budget => JSON.parse(readFileSync(PATH, 'utf8')) as Budget;

/** Puts what was counted into the budget; its ceilings are set by hand. */
export function saveOperations(figures: readonly Figure[]): void {
  const operations: Record<string, Record<string, number>> = {};
  for (const { subject, metric, kind, values } of figures) {
    if (kind !== 'exact' || !subject.match(/^(timed|link)-/) || !HELD.some((held) => held === metric))
      continue;
    (operations[subject] ??= {})[metric] = values[0] as number;
  }
  const budget = loadBudget();
  // Of scenarios that were not run it stays what it is.
  const all = { ...budget, operations: { ...budget.operations, ...operations } };
  writeFileSync(PATH, `${JSON.stringify(all, null, 2)}\n`);
}

/** What the figures have against the budget, in words; what was not measured is nothing against it. */
export function overBudget(figures: readonly Figure[], { operations, ceilings }: Budget): string[] {
  return figures.flatMap(({ subject, metric, values }) => {
    const found = median(values);
    const exact = operations[subject]?.[metric];
    if (exact !== undefined && found !== exact) return [`${subject}: ${metric} is ${found}, not ${exact}`];
    const most = ceilings[subject]?.[metric];
    if (most !== undefined && !(found <= most)) return [`${subject}: ${metric} is ${found}, at most ${most}`];
    return [];
  });
}
