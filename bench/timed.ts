/**
 * Timed chips in virtual time: how long the chip is busy with an update, against the floor, which is the time
 * of exactly the erases and programs that the change needs. Nothing here depends on this machine.
 */
import { findTiming, floor, memoryTarget, readMs, type MemoryTarget, type TimingModel } from '../src/core.js';
import { generateBundle, imagePieces, PIECE, type ImageSpec } from '../test/kit/generated-bundle.js';
import { MIB, round } from './figures.js';
import { writeBundle } from './update.js';

const LAYOUT = 'quanta-q71l';
const SIZE = 32 * MIB;

const CHIPS = [
  ['n25q256a', 'nor'],
  ['mx25l25635e', 'nor'],
  ['w25q256jv', 'nor'],
  ['mt25ql256', 'nor'],
  ['w25n01gv', 'nand'],
] as const;

/** One block in 20, scattered: each in an erase block of its own, of NAND too. */
const FIVE_PERCENT = Array.from({ length: Math.ceil(SIZE / PIECE / 20) }, (_, index) => index * 20);

export interface TimedRow {
  readonly chip: string;
  readonly type: 'nor' | 'nand';
  readonly change: 'full' | '5 %';
  /** Erase blocks that had to be erased. */
  readonly eraseBlocks: number;
  /** Milliseconds of the chip. `busy` is `floor` and `reads`, and `excess` where more was done than was needed. */
  readonly busyMs: number;
  readonly floorMs: number;
  readonly readsMs: number;
  readonly excessMs: number;
  /** Whole readings of the image that `reads` amounts to: compare, read back, and the last look before commit. */
  readonly readings: number;
  /** busy / floor. */
  readonly ratio: number;
}

export async function measureTimed(): Promise<TimedRow[]> {
  const rows: TimedRow[] = [];
  for (const [chip, type] of CHIPS) {
    for (const change of ['full', '5 %'] as const) rows.push(await measure(findTiming(chip), type, change));
  }
  return rows;
}

async function measure(
  timing: TimingModel,
  type: 'nor' | 'nand',
  change: TimedRow['change'],
): Promise<TimedRow> {
  const image: ImageSpec = { name: 'bmc', size: SIZE, seed: 1, changed: FIVE_PERCENT };
  const before = change === 'full' ? new Uint8Array(SIZE) : bytesOf({ ...image, changed: [] });
  const target = memoryTarget(LAYOUT, { type, timing, content: before.slice() });
  await writeBundle(target, async (take) => {
    for (const piece of generateBundle({ images: [image] }).chunks()) await take(piece);
  });
  const eraseBlocks = changedBlocks(before, target);
  const { geometry } = target.chip;
  const stats = target.chip.stats();
  await target.close();
  const floorMs = floor(timing, geometry, { eraseBlocks, programBytes: eraseBlocks * geometry.eraseSize });
  const readsMs = readMs(timing, stats.bytesRead);
  return {
    chip: timing.name,
    type,
    change,
    eraseBlocks,
    busyMs: round(stats.busyMs, 1),
    floorMs: round(floorMs, 1),
    readsMs: round(readsMs, 1),
    excessMs: round(stats.busyMs - floorMs - readsMs, 1),
    readings: round(stats.bytesRead / SIZE, 2),
    ratio: round(stats.busyMs / floorMs, 4),
  };
}

/**
 * Erase blocks whose bytes are others now. As the images here are noise in which a changed block sets bits and
 * no page is all 0xFF, each of them needs an erase and a program of all its pages.
 */
function changedBlocks(before: Uint8Array, { bytes, chip }: MemoryTarget): number {
  const { eraseSize } = chip.geometry;
  let count = 0;
  for (let at = 0; at < bytes.length; at += eraseSize) {
    if (Buffer.compare(before.subarray(at, at + eraseSize), bytes.subarray(at, at + eraseSize)) !== 0) {
      count++;
    }
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
