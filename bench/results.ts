/** What a run of the harness found, as it is kept: a flat list of figures, so that any two runs can be compared. */
import { readFileSync, writeFileSync } from 'node:fs';
import { round } from './figures.js';
import type { Conditions } from './machine.js';

/** One quantity of one subject, measured one or more times. */
export interface Figure {
  /** What was measured: the name of a scenario (`full-nor`, `curve-push-64`), or of another subject (`start-write`). */
  readonly subject: string;
  /** `wallSeconds`, `cpuSecondsPerMiB`, `anonAboveIdleMiB`; bench/README.md tells of each. */
  readonly metric: string;
  /** Of the values: `s`, `MiB`, `ratio`, `blocks`. */
  readonly unit: string;
  readonly better: 'less' | 'more';
  /**
   * `exact`: counted or in virtual time, the same on every machine. `noisy`: differs from run to run.
   */
  readonly kind: 'exact' | 'noisy';
  /** One of each run, in their order; the runs of different subjects were made in turns. */
  readonly values: readonly number[];
}

/** What is counted, or in virtual time. */
export const exact = (subject: string, metric: string, unit: string, value: number): Figure => ({
  subject,
  metric,
  unit,
  better: 'less',
  kind: 'exact',
  values: [round(value, 4)],
});

/** What differs from run to run. */
export const noisy = (
  subject: string,
  metric: string,
  unit: string,
  values: readonly number[],
  better: Figure['better'] = 'less',
): Figure => ({
  subject,
  metric,
  unit,
  better,
  kind: 'noisy',
  values: values.map((value) => round(value, 4)),
});

/** Points of a line: one quantity against another. */
export interface Series {
  /** The chart that it belongs to: `memory-by-size`. */
  readonly chart: string;
  /** Its line: `push`. */
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** A chart and its axes; its lines are the series that name it. */
export interface Chart {
  readonly id: string;
  readonly title: string;
  readonly x: { readonly label: string; readonly scale: 'linear' | 'log' };
  readonly y: { readonly label: string };
  /** A horizontal line that is not to be crossed. */
  readonly limit?: { readonly value: number; readonly label: string };
}

/** A mark that the program is held to. */
export interface Mark {
  readonly what: string;
  readonly subject: string;
  readonly metric: string;
  /** The median of the figure must not be more than this. */
  readonly most: number;
}

/** One run of the harness. */
export interface Results extends Conditions {
  /** Version of this form. */
  readonly format: 2;
  readonly figures: readonly Figure[];
  readonly series: readonly Series[];
}

export function saveResults(path: string, results: Results): void {
  // A line for each figure: results are read by people and by diff as well.
  const fields = Object.entries(results).map(([name, value]: [string, unknown]) => {
    const text = Array.isArray(value)
      ? `[\n${value.map((each) => `    ${JSON.stringify(each)}`).join(',\n')}\n  ]`
      : JSON.stringify(value);
    return `  ${JSON.stringify(name)}: ${text}`;
  });
  writeFileSync(path, `{\n${fields.join(',\n')}\n}\n`);
}

/** @throws Error when the file is of another form */
export function loadResults(path: string): Results {
  let found: Partial<Results> | null;
  try {
    found = JSON.parse(readFileSync(path, 'utf8')) as Partial<Results> | null;
  } catch (cause) {
    throw new Error(
      `${path} cannot be read: ${cause instanceof Error ? cause.message : 'why is not known'}`,
      { cause },
    );
  }
  if (found?.format !== 2 || !Array.isArray(found.figures)) {
    throw new Error(`${path} holds no results of this harness (format 2)`);
  }
  return found as Results;
}
