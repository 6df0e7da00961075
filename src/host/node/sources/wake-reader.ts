import { closeSync, constants, fstatSync, openSync, statSync, writeSync } from 'node:fs';

/**
 * Wakes a thread of this process that waits for a silent sender, in `open` or `read` of a pipe. Without it Ctrl-C has no
 * effect: exit waits for the threads of the pool of libuv. Opens the other end and writes one byte, which is not used.
 *
 * @param path - a FIFO, or `/proc/self/fd/N`; ignored if it is anything else
 */
export function wakeReader(path: string): void {
  try {
    if (!statSync(path).isFIFO()) return;
    const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      if (fstatSync(fd).isFIFO()) writeSync(fd, '\0');
    } finally {
      closeSync(fd);
    }
  } catch {
    // No reader waits, the pipe is full, or another user owns it. A second signal ends the process.
  }
}
