/** What got better or worse between two runs of the harness, beyond noise. */
import { existsSync } from 'node:fs';
import { brief, full } from './digits.js';
import { median, table } from './figures.js';
import { BUSY, percent, say } from './print.js';
import { loadResults, type Figure, type Results } from './results.js';

export type Verdict = 'better' | 'worse' | 'same';

/** One figure that both runs have. */
export interface Change {
  readonly subject: string;
  readonly metric: string;
  readonly unit: string;
  readonly kind: Figure['kind'];
  /** Medians. */
  readonly before: number;
  readonly after: number;
  /** In percent of `before`; null when that is 0. */
  readonly percent: number | null;
  /** The difference of the medians up to which they count as the same, in the figure's unit; 0 for an exact one. */
  readonly noise: number;
  readonly verdict: Verdict;
  /** Measured under other conditions: the verdict is shown, and does not decide. */
  readonly doubtful: boolean;
}

/** A figure that only one side has. */
export interface Lone {
  readonly subject: string;
  readonly metric: string;
}

export interface Comparison {
  /** What differs between the two runs apart from the program, each a sentence; empty when they can be compared. */
  readonly warnings: readonly string[];
  readonly changes: readonly Change[];
  readonly onlyBefore: readonly Lone[];
  readonly onlyAfter: readonly Lone[];
}

/**
 * Least difference of two medians that counts, as a part of the larger, by the number of runs of the side that has
 * fewer. Of one run nothing is known but that quiet machines repeat themselves within some 10 %. Of two to four, the
 * median deviation is often near 0 by chance. With more, 2 % are what the place of code and data in memory alone makes.
 */
const FLOORS = { one: 0.1, few: 0.05, many: 0.02 };
const MANY = 5;

/**
 * How many standard errors of the difference count as a change. With normal noise of 8 % and five runs of each, 2.4 %
 * of the figures that did not change are called changed, with nine 0.6 %; with the usual 3 it were 5 and 2 %, too many
 * for a gate that looks at some hundred figures at once.
 */
const ERRORS = 4;
/** The standard deviation of normal noise by its median absolute deviation, which one slow run does not move. */
const OF_MAD = 1.4826;
/** The standard error of a median, by that of the mean: the square root of pi/2. */
const OF_MEDIAN = 1.2533;

/**
 * What a figure is uncertain by whatever its size, by its unit. The kernel adds up a process's pages in lots of 64 for
 * each thread (256 KiB), and a sample may be taken on either side of that. One turn of another process is a millisecond
 * or more (4 ms by default), and what is the difference of two starts may be near 0.
 */
const UNITS: Readonly<Record<string, number>> = { MiB: 0.25, ms: 1 };

/** The figures of both, in the order of `after`. */
export function compareResults(before: Results, after: Results): Comparison {
  const old = byKey(before);
  const now = byKey(after);
  const machine = differences(before, after);
  const neighbours = Math.abs(before.neighbours.share - after.neighbours.share) > BUSY;
  const warnings = [...machine];
  if (neighbours || before.neighbours.share > BUSY || after.neighbours.share > BUSY) {
    warnings.push(
      `other programs used ${percent(before.neighbours.share)} of the machine before and ${percent(after.neighbours.share)} after`,
    );
  }
  const changes: Change[] = [];
  for (const [key, figure] of now) {
    const was = old.get(key);
    if (was === undefined) continue;
    const noisy = figure.kind === 'noisy' || was.kind === 'noisy';
    // What a program holds in memory depends on the machine, but not on how busy that is.
    const doubtful = noisy && (machine.length > 0 || (neighbours && figure.unit !== 'MiB'));
    changes.push({ ...changeOf(was, figure, noisy), doubtful });
  }
  return { warnings, changes, onlyBefore: lone(old, now), onlyAfter: lone(now, old) };
}

/** Whether something got worse that the conditions of the two runs do not explain. */
export const gotWorse = ({ changes }: Comparison): boolean =>
  changes.some(({ verdict, doubtful }) => verdict === 'worse' && !doubtful);

