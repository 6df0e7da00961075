import { join } from 'node:path';
import { asSluiceError, EXIT, SluiceError } from '../../../core/errors.js';
import type { FlashTarget, Partition } from '../../../core/flash/device.js';
import { openFlash, type FlashOptions } from '../flash/open-flash.js';
import { mayOverlap } from '../../../core/flash/overlap.js';
import type { JournalStore } from '../../../core/update/resume/journal-store.js';
import { FileJournal } from '../../../core/update/resume/file-journal.js';
import { FlashJournal } from '../../../core/update/resume/flash-journal.js';
import { journalName } from '../../../core/update/resume/journal-name.js';
import { LebJournal } from '../../../core/update/resume/leb-journal.js';
import { sha256 } from '../crypto/sha256.js';
import { nodeFiles } from '../fs/node-files.js';
import { makeFolder } from '../fs/make-folder.js';
import { placeText, type StatePlace } from './place.js';

/** Flash with the journal of the sessions that write it. */
export interface JournalledTarget extends FlashTarget {
  /** Null where none is kept. Its flash is let go when the target is closed. */
  readonly journal: JournalStore | null;
}

/** Options of `openJournalled`. */
export interface JournalOptions extends FlashOptions {
  readonly place: StatePlace;
  /**
   * Called where the place cannot be used and may be done without: then there is no journal. Not given: it is an
   * error.
   */
  readonly without?: ((error: SluiceError) => void) | undefined;
}

/** Whether an error is reported as it is: it says nothing against the place. */
const isNotOfThePlace = ({ code, exit }: SluiceError): boolean =>
  exit === EXIT.interrupted || code === 'ERR_BUSY_FLASH';

/**
 * Opens a flash address for writing, and the place of its journal.
 * @throws SluiceError ERR_USAGE_STATE when the place cannot be used; and as openFlash does
 */
export async function openJournalled(address: string, options: JournalOptions): Promise<JournalledTarget> {
  const { place, without } = options;
  const reserve = reservedIn(address, place);
  const target = await openFlash(address, { ...options, ...(reserve === null ? {} : { reserve }) });
  let other: FlashTarget | null = null;
  let journal: JournalStore | null = null;
  let partitions = target.partitions;
  try {
    if (place.kind === 'flash') {
      let reserved: Partition | undefined = reserve === null ? undefined : target.reserved;
      if (reserve === null) {
        if (place.flash === 'sim')
          throw new SluiceError('ERR_USAGE_STATE', `${address} is no simulated chip`);
        other = await openFlash(placeText(place), { ...options, forceMounted: [] });
        reserved = other.partitions.get(place.name);
      }
      journal = await openReserved(place.name, reserved);
      partitions = guarded(target, reserved as Partition, place);
    } else {
      journal = await openFile(target, place);
    }
  } catch (thrown) {
    await other?.close().catch(() => {});
    other = null;
    const error = refusal(place, thrown);
    if (without === undefined || isNotOfThePlace(error)) {
      await target.close().catch(() => {});
      throw error;
    }
    without(error);
  }
  return {
    address: target.address,
    partitions,
    journal,
    async close() {
      try {
        await target.close();
      } finally {
        await other?.close();
      }
    },
  };
}

/** The name of a partition that has to be opened with the flash itself, as one lock is for all of a chip. */
function reservedIn(address: string, place: StatePlace): string | null {
  if (place.kind !== 'flash' || place.flash === 'ubi') return null;
  return address.startsWith(`${place.flash}:`) ? place.name : null;
}

async function openFile(target: FlashTarget, place: StatePlace): Promise<JournalStore | null> {
  if (place.kind === 'beside')
    return FileJournal.open(nodeFiles, `${target.address.slice('sim:'.length)}.journal`);
  if (place.kind !== 'folder') return null;
  makeFolder(place.path);
  return FileJournal.open(
    nodeFiles,
    join(place.path, journalName(target.identity ?? target.address, sha256)),
  );
}

async function openReserved(name: string, partition: Partition | undefined): Promise<JournalStore> {
  if (partition === undefined) throw new SluiceError('ERR_USAGE_STATE', `there is no partition ${name}`);
  const use = (await partition.inUse?.()) ?? null;
  if (use !== null) throw new SluiceError('ERR_USAGE_STATE', `partition ${name} is ${use}`);
  const { type } = partition.device.geometry;
  return type === 'ubi' ? LebJournal.open(partition) : FlashJournal.open(partition);
}

function refusal(place: StatePlace, thrown: unknown): SluiceError {
  const error = asSluiceError(thrown);
  if (isNotOfThePlace(error)) return error;
  const { message } = error;
  const text = placeText(place);
  const what = message.includes(text) ? message : `the journal cannot be kept in ${text}: ${message}`;
  return new SluiceError('ERR_USAGE_STATE', what, { cause: thrown });
}

/** The partitions, with those refused that are the reserved one or have flash in common with it. */
function guarded(
  target: FlashTarget,
  reserved: Partition,
  place: StatePlace & { kind: 'flash' },
): ReadonlyMap<string, Partition> {
  // A volume of UBI that was opened apart is known by its name only.
  const isReserved = (partition: Partition): boolean =>
    place.flash === 'ubi'
      ? target.address.startsWith('ubi:') && partition.name === reserved.name
      : mayOverlap(partition, reserved);
  return new Map(
    [...target.partitions].map(([name, partition]) => [
      name,
      isReserved(partition)
        ? { ...partition, inUse: () => Promise.reject(holdsJournal(name, place)) }
        : partition,
    ]),
  );
}

function holdsJournal(name: string, place: StatePlace): SluiceError {
  const text = placeText(place);
  return new SluiceError(
    'ERR_USAGE_STATE',
    `partition ${name} is to be written, and ${text} is reserved for the journal there; leave it out with --only`,
    { partition: name },
  );
}
