/** The first lines of a report: where the time and the memory go and what the next limit is, said by the figures. */
import { brief } from './digits.js';
import { median } from './figures.js';
import type { Results } from './results.js';

/** The parts of the way of a byte, in its order, as the report names them. */
export const STAGES: readonly (readonly [subject: string, name: string])[] = [
  ['stage-receive', 'receiving'],
  ['stage-tar', 'taking the tarball apart'],
  ['stage-hash', 'hashing'],
  ['stage-compare', 'comparing with the chip'],
  ['stage-erase', 'erasing'],
  ['stage-program', 'programming'],
  ['stage-read-back', 'reading back'],
  ['stage-fingerprint', 'fingerprints'],
  ['stage-session', 'the rest (session, journal, start)'],
];
/** Those in which a chip that is simulated works as well. */
const CHIP = ['stage-compare', 'stage-erase', 'stage-program', 'stage-read-back'];
const STAGE_METRIC = 'cpuSecondsPerGiB';

export interface Part {
  readonly name: string;
  readonly value: number;
}

/** Median of a figure; undefined where it was not measured. */
export function medianOf({ figures }: Results, subject: string, metric: string): number | undefined {
  const found = figures.find((figure) => figure.subject === subject && figure.metric === metric);
  const values = found?.values.filter((value) => Number.isFinite(value)) ?? [];
  return values.length === 0 ? undefined : median(values);
}

/** CPU seconds for a GiB of each stage that was measured, in the order of the way. */
export const stagesOf = (results: Results): Part[] =>
  STAGES.flatMap(([subject, name]) => {
    const value = medianOf(results, subject, STAGE_METRIC);
    return value === undefined ? [] : [{ name, value }];
  });

/** Sentences for the top; one whose figures are not there is not said. */
export function summarise(results: Results): string[] {
  return [chipTime(results), cpuTime(results), memory(results), nextLimit(results)].filter(
    (sentence) => sentence !== undefined,
  );
}

interface Floored extends Part {
  /** Whether the link, and not the chip, is what takes longest. */
  readonly linked: boolean;
}

/** The scenarios that have a floor, by how far they are above it. */
function floored(results: Results): Floored[] {
  return results.figures
    .filter(({ metric }) => metric === 'overFloor')
    .flatMap(({ subject: name }): Floored[] => {
      const value = medianOf(results, name, 'overFloor');
      if (value === undefined || value <= 0) return [];
      const chip = medianOf(results, name, 'chipSeconds');
      const floor = medianOf(results, name, 'floorSeconds');
      return [{ name, value, linked: chip !== undefined && floor !== undefined && chip < floor }];
    })
    .toSorted((a, b) => a.value - b.value);
}

