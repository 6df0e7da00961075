/** Garbage collections of a program, counted by itself. */
import { readFileSync } from 'node:fs';

/** What a run's collections took. */
export interface Collections {
  readonly minor: number;
  /** Marking and compacting, in steps or at once. */
  readonly major: number;
  /** Milliseconds. */
  readonly longest: number;
  readonly total: number;
}

/** Loaded ahead of the program by NODE_OPTIONS: writes the sums to $SLUICE_BENCH_GC when the program ends. */
export const GC_RECORDER = `
const { PerformanceObserver, constants } = require('node:perf_hooks');
const { writeFileSync } = require('node:fs');
const sums = { minor: 0, major: 0, longest: 0, total: 0 };
const count = (list) => {
  for (const { duration, detail } of list) {
    sums[detail.kind === constants.NODE_PERFORMANCE_GC_MINOR ? 'minor' : 'major']++;
    sums.longest = Math.max(sums.longest, duration);
    sums.total += duration;
  }
};
const observer = new PerformanceObserver((list) => count(list.getEntries()));
observer.observe({ entryTypes: ['gc'] });
process.on('exit', () => {
  count(observer.takeRecords());
  writeFileSync(process.env.SLUICE_BENCH_GC, JSON.stringify(sums));
});
`;

/** Null where the program has left nothing: it was killed. */
export function readCollections(path: string): Collections | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Collections;
  } catch {
    return null;
  }
}
