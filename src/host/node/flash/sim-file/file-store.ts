import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import type { ChipStore } from '../../../../core/sim/store.js';

/** One write of a fill; an erase block of the usual chips or a part of it. */
const FILL = 64 * 1024;

/** A chip in a file of its raw bytes, so that `dd` and `cmp` work on it. */
export class FileStore implements ChipStore {
  readonly size: number;
  readonly #fd: number;
  readonly #pattern = new Uint8Array(FILL).fill(0xff);
  #patternValue = 0xff;
  #open = true;

  /** Opens an existing file to read and write. Throws the system's error when it cannot. */
  constructor(path: string) {
    this.#fd = openSync(path, 'r+');
    const stat = fstatSync(this.#fd);
    this.size = stat.size;
    if (!stat.isFile()) {
      this.close();
      throw Object.assign(new Error(`${path} is not a regular file`), { code: 'EINVAL' });
    }
  }

  read(offset: number, into: Uint8Array): void {
    let done = 0;
    while (done < into.length) {
      const count = readSync(this.#fd, into, done, into.length - done, offset + done);
      if (count === 0) {
        throw Object.assign(new Error(`the file ends at ${offset + done}, inside the chip`), { code: 'EIO' });
      }
      done += count;
    }
  }

  write(offset: number, bytes: Uint8Array): void {
    let done = 0;
    while (done < bytes.length) {
      done += writeSync(this.#fd, bytes, done, bytes.length - done, offset + done);
    }
  }

  fill(offset: number, length: number, value: number): void {
    if (value !== this.#patternValue) {
      this.#pattern.fill(value);
      this.#patternValue = value;
    }
    let done = 0;
    while (done < length) {
      done += writeSync(this.#fd, this.#pattern, 0, Math.min(FILL, length - done), offset + done);
    }
  }

  sync(): void {
    fsyncSync(this.#fd);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd);
  }
}
