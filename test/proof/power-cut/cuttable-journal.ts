import { SluiceError } from '../../../src/core/errors.js';
import type { JournalStore } from '../../../src/core/update/resume/journal-store.js';

/** A journal in memory. The power may go when it is changed: then it holds the old record or the new one. */
export class CuttableJournal implements JournalStore {
  record: Uint8Array | null;
  readonly wear = { writes: 0, bytes: 0 };
  /** Saves and clears so far. */
  changes = 0;
  readonly #changing: (nth: number) => 'before' | 'after' | null;
  #powered = true;

  /** @param changing - asked at each change, which is counted from 1, whether the power goes and when */
  constructor(record: Uint8Array | null, changing: (nth: number) => 'before' | 'after' | null = () => null) {
    this.record = record;
    this.#changing = changing;
  }

  async load(): Promise<Uint8Array | null> {
    return this.record?.slice() ?? null;
  }

  async save(record: Uint8Array): Promise<void> {
    await this.#change(record.slice());
    this.wear.bytes += record.length;
  }

  async clear(): Promise<void> {
    await this.#change(null);
  }

  async #change(record: Uint8Array | null): Promise<void> {
    await Promise.resolve();
    const cut = this.#powered ? this.#changing(++this.changes) : 'before';
    if (cut !== 'before') this.record = record;
    this.wear.writes++;
    if (cut === null) return;
    this.#powered = false;
    throw new SluiceError('ERR_SESSION_JOURNAL', 'the power went while the journal was changed');
  }
}
