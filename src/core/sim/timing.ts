/**
 * How long flash chips take, as data. Figures are typical ones; if the sources have none, an assumed one
 * is used and a comment says so.
 *
 * @packageDocumentation
 */
import { SluiceError } from '../errors.js';
import type { Geometry } from '../flash/device.js';

/** One erase command and its time. */
export interface EraseTime {
  /** Bytes that the command erases. */
  readonly size: number;
  readonly ms: number;
}

/** Times of one chip. */
export interface TimingModel {
  readonly name: string;
  /** Erase commands of the chip, smallest first. */
  readonly erase: readonly EraseTime[];
  /** Page program: at most `page` bytes in `ms`. */
  readonly program: { readonly page: number; readonly ms: number };
  /** Read rate in bytes per millisecond. */
  readonly readRate: number;
}

const KIB = 1024;

export const TIMINGS: readonly TimingModel[] = [
  {
    name: 'n25q256a',
    // Erase and read (54 MB/s, quad at 108 MHz): figures in openbmc/openbmc issue 295. Page program 0.5 ms: assumed,
    // usual for 256-byte pages of this generation.
    erase: [
      { size: 4 * KIB, ms: 250 },
      { size: 64 * KIB, ms: 700 },
    ],
    program: { page: 256, ms: 0.5 },
    readRate: 54_000,
  },
  {
    name: 'mx25l25635e',
    // Erase: figures in openbmc/openbmc issue 295. Page program 1.4 ms: assumed, as KH25L8005 of the same maker. Read
    // 40 MB/s: assumed, quad at 80 MHz.
    erase: [
      { size: 4 * KIB, ms: 60 },
      { size: 64 * KIB, ms: 700 },
    ],
    program: { page: 256, ms: 1.4 },
    readRate: 40_000,
  },
  {
    name: 'w25q256jv',
    // Erase and page program (0.7 ms, the upper one of two typical figures): transcribed data sheet, not checked. Read
    // 66.5 MB/s: assumed, quad at 133 MHz.
    erase: [
      { size: 4 * KIB, ms: 45 },
      { size: 64 * KIB, ms: 150 },
    ],
    program: { page: 256, ms: 0.7 },
    readRate: 66_500,
  },
  {
    name: 'mt25ql256',
    // Erase 400 KiB/s in 64 KiB blocks and 80 KiB/s in 4 KiB ones, program 2 MiB/s: front page of the MT25QL256ABA
    // data sheet. Read 66.5 MB/s: assumed, quad at 133 MHz.
    erase: [
      { size: 4 * KIB, ms: 50 },
      { size: 64 * KIB, ms: 160 },
    ],
    program: { page: 256, ms: (256 / (2 * KIB * KIB)) * 1000 },
    readRate: 66_500,
  },
  {
    name: 'w25n01gv',
    // Block erase 2 ms, page program 0.25 ms, page read 60 us: typical figures, not checked. Transfer of a page at 52
    // MB/s: assumed, quad at 104 MHz; with the page read 2048 bytes in 0.0994 ms.
    erase: [{ size: 128 * KIB, ms: 2 }],
    program: { page: 2048, ms: 0.25 },
    readRate: 20_600,
  },
  {
    name: 'none',
    // No chip: every operation takes no time.
    erase: [{ size: 1, ms: 0 }],
    program: { page: 256, ms: 0 },
    readRate: Infinity,
  },
];

/** The names that `findTiming` takes. */
export const TIMING_NAMES: readonly string[] = TIMINGS.map(({ name }) => name);

/** The model in which nothing takes time. */
export const NO_TIMING: TimingModel = TIMINGS[TIMINGS.length - 1] as TimingModel;

/**
 * A model by its name.
 * @throws SluiceError ERR_USAGE_OPTION if there is none with that name
 */
export function findTiming(name: string): TimingModel {
  const model = TIMINGS.find((candidate) => candidate.name === name);
  if (model === undefined) {
    throw new SluiceError(
      'ERR_USAGE_OPTION',
      `timing model ${JSON.stringify(name.slice(0, 64))} is unknown; known models: ${TIMING_NAMES.join(', ')}`,
    );
  }
  return model;
}

/**
 * Milliseconds to erase one block of `eraseSize` bytes with the largest command that fits, repeated as needed. A
 * block below the smallest command takes one of those.
 */
export function eraseMs(model: TimingModel, eraseSize: number): number {
  let best = model.erase[0] as EraseTime;
  for (const command of model.erase) if (command.size <= eraseSize) best = command;
  return Math.ceil(eraseSize / best.size) * best.ms;
}

/** Milliseconds to program `length` bytes at `offset`: each touched page takes one page program. */
export function programMs(model: TimingModel, offset: number, length: number): number {
  if (length === 0) return 0;
  const { page, ms } = model.program;
  return Math.ceil(((offset % page) + length) / page) * ms;
}

export function readMs(model: TimingModel, length: number): number {
  return length / model.readRate;
}

/** Operations that a change needs. */
export interface NeededOperations {
  readonly eraseBlocks: number;
  /** Bytes to program, in whole pages except the last. */
  readonly programBytes: number;
}

/** Milliseconds of exactly these erases and programs: the least that an update takes on this chip. */
export function leastMs(
  model: TimingModel,
  geometry: Pick<Geometry, 'eraseSize'>,
  { eraseBlocks, programBytes }: NeededOperations,
): number {
  return eraseBlocks * eraseMs(model, geometry.eraseSize) + programMs(model, 0, programBytes);
}
