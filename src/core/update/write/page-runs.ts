import type { Platform } from '../../platform.js';
import { erasedWord, isErased } from './bits.js';

/** Page of SPI NOR: the unit in which a program is sent to the chip, so the finest worth telling apart. */
const NOR_PAGE = 256;

/** A range of bytes, the end not in it. */
export type Run = readonly [from: number, to: number];

/** The size of a page on a chip with this smallest program, in bytes. */
export const pageSizeOf = (writeSize: number): number => Math.ceil(NOR_PAGE / writeSize) * writeSize;

/**
 * The runs of pages that have to be programmed so that flash holds `want`; the last page may be a short one. A gap of
 * one page ends a run. On NAND it must; on NOR to program 0xFF over it would take the chip 0.4 ms a page, longer than
 * another system call does.
 * @param have - what is in flash there; null if it is erased
 */
export function* pageRuns(
  want: Uint8Array,
  have: Uint8Array | null,
  page: number,
  platform: Platform,
): Generator<Run, void> {
  const { length } = want;
  const holds = (at: number): boolean => {
    const end = Math.min(at + page, length);
    if (have === null) return isErased(want, platform, at, end);
    return platform.equal(want.subarray(at, end), have.subarray(at, end));
  };
  const last = length - (length % page || page);
  for (let at = 0; at < length; at += page) {
    if (holds(at)) continue;
    const from = at;
    do {
      at += page;
      // Most content has no erased page: not each one is looked at to find that out.
      if (have === null && at < last) at = Math.min(last, pageStart(erasedWord(want, at, length), page));
    } while (at < length && !holds(at));
    yield [from, Math.min(at, length)];
  }
}

const pageStart = (at: number, page: number): number => at - (at % page);
