import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** A small file, and who could have written it. */
export interface SmallFile {
  readonly bytes: Buffer;
  readonly mode: number;
  readonly uid: number;
}

/**
 * Reads a regular file of `most` bytes at most. No link is followed, and a FIFO does not make us wait. In this thread:
 * node:fs/promises would have to be loaded for it, which takes longer than the reading.
 *
 * @returns why not, when it is something else than a regular file or larger
 * @throws system errors as they come
 */
export function readSmallFile(path: string, most: number): SmallFile | 'irregular' | 'large' {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return 'irregular';
    let bytes = Buffer.alloc(Math.min(stat.size, most) + 1);
    for (let length = 0; ;) {
      const count = readSync(fd, bytes, length, bytes.length - length, null);
      length += count;
      if (length > most) return 'large';
      if (count === 0) {
        bytes = bytes.subarray(0, length);
        break;
      }
      // It grows while it is read.
      if (length === bytes.length) bytes = Buffer.concat([bytes], most + 1);
    }
    return { bytes, mode: stat.mode, uid: stat.uid };
  } finally {
    closeSync(fd);
  }
}
