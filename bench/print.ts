import { table } from './figures.js';
import type { MemoryRow } from './memory.js';
import type { SpeedResult } from './speed.js';
import type { StartRow } from './start.js';
import type { TimedRow } from './timed.js';

/** Share of the machine that others may use before figures of time and CPU are not worth much. */
export const BUSY = 0.1;

export const say = (text: string): void => void process.stdout.write(`${text}\n`);

export const percent = (share: number): string => `${Math.round(share * 100)} %`;

export function printSpeed({ bundleMiB, sluice, openssl, ratio, cpuRatio, others }: SpeedResult): void {
  say(`\nFull write of a proven bundle of ${bundleMiB} MiB to a chip without timing\n`);
  const row = (name: string, pace: typeof sluice) => [name, pace.mibPerSecond, pace.cpuSecondsPerGiB];
  say(
    table(
      ['', 'MiB/s', 'CPU s/GiB'],
      [row('sluice', sluice), row('openssl dgst -sha256', openssl), ['sluice / openssl', ratio, cpuRatio]],
    ),
  );
  if (others > BUSY) say(`\nOther programs used ${percent(others)} of the machine meanwhile.`);
}

export function printTimed(rows: readonly TimedRow[]): void {
  say('\n32 MiB on quanta-q71l, seconds of the chip (virtual time)\n');
  const seconds = (ms: number): string => (ms / 1000).toFixed(2);
  say(
    table(
      ['chip', 'change', 'blocks', 'busy', 'floor', 'busy/floor', 'reads', 'readings', 'excess'],
      rows.map((row) => [
        `${row.chip} (${row.type})`,
        row.change,
        row.eraseBlocks,
        seconds(row.busyMs),
        seconds(row.floorMs),
        row.ratio.toFixed(4),
        seconds(row.readsMs),
        row.readings.toFixed(2),
        seconds(row.excessMs),
      ]),
    ),
  );
}

export function printStart(rows: readonly StartRow[]): void {
  say('\nStart, wall time in milliseconds\n');
  say(
    table(
      ['', 'median', 'of node -e 0', 'best'],
      rows.map(({ what, ms, ratio, bestMs }) => [what, ms, ratio, bestMs]),
    ),
  );
}

export function printMemory(rows: readonly MemoryRow[]): void {
  say('\nPeak memory of the process, MiB\n');
  say(
    table(
      ['', 'peak RSS', 'above idle', 'anonymous', 'above idle'],
      rows.map((row) => [
        row.what,
        row.peakMiB.toFixed(2),
        row.aboveIdleMiB.toFixed(2),
        row.anonMiB.toFixed(2),
        row.anonAboveIdleMiB.toFixed(2),
      ]),
    ),
  );
}
