import type { Platform } from '../platform.js';

/** Of the erased state, and of nothing else: each bit can still be cleared. */
const ERASED = 0xff;

/**
 * Whether a range is erased. It is when it begins so and each byte is like the one before it, which the platform can
 * tell much faster than a loop; what is not erased shows in its first byte, as a rule.
 */
export function isErased(bytes: Uint8Array, platform: Platform, from = 0, to = bytes.length): boolean {
  if (from >= to) return true;
  return bytes[from] === ERASED && platform.equal(bytes.subarray(from, to - 1), bytes.subarray(from + 1, to));
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
