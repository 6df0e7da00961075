import type { JournalStore } from '../../src/core/update/resume/journal-store.js';

/** A journal in memory: what a file would hold, and everything that was ever saved. */
export class MemoryJournal implements JournalStore {
  record: Uint8Array | null;
  readonly saved: string[] = [];
  readonly wear = { writes: 0, bytes: 0 };
  /** Thrown by the n-th save from now on, counted from 1. */
  failing: { readonly nth: number; readonly error: unknown } | null = null;

  constructor(record: Uint8Array | null = null) {
    this.record = record;
  }

  /** The text of the record, null when there is none. */
  get text(): string | null {
    return this.record === null ? null : Buffer.from(this.record).toString('latin1');
  }

  load(): Promise<Uint8Array | null> {
    return Promise.resolve(this.record);
  }

  async save(record: Uint8Array): Promise<void> {
    this.wear.writes++;
    this.wear.bytes += record.length;
    if (this.failing !== null && this.wear.writes >= this.failing.nth) throw this.failing.error;
    this.record = record.slice();
    this.saved.push(this.text as string);
  }

  async clear(): Promise<void> {
    this.wear.writes++;
    this.record = null;
  }
}
