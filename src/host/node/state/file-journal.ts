import { constants } from 'node:fs';
import { access, rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, SluiceError } from '../../../core/errors.js';
import { MAX_RECORD, type JournalStore } from '../../../core/update/resume/journal-store.js';
import { readSmallFile } from '../fs/small-file.js';
import { stateFailure } from '../fs/failure.js';
import { requireRecordSize } from './journal-frame.js';
import { JournalWear } from './journal-wear.js';
import { replaceFile, syncFolder } from '../fs/replace-file.js';

/** Bytes that must be free: the old record and the new one, with what file systems add. */
const ROOM = 4 * MAX_RECORD;

/** A journal in a file of its own. */
export class FileJournal implements JournalStore {
  readonly wear = new JournalWear();
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Sees that the folder can be written and has room, so that this is known before anything is erased.
   * @throws SluiceError ERR_USAGE_STATE
   */
  static async open(path: string): Promise<FileJournal> {
    const folder = dirname(path);
    try {
      await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
      const { bavail, bsize } = await statfs(folder);
      const free = bavail * bsize;
      if (free < ROOM) {
        throw new SluiceError(
          'ERR_USAGE_STATE',
          `${folder} has ${free} bytes free, and a journal takes ${ROOM}`,
        );
      }
    } catch (cause) {
      throw stateFailure('ERR_USAGE_STATE', `cannot use ${folder}`, cause);
    }
    return new FileJournal(path);
  }

  async load(): Promise<Uint8Array | null> {
    try {
      const found = readSmallFile(this.#path, MAX_RECORD);
      if (found === 'irregular') throw new Error('it is no regular file');
      // What is longer than a record must not look like one.
      return found === 'large' ? new Uint8Array(MAX_RECORD + 1) : Uint8Array.from(found.bytes);
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') return null;
      throw stateFailure('ERR_SESSION_JOURNAL', `cannot read ${this.#path}`, cause);
    }
  }

  async save(record: Uint8Array): Promise<void> {
    requireRecordSize(record);
    try {
      await replaceFile(this.#path, record);
    } catch (cause) {
      throw stateFailure('ERR_SESSION_JOURNAL', `cannot write ${this.#path}`, cause);
    }
    this.wear.count(record.length);
  }

  async clear(): Promise<void> {
    try {
      await rm(this.#path, { force: true });
      await syncFolder(dirname(this.#path));
    } catch (cause) {
      throw stateFailure('ERR_SESSION_JOURNAL', `cannot remove ${this.#path}`, cause);
    }
    this.wear.count(0);
  }
}
