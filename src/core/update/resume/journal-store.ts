/**
 * Where the journal of a session is kept. The platform hands it in: a file in a state directory, a reserved erase
 * block, a UBI LEB. What is in the record is journal-record.ts's matter.
 *
 * @packageDocumentation
 */

import { SluiceError } from '../../errors.js';

/** Bytes that a record has at most, so that a store can reserve room for it before anything is erased. */
export const MAX_RECORD = 4096;

/** Keeps one small record. */
export interface JournalStore {
  /**
   * The record that was saved last, null when there is none. What cannot be a whole record is handed on as it is:
   * the journal decides what a damaged one means.
   * @throws SluiceError ERR_SESSION_JOURNAL when it cannot be read
   */
  load(): Promise<Uint8Array | null>;

  /**
   * Replaces the record, of at most MAX_RECORD bytes. Durable when it resolves; a power cut on the way leaves the old
   * one or the new one.
   * @throws SluiceError ERR_SESSION_JOURNAL
   */
  save(record: Uint8Array): Promise<void>;

  /**
   * Takes the record away.
   * @throws SluiceError ERR_SESSION_JOURNAL
   */
  clear(): Promise<void>;

  /** Bytes written to the medium so far, its own bookkeeping left out; for the receipt. */
  readonly wear: { readonly writes: number; readonly bytes: number };
}

/**
 * Refuses a record that is too long for a store.
 * @throws SluiceError ERR_SESSION_JOURNAL
 */
export function requireRecordSize(record: Uint8Array): void {
  if (record.length <= MAX_RECORD) return;
  throw new SluiceError(
    'ERR_SESSION_JOURNAL',
    `a record of ${record.length} bytes; a journal takes ${MAX_RECORD}`,
  );
}
