import type { FlashTarget } from '../../flash/device.js';
import type { Platform } from '../../platform.js';
import { parseJournal, type JournalRecord } from './journal-record.js';
import type { JournalStore } from './journal-store.js';

/**
 * Partitions that updates were broken off in and that none has finished since, as the journal tells.
 * @param store - null where none is kept: then nothing is known
 * @returns names; those of all partitions where the record cannot be read
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
    // Who writes next is told why.
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
