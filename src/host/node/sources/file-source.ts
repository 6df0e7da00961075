import { closeSync, readSync } from 'node:fs';
import { SluiceError } from '../../../core/errors.js';
import { HeapTrimmer } from '../memory/heap.js';
import type { Source, Take } from './source.js';

/** Bytes of one read: what a page cache gives best, and no more than an erase block. */
const READ_SIZE = 64 * 1024;

/** Bytes after which timers, signals and progress get their turn: reads of a file never wait by themselves. */
const TURN = 1024 * 1024;

/**
 * A regular file, read with one reused buffer. Synchronous on purpose: a read out of the page cache takes
 * 11 us here, handing it to another thread and back 80.
 */
export class FileSource implements Source {
  readonly name: string;
  readonly size: number;
  readonly rereadable = true;
  readonly #fd: number;
  readonly #buffer = new Uint8Array(READ_SIZE);
  readonly #scavenger = new HeapTrimmer();

  /** @param fd - kept open for both readings, so that a file renamed over the path is not mixed in */
  constructor(fd: number, name: string, size: number) {
    this.#fd = fd;
    this.name = name;
    this.size = size;
  }

  async pump(take: Take, { until }: { until?: () => boolean } = {}): Promise<void> {
    for (let at = 0, turn = TURN; ;) {
      const count = this.#read(at);
      if (count === 0) return;
      await take(this.#buffer.subarray(0, count));
      if (until?.() === true) return;
      this.#scavenger.consumed(count);
      at += count;
      if (at < turn) continue;
      turn = at + TURN;
      await new Promise(setImmediate);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #read(at: number): number {
    try {
      return readSync(this.#fd, this.#buffer, 0, READ_SIZE, at);
    } catch (cause) {
      throw new SluiceError('ERR_SOURCE_UNREADABLE', `cannot read ${this.name} at ${at}`, { cause });
    }
  }
}
