import type { Platform } from '../platform.js';

/** Of the erased state, and of nothing else: each bit can still be cleared. */
const ERASED = 0xff;

/** Bytes that are looked at together. */
const WORD = 4;
const ERASED_WORD = 0xffff_ffff;

/**
 * Whether a range is erased. It is when it begins so and each byte is like the one before it, which the platform can
 * tell much faster than a loop; what is not erased shows in its first byte, as a rule.
 */
export function isErased(bytes: Uint8Array, platform: Platform, from = 0, to = bytes.length): boolean {
  if (from >= to) return true;
  return bytes[from] === ERASED && platform.equal(bytes.subarray(from, to - 1), bytes.subarray(from + 1, to));
}

/**
 * Where the first whole word (of 4 bytes) that is erased begins, at or behind `from`; `to` where there is none. Tells of
 * content without such a word at once that none of its pages is erased. Never behind the first one, at `from` at worst.
 */
export function erasedWord(bytes: Uint8Array, from: number, to: number): number {
  if (bytes.byteOffset % WORD !== 0) return from;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, Math.floor(to / WORD));
  const found = words.indexOf(ERASED_WORD, Math.ceil(from / WORD));
  return found < 0 ? to : found * WORD;
}

/** Whether no bit of `want` is set that is clear in `have`. By words: where this holds every one is looked at. */
export function onlyClears(have: Uint8Array, want: Uint8Array): boolean {
  const count = want.length >> 2;
  const haveWords = new Uint32Array(have.buffer, have.byteOffset, count);
  const wantWords = new Uint32Array(want.buffer, want.byteOffset, count);
  for (let i = 0; i < count; i++) {
    if ((~(haveWords[i] as number) & (wantWords[i] as number)) !== 0) return false;
  }
  return true;
}