function chipTime(results: Results): string | undefined {
  const all = floored(results);
  const chips = all.filter(({ linked }) => !linked);
  const links = all.filter(({ linked }) => linked);
  const parts = [
    tell(chips, 'the erases and programs that its changed blocks need'),
    tell(links, 'the link, in which the chip’s work is hidden'),
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : `**Time, chip and link.** ${parts.join(' ')}`;
}

/** From the scenario with the greatest share to that with the least. */
function tell(scenarios: readonly Floored[], what: string): string | undefined {
  const best = scenarios[0];
  const worst = scenarios.at(-1);
  if (best === undefined || worst === undefined) return undefined;
  if (scenarios.length === 1) return `Of \`${best.name}\`, ${floorShare(best)} of the time is ${what}.`;
  return (
    `In ${scenarios.length} scenarios, ${floorShare(worst)} (\`${worst.name}\`) to ${floorShare(best)} ` +
    `(\`${best.name}\`) of the time is ${what}.`
  );
}

function cpuTime(results: Results): string | undefined {
  const stages = stagesOf(results);
  const total = sum(stages);
  if (total <= 0) return undefined;
  const [first, ...others] = byValue(stages);
  if (first === undefined) return undefined;
  const copies = medianOf(results, 'copies', 'copiesPerByte');
  const behind = others
    .filter(({ value }) => value >= 0.05 * total)
    .map(({ name, value }) => `, ${share(value / total)} ${name}`);
  const simulated = CHIP.some((subject) => medianOf(results, subject, STAGE_METRIC) !== undefined);
  return [
    `**Time, processor.** A GiB costs ${brief(total)} s of CPU: `,
    `${share(first.value / total)} is ${first.name}${behind.join('')}`,
    simulated ? ' (the chip is simulated, and its own work counts).' : '.',
    copies === undefined ? '' : ` Copies of each byte on its way: ${brief(copies)}.`,
  ].join('');
}

function memory(results: Results): string | undefined {
  const curves = results.figures
    .filter(({ subject, metric }) => metric === 'anonAboveIdleMiB' && subject.startsWith('curve-'))
    .flatMap(({ subject: name, metric }) => {
      const value = medianOf(results, name, metric);
      return value === undefined ? [] : [{ name, value }];
    });
  const [most] = byValue(curves);
  const idle = medianOf(results, 'idle', 'anonMiB');
  const node = medianOf(results, 'node', 'anonMiB');
  const said: string[] = [];
  if (most !== undefined) {
    const least = byValue(curves).at(-1) ?? most;
    said.push(
      curves.length === 1
        ? `Writing takes ${brief(most.value)} MiB of anonymous memory above idle (\`${most.name}\`).`
        : `Writing takes ${brief(least.value)} (\`${least.name}\`) to ${brief(most.value)} MiB (\`${most.name}\`) of anonymous memory above idle.`,
    );
  }
  if (idle !== undefined) {
    const of =
      node === undefined ? '' : `, of which ${brief(node)} MiB (${share(node / idle)}) are node itself`;
    said.push(`The idle program holds ${brief(idle)} MiB${of}.`);
  } else if (node !== undefined) {
    said.push(`Node itself holds ${brief(node)} MiB.`);
  }
  return said.length === 0 ? undefined : `**Memory.** ${said.join(' ')}`;
}

/** What would have to change for it to be faster: on hardware that takes time, and of the program itself. */
function nextLimit(results: Results): string | undefined {
  const said: string[] = [];
  const all = floored(results);
  const worst = all.at(-1);
  if (worst !== undefined) {
    const hard = all.filter(({ value }) => 1 / value >= HARD).length;
    const reads = readingShare(results, worst.name);
    const reading = reads === undefined ? '' : ` (${(100 * reads).toFixed(1)} % is reading the chip)`;
    const most = `\`${worst.name}\`, ${Math.max(0, 100 * (1 - 1 / worst.value)).toFixed(1)} % of its time${reading}`;
    said.push(
      hard === all.length
        ? `With real chips and links it is these: no program can save more than ${most}.`
        : `With real chips and links it is these in ${hard} of ${all.length} scenarios (${share(HARD)} of the time or more); the most that is left to save is in ${most}.`,
    );
  }
  const stages = stagesOf(results);
  const total = sum(stages);
  const [first] = byValue(stages);
  if (first !== undefined && total > first.value && first.value > 0) {
    said.push(
      `Of the processor’s time it is ${first.name}: without it a GiB would cost ${brief(total - first.value)} s ` +
        `instead of ${brief(total)} s (on one core, ${brief(1024 / total)} MiB/s would be ${brief(1024 / (total - first.value))}).`,
    );
  }
  return said.length === 0 ? undefined : `**The next limit.** ${said.join(' ')}`;
}

/** What part of a scenario's time the chip was being read. */
function readingShare(results: Results, subject: string): number | undefined {
  const reads = medianOf(results, subject, 'readSeconds');
  const total = medianOf(results, subject, 'virtualSeconds');
  return reads === undefined || total === undefined || total <= 0 ? undefined : reads / total;
}

/** Share of the time that is the floor's from which on there is nothing worth saving. */
const HARD = 0.95;

const byValue = (parts: readonly Part[]): Part[] => parts.toSorted((a, b) => b.value - a.value);

const sum = (parts: readonly Part[]): number => parts.reduce((total, { value }) => total + value, 0);

const floorShare = ({ value }: Part): string => `${Math.min(100, 100 / value).toFixed(1)} %`;

const share = (part: number): string => `${(100 * part).toFixed(0)} %`;
