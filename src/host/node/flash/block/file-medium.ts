import { realpathSync, statSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { errnoOf, SluiceError } from '../../../../core/errors.js';
import { usersOfFile, type SystemRoots } from '../in-use.js';
import { PidLock } from '../../fs/pid-lock.js';
import { systemFailure } from '../../../../core/flash/errno.js';
import { MAX_DIRTY_BYTES, type Medium } from '../../../../core/flash/block/medium.js';

/** What Linux calls a sector; file systems in an image file count in it at least. */
const SECTOR = 512;

/**
 * A regular file: an image of a disk or a partition. Needs no addon. What was written is brought to the disk every
 * `WRITE_BACK` bytes, but read back through the page cache: the file system below may move the bytes anyway.
 */
export class FileMedium implements Medium {
  readonly size: number;
  readonly logicalBlock = SECTOR;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #identity: string;
  readonly #lock: PidLock | null;
  readonly #roots: Partial<SystemRoots>;
  #unsynced = 0;

  private constructor(
    path: string,
    file: FileHandle,
    stat: FileStat,
    lock: PidLock | null,
    roots: Partial<SystemRoots>,
  ) {
    this.size = Number(stat.size);
    this.#path = path;
    this.#file = file;
    this.#identity = identityOf(stat);
    this.#lock = lock;
    this.#roots = roots;
  }

  /**
   * Opens it, for writing with a lock beside it (PATH.lock); for reading there must be none.
   * @throws SluiceError ERR_BUSY_FLASH; system errors
   */
  static async open(given: string, write: boolean, roots: Partial<SystemRoots>): Promise<FileMedium> {
    // The lock is by name: two names of one file would be two locks.
    const path = realpathSync(given);
    const file = await open(path, write ? 'r+' : 'r');
    try {
      const stat = await file.stat({ bigint: true });
      if (!write) PidLock.requireFree(path);
      const lock = write ? PidLock.take(path) : null;
      return new FileMedium(path, file, stat, lock, roots);
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    for (let done = 0; done < into.length;) {
      const { bytesRead } = await this.#file.read(into, done, into.length - done, offset + done);
      if (bytesRead === 0) throw this.#replaced('it is shorter than it was');
      done += bytesRead;
    }
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, offset + done);
        // Tried again it would be tried for ever.
        if (bytesWritten === 0) throw Object.assign(new Error('a write of nothing'), { code: 'EIO' });
        done += bytesWritten;
      }
    } catch (cause) {
      const errno = errnoOf(cause);
      if (errno !== 'ENOSPC' && errno !== 'EDQUOT') throw cause;
      // A sparse file; on a device the same means that it has an end.
      throw new SluiceError('ERR_FLASH_SYSTEM', `${this.#path}: its file system is full`, { cause });
    }
    this.#unsynced += bytes.length;
    if (this.#unsynced < MAX_DIRTY_BYTES) return;
    try {
      await this.#file.datasync();
    } catch (thrown) {
      // Of this block or of one before it: that is not told.
      throw systemFailure(this.#path, 'sync', thrown);
    }
    this.#unsynced = 0;
  }

  async sync(): Promise<void> {
    await this.#file.sync();
    this.#unsynced = 0;
  }

  confirm(): void {
    const stat = statSync(this.#path, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined || identityOf(stat) !== this.#identity) {
      throw this.#replaced('it is another file, or has another size, than when the update was planned');
    }
  }

  users(): string | null {
    return usersOfFile(this.#path, this.#roots);
  }

  async close(): Promise<void> {
    try {
      await this.#file.close();
    } finally {
      this.#lock?.release();
    }
  }

  #replaced(what: string): SluiceError {
    return new SluiceError('ERR_FLASH_REPLACED', `${this.#path}: ${what}`);
  }
}

interface FileStat {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
}

const identityOf = ({ dev, ino, size }: FileStat): string => `${dev}:${ino}:${size}`;
