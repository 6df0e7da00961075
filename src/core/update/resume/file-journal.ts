import { errnoOf, SluiceError } from '../../errors.js';
import { folderOf } from '../../paths.js';
import type { SystemFiles } from '../../system-files.js';
import { systemFailure } from '../../system-reason.js';
import { MAX_RECORD, requireRecordSize, type JournalStore } from './journal-store.js';
import { JournalWear } from './journal-wear.js';

/** Bytes that must be free: the old record and the new one, with what file systems add. */
const ROOM = 4 * MAX_RECORD;

/** A journal in a file of its own. */
export class FileJournal implements JournalStore {
  readonly wear = new JournalWear();
  readonly #files: SystemFiles;
  readonly #path: string;

  private constructor(files: SystemFiles, path: string) {
    this.#files = files;
    this.#path = path;
  }

  /**
   * Checks that the folder can be written and has room, so that this is known before anything is erased.
   * @throws SluiceError ERR_USAGE_STATE
   */
  static async open(files: SystemFiles, path: string): Promise<FileJournal> {
    const folder = folderOf(path);
    try {
      const free = await files.freeBytes(folder);
      if (free < ROOM) {
        throw new SluiceError(
          'ERR_USAGE_STATE',
          `${folder} has ${free} bytes free, and a journal takes ${ROOM}`,
        );
      }
    } catch (cause) {
      throw systemFailure('ERR_USAGE_STATE', `cannot use ${folder}`, cause);
    }
    return new FileJournal(files, path);
  }

  async load(): Promise<Uint8Array | null> {
    try {
      const found = this.#files.readSmall(this.#path, MAX_RECORD);
      if (found === 'irregular') throw new Error('it is no regular file');
      // What is longer than a record must not look like one.
      return found === 'large' ? new Uint8Array(MAX_RECORD + 1) : Uint8Array.from(found);
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') return null;
      throw systemFailure('ERR_SESSION_JOURNAL', `cannot read ${this.#path}`, cause);
    }
  }

  async save(record: Uint8Array): Promise<void> {
    requireRecordSize(record);
    try {
      await this.#files.replace(this.#path, record);
    } catch (cause) {
      throw systemFailure('ERR_SESSION_JOURNAL', `cannot write ${this.#path}`, cause);
    }
    this.wear.count(record.length);
  }

  async clear(): Promise<void> {
    try {
      await this.#files.remove(this.#path);
    } catch (cause) {
      throw systemFailure('ERR_SESSION_JOURNAL', `cannot remove ${this.#path}`, cause);
    }
    this.wear.count(0);
  }
}
