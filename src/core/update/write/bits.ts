import type { Platform } from '../../platform.js';

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
  const aligned = have.byteOffset % WORD === 0 && want.byteOffset % WORD === 0;
  const words = aligned ? Math.floor(want.length / WORD) : 0;
  if (words > 0) {
    const before = new Uint32Array(have.buffer, have.byteOffset, words);
    if (!clears(before, new Uint32Array(want.buffer, want.byteOffset, words))) return false;
  }
  return clears(have.subarray(words * WORD), want.subarray(words * WORD));
}

function clears(have: ArrayLike<number>, want: ArrayLike<number>): boolean {
  for (let i = 0; i < want.length; i++) {
    if ((~(have[i] as number) & (want[i] as number)) !== 0) return false;
  }
  return true;
}
