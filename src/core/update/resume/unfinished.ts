import type { FlashTarget } from '../../flash/device.js';
import type { Platform } from '../../platform.js';
import { parseJournal, type JournalRecord } from './journal-record.js';
import type { JournalStore } from './journal-store.js';

/**
 * Partitions in which an update was interrupted and that none has finished since, by the journal.
 * @param store - null where none is kept: then nothing is known
 * @returns names; those of all partitions if the record cannot be read
 */
export async function unfinishedIn(
  store: JournalStore | null,
  platform: Platform,
  target: FlashTarget,
): Promise<readonly string[]> {
  try {
    const bytes = (await store?.load()) ?? null;
    if (bytes === null) return [];
    const record = parseJournal(platform, bytes);
    return record === null ? [...target.partitions.keys()] : partitionsOf(record);
  } catch {
    // The next session that writes reports why.
    return [];
  }
}

/** Partitions that a record is about. */
export function partitionsOf({
  partitions,
  suspects,
  windows,
}: Pick<JournalRecord, 'partitions' | 'suspects' | 'windows'>): readonly string[] {
  const named = [...suspects, ...windows].map(({ partition }) => partition);
  return [...new Set([...partitions, ...named])];
}
