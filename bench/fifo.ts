/**
 * A named pipe to a program. What Node itself calls a pipe between it and a child is a pair of sockets, which buffers
 * more.
 */
import { execFileSync, type ChildProcess } from 'node:child_process';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

export function makeFifo(folder: string): string {
  const fifo = join(folder, 'fifo');
  rmSync(fifo, { force: true });
  execFileSync('mkfifo', [fifo]);
  return fifo;
}

/**
 * The writing end, when the program has opened its own.
 * @throws Error when the program ends before that
 */
export async function openFifo(fifo: string, child: ChildProcess): Promise<FileHandle> {
  let ended = false;
  const release = (): void => {
    ended = true;
    // A reader comes, so that `open` returns.
    closeSync(openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK));
  };
  child.once('exit', release);
  const pipe = await open(fifo, 'w');
  child.off('exit', release);
  if (!ended) return pipe;
  await pipe.close();
  throw new Error('the program ended before it read anything');
}
