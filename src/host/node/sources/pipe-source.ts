import { close, read } from 'node:fs';
import { SluiceError, errnoOf } from '../../../core/errors.js';
import type { Abort } from '../../../core/platform.js';
import { HeapTrimmer } from '../memory/heap.js';
import type { Source, Take } from './source.js';

/** Bytes of one read: the capacity of a pipe on Linux. */
const READ_SIZE = 64 * 1024;

/** Between two reads of a pipe that another process has set to non-blocking. */
const POLL_MS = 5;

/** A source that can be read once: a pipe, a socket, a terminal, a character device. */
export class PipeSource implements Source {
  readonly name: string;
  readonly size = null;
  readonly rereadable = false;
  readonly #fd: number;
  readonly #buffer = new Uint8Array(READ_SIZE);
  readonly #trimmer = new HeapTrimmer();

  constructor(fd: number, name: string) {
    this.#fd = fd;
    this.name = name;
  }

  async pump(take: Take, { signal, until }: { signal?: Abort; until?: () => boolean } = {}): Promise<void> {
    for (;;) {
      const count = await this.#read(signal);
      if (count === 0) return;
      await take(this.#buffer.subarray(0, count));
      if (until?.() === true) return;
      this.#trimmer.consumed(count);
    }
  }

  close(): void {
    // Standard input belongs to the process.
    if (this.#fd !== 0) close(this.#fd, () => {});
  }

  async #read(signal: Abort | undefined): Promise<number> {
    for (;;) {
      try {
        return await this.#readOnce(signal);
      } catch (thrown) {
        if (errnoOf(thrown) === 'EAGAIN') await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        else if (errnoOf(thrown) === 'EOF') return 0;
        else if (thrown instanceof SluiceError) throw thrown;
        else throw new SluiceError('ERR_SOURCE_UNREADABLE', `${this.name} cannot be read`, { cause: thrown });
      }
    }
  }

  /** A read that waits for a silent sender cannot be cancelled; after a signal its result is ignored. */
  #readOnce(signal: Abort | undefined): Promise<number> {
    return new Promise((resolve, reject) => {
      const abort = () =>
        reject(new SluiceError('ERR_SESSION_INTERRUPTED', 'interrupted while waiting for data'));
      const watched = signal instanceof AbortSignal ? signal : undefined;
      if (watched?.aborted === true) return abort();
      watched?.addEventListener('abort', abort, { once: true });
      read(this.#fd, this.#buffer, 0, READ_SIZE, null, (error, count) => {
        watched?.removeEventListener('abort', abort);
        if (error === null) resolve(count);
        else reject(error);
      });
      return undefined;
    });
  }
}
