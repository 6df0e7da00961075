/** Whether no bit of `want` is set that is clear in `have`. By words: on erased flash every one is looked at. */
export function onlyClears(have: Uint8Array, want: Uint8Array): boolean {
  const count = want.length >> 2;
  const haveWords = new Uint32Array(have.buffer, have.byteOffset, count);
  const wantWords = new Uint32Array(want.buffer, want.byteOffset, count);
  for (let i = 0; i < count; i++) {
    if ((~(haveWords[i] as number) & (wantWords[i] as number)) !== 0) return false;
  }
  return true;
}

/** Whether a range of `want` is other than `have` has from `offset` on, or than erased flash where that is null. */
export function differs(
  want: Uint8Array,
  from: number,
  to: number,
  have: Uint8Array | null,
  offset: number,
): boolean {
  for (let i = from; i < to; i++) {
    if (want[i] !== (have === null ? 0xff : have[offset + i - from])) return true;
  }
  return false;
}