/** The comparison for a terminal; what keeps it from meaning something is its first line. */
export function formatComparison(comparison: Comparison): string {
  const { warnings, changes, onlyBefore, onlyAfter } = comparison;
  const lines: string[] = [];
  const doubtful = changes.some((change) => change.doubtful);
  if (warnings.length > 0) {
    lines.push(
      doubtful
        ? `NOT COMPARABLE: ${warnings.join('; ')}. Times mean nothing; what is marked with ? does not decide. Exact figures still do.`
        : `BEWARE: ${warnings.join('; ')}.`,
      '',
    );
  }
  const count = (wanted: Verdict): number => changes.filter(({ verdict }) => verdict === wanted).length;
  const moved = [...of('worse', changes), ...of('better', changes)];
  if (moved.length > 0) {
    lines.push(
      table(
        ['subject', 'metric', 'before', 'after', 'unit', 'change', 'noise', 'verdict'],
        moved.map((change) => [
          change.subject,
          change.metric,
          digits(change, change.before),
          digits(change, change.after),
          change.unit,
          signed(change.percent),
          change.noise === 0 ? 'exact' : `±${brief(change.noise)}`,
          `${change.verdict}${change.doubtful ? '?' : ''}`,
        ]),
      ),
      '',
    );
  }
  lines.push(`${count('worse')} worse, ${count('better')} better, ${count('same')} the same within noise.`);
  if (onlyBefore.length > 0) lines.push(`Only before: ${onlyBefore.map(nameOf).join(', ')}.`);
  if (onlyAfter.length > 0) lines.push(`Only after: ${onlyAfter.map(nameOf).join(', ')}.`);
  return lines.join('\n');
}

export const printComparison = (comparison: Comparison): void => say(formatComparison(comparison));

/**
 * `bench compare A B`: each a file of results, or the name of one in bench/results.
 *
 * @returns the exit code: 1 when something got worse, 2 when there is nothing to compare
 */
export function runCompare(pathA: string, pathB: string): number {
  let comparison: Comparison;
  try {
    comparison = compareResults(loadResults(resultsPath(pathA)), loadResults(resultsPath(pathB)));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
  printComparison(comparison);
  if (comparison.changes.length === 0) {
    process.stderr.write('the two runs have no figure in common\n');
    return 2;
  }
  return gotWorse(comparison) ? 1 : 0;
}

/** The file that is meant by `name`. */
export function resultsPath(name: string): string {
  return existsSync(name) || !/^[\w.-]+$/.test(name)
    ? name
    : `bench/results/${name.replace(/\.json$/, '')}.json`;
}

function differences({ machine: before }: Results, { machine: after }: Results): string[] {
  const found: string[] = [];
  if (before.cpu !== after.cpu) found.push(`the processor was ${before.cpu} and is ${after.cpu}`);
  if (before.cores !== after.cores) found.push(`there were ${before.cores} cores and are ${after.cores}`);
  if (before.node !== after.node) found.push(`node was ${before.node} and is ${after.node}`);
  return found;
}

/** Of another unit is another figure; one without a number (JSON knows no NaN) was not measured. */
function byKey({ figures }: Results): Map<string, Figure> {
  const found = new Map<string, Figure>();
  for (const figure of figures) {
    const values = figure.values.filter((value) => Number.isFinite(value));
    if (values.length > 0)
      found.set(`${figure.subject}\n${figure.metric}\n${figure.unit}`, { ...figure, values });
  }
  return found;
}

function changeOf(was: Figure, is: Figure, noisy: boolean): Omit<Change, 'doubtful'> {
  const { subject, metric, unit, better } = is;
  const before = median(was.values);
  const after = median(is.values);
  const noise = noisy ? noiseOf(was, is) : 0;
  const difference = after - before;
  const verdict =
    Math.abs(difference) <= noise ? 'same' : difference < 0 === (better === 'less') ? 'better' : 'worse';
  const percent = before === 0 ? null : (difference / Math.abs(before)) * 100;
  return { subject, metric, unit, kind: noisy ? 'noisy' : 'exact', before, after, percent, noise, verdict };
}

function noiseOf(was: Figure, is: Figure): number {
  const fewest = Math.min(was.values.length, is.values.length);
  const least = fewest >= MANY ? FLOORS.many : fewest > 1 ? FLOORS.few : FLOORS.one;
  const larger = Math.max(Math.abs(median(was.values)), Math.abs(median(is.values)));
  const spread = ERRORS * Math.hypot(standardError(was.values), standardError(is.values));
  return Math.max(least * larger, spread, UNITS[is.unit] ?? 0);
}

function standardError(values: readonly number[]): number {
  const middle = median(values);
  const deviation = median(values.map((value) => Math.abs(value - middle)));
  return (OF_MEDIAN * OF_MAD * deviation) / Math.sqrt(values.length);
}

const lone = (some: ReadonlyMap<string, Figure>, others: ReadonlyMap<string, Figure>): Lone[] =>
  [...some].filter(([key]) => !others.has(key)).map(([, { subject, metric }]): Lone => ({ subject, metric }));

const of = (verdict: Verdict, changes: readonly Change[]): Change[] =>
  changes.filter((change) => change.verdict === verdict);

const nameOf = ({ subject, metric }: Lone): string => `${subject} ${metric}`;

const digits = ({ kind }: Change, value: number): string => (kind === 'exact' ? full(value) : brief(value));

const signed = (share: number | null): string =>
  share === null ? 'from 0' : `${share < 0 ? '' : '+'}${share.toFixed(1)} %`;
