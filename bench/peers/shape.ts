/** What goes between the host and the guest of this harness. */

/** How much of the chip differs from the image, in percent of its erase blocks. */
export const CHANGES = [0, 5, 100] as const;
export type Change = (typeof CHANGES)[number];

export type Medium = 'nor' | 'nand';

/** One run, as measure.c reports it: seconds and KiB. */
export interface Measured {
  readonly code: number;
  readonly wall: number;
  readonly user: number;
  readonly system: number;
  /** Of the largest process, the kernel's high-water mark. */
  readonly peakRss: number;
  readonly available: number;
  readonly lowestAvailable: number;
  /** Growth of all tmpfs. */
  readonly tmpfs: number;
}

/** What a run did to the flash: counted in one of its own, as counting takes time. Bytes. */
export interface Wear {
  readonly erased: number;
  readonly programmed: number;
}

export interface Row {
  readonly medium: Medium;
  readonly peer: string;
  readonly change: Change;
  readonly runs: readonly Measured[];
  readonly wear: Wear;
}

/** Seconds of each program of the marks, one figure a round. */
export type Marks = Readonly<Record<string, readonly number[]>>;

/** The guest's answer. */
export interface Answer {
  readonly rows: Row[];
  readonly marks: Readonly<Record<Medium, Marks>> | null;
  readonly versions: Readonly<Record<string, string>>;
}

/** What the guest is asked for. */
export interface Order {
  readonly sections: readonly ('peers' | 'marks')[];
  readonly media: readonly Medium[];
  readonly repeats: number;
  readonly url: string;
}

export const NOR_BLOCK = 64 * 1024;
export const NAND_BLOCK = 128 * 1024;
export const NOR_SIZE = 32 * 2 ** 20;
/** Five blocks less than the partition, as many as are bad. */
export const NAND_BAD = [3, 17, 100, 101, 200] as const;
export const NAND_BLOCKS = 256;
export const NAND_SIZE = (NAND_BLOCKS - NAND_BAD.length) * NAND_BLOCK;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[middle]];
  if (low === undefined || high === undefined) throw new Error('the median of nothing');
  return (low + high) / 2;
}
