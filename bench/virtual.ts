/**
 * Scenarios in virtual time: how long an update takes on chips and links that take time, against the floor, which is
 * the longer of what the link needs and what exactly the needed erases and programs do. Nothing here depends on this
 * machine, and the processor takes no time.
 */
import { findTiming, leastMs, memoryTarget, readMs, type MemoryTarget } from '../src/core/index.js';
import { generateBundle, imagePieces, type ImageSpec } from '../test/kit/generated-bundle.js';
import { MemoryJournal } from '../test/kit/memory-journal.js';
import { EventClock } from './event-clock.js';
import { KIB, MIB } from './figures.js';
import { exact, type Figure, type Series } from './results.js';
import { eraseSizeOf, imagesOf, type Scenario } from './scenario.js';
import { layoutOf, writeBundle } from './update.js';

/** Bytes that a read of a socket brings (Node's own size). */
const READ = 64 * KIB;

/** What the kernel takes of a connection before the program has read it: half of Linux' first tcp_rmem. */
const SOCKET = 64 * KIB;

/** Measures one scenario; the figures are exact. */
export async function measureVirtual(scenario: Scenario): Promise<Figure[]> {
  const { chip, policy, bundle: kind, link, name: subject } = scenario;
  if (chip.timing === null) throw new Error(`${subject} has no timing to count`);
  const timing = findTiming(chip.timing);
  const { before, after } = imagesOf(scenario);
  const eraseSize = eraseSizeOf(scenario);
  const clock = new EventClock();
  const content = bytesOf(before);
  const target = memoryTarget(layoutOf(before.size), { type: chip.type, eraseSize, timing, clock, content });
  const bundle = generateBundle({ images: [after], block: eraseSize, kind });
  const journal = new MemoryJournal();
  const started = clock.now;
  await clock.run(
    writeBundle(target, (take) => throughLink(clock, link, bundle.chunks(), take), { policy, journal }),
  );
  const eraseBlocks = countChanged(before, target, eraseSize);
  const stats = target.chip.stats();
  await target.close();

  const needed = { eraseBlocks, programBytes: eraseBlocks * eraseSize };
  const flashFloor = leastMs(timing, { eraseSize }, needed);
  const linkFloor = link === null ? 0 : (bundle.size / MIB / link) * 1000;
  const total = clock.now - started;
  const reads = readMs(timing, stats.bytesRead);
  const figure = (metric: string, unit: string, value: number): Figure => exact(subject, metric, unit, value);
  const longest = Math.max(flashFloor, linkFloor);
  const oneReading = readMs(timing, before.size);
  const perMiB = (bytes: number): number => bytes / before.size;
  return [
    figure('virtualSeconds', 's', total / 1000),
    figure('floorSeconds', 's', longest / 1000),
    ...(longest > 0 ? [figure('overFloor', 'ratio', total / longest)] : []),
    figure('overFloorAndReading', 'ratio', total / (longest + oneReading)),
    figure('chipSeconds', 's', stats.busyMs / 1000),
    figure('readSeconds', 's', reads / 1000),
    figure('excessSeconds', 's', (stats.busyMs - flashFloor - reads) / 1000),
    figure('readings', 'images', perMiB(stats.bytesRead)),
    figure('blocksChanged', 'blocks', eraseBlocks),
    figure('blocksErased', 'blocks', stats.erases),
    figure('programmed', 'images', perMiB(stats.bytesProgrammed)),
    figure('mostWear', 'erases', Math.max(...stats.wear)),
    figure('journalRecords', 'records', journal.wear.writes),
    figure('journalBytes', 'B', journal.wear.bytes),
  ];
}

/**
 * Hands bytes on as a connection does: they come at the link's pace while there is room in the kernel's buffer, and
 * are read from there whenever the one before is taken.
 */
async function throughLink(
  clock: EventClock,
  link: number | null,
  chunks: Iterable<Uint8Array>,
  take: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const perMs = link === null ? Number.POSITIVE_INFINITY : (link * MIB) / 1000;
  const ahead = SOCKET / READ;
  const taken: number[] = [];
  let sent = clock.now;
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += READ) {
      const bytes = chunk.subarray(at, at + READ);
      const room = taken.length > ahead ? (taken[taken.length - 1 - ahead] as number) : 0;
      sent = Math.max(sent, room) + bytes.length / perMs;
      await clock.until(sent);
      taken.push(clock.now);
      await take(bytes);
    }
  }
}

/**
 * Erase blocks whose bytes are others now. As the images here are noise in which a changed block sets bits and no
 * page is all 0xFF, each of them needs an erase and a program of all its pages.
 */
function countChanged(before: ImageSpec, { bytes }: MemoryTarget, eraseSize: number): number {
  const old = bytesOf(before);
  let count = 0;
  for (let at = 0; at < bytes.length; at += eraseSize) {
    if (Buffer.compare(old.subarray(at, at + eraseSize), bytes.subarray(at, at + eraseSize)) !== 0) count++;
  }
  return count;
}

function bytesOf(image: ImageSpec): Uint8Array {
  const bytes = new Uint8Array(image.size);
  let at = 0;
  for (const piece of imagePieces(image)) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** Time against the share that changed, by chip. */
export function changeCurve(scenarios: readonly Scenario[], figures: readonly Figure[]): Series[] {
  const lines = new Map<string, [number, number][]>();
  for (const { name, chip, change } of scenarios) {
    if (!/^timed-(nor|nand)-/.test(name)) continue;
    if (change.spread !== 'scattered' && change.percent !== 0 && change.percent !== 100) continue;
    const seconds = figures.find(({ subject, metric }) => subject === name && metric === 'virtualSeconds');
    if (seconds === undefined || chip.timing === null) continue;
    const line = lines.get(chip.timing) ?? [];
    lines.set(chip.timing, [...line, [change.percent, seconds.values[0] as number]]);
  }
  return [...lines].map(([name, points]) => ({ chart: 'time-by-change', name, points }));
}
