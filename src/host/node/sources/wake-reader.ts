import { closeSync, constants, fstatSync, openSync, statSync, writeSync } from 'node:fs';

/**
 * Frees a thread of this process that waits for a silent sender, in `open` or in `read` of a pipe: the process
 * could not end before it (exit joins the threads of libuv's pool), so Ctrl-C would seem to do nothing. It is
 * done as a sender would: by opening the other end and writing one byte, which nobody will look at any more.
 *
 * @param path - a FIFO, or `/proc/self/fd/N`; everything else is left alone
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
    // No reader waits, the pipe is full, or it is another user's: a second signal ends the process all the same.
  }
}
