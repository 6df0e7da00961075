/** Bytes that the kernel takes for the path of a unix socket (unix(7): 108 with the NUL behind it). */
const MAX_PATH_BYTES = 107;

/** @returns what is wrong with the path of a unix socket that is too long, which node cuts off without a word; else null */
export function tooLong(path: string): string | null {
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_PATH_BYTES) return null;
  return `the path of a unix socket has at most ${MAX_PATH_BYTES} bytes, and ${path} has ${bytes}`;
}
