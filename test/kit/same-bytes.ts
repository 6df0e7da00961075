import type { Test } from 'tap';

/** Where and how two byte strings differ first; null if they are the same. */
export function difference(found: Uint8Array, wanted: Uint8Array): string | null {
  if (Buffer.compare(found, wanted) === 0) return null;
  let at = 0;
  while (at < found.length && at < wanted.length && found[at] === wanted[at]) at++;
  const hex = (bytes: Uint8Array): string =>
    Buffer.from(bytes.subarray(at, at + 8)).toString('hex') || 'the end';
  return (
    `${found.length} bytes, ${wanted.length} wanted; ` +
    `they differ from offset 0x${at.toString(16)}: ${hex(found)}, wanted ${hex(wanted)}`
  );
}

/** Asserts that long byte strings are the same, and prints the first offset that differs: `t.same` takes seconds. */
export function sameBytes(
  t: Test,
  found: Uint8Array,
  wanted: Uint8Array,
  message = 'the same bytes',
): boolean {
  // A failure is at the line of the caller.
  t.currentAssert = sameBytes;
  return t.equal(difference(found, wanted), null, message);
}
