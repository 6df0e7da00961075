import { errnoOf, SluiceError } from '../../errors.js';
import { UNSUPPORTED, type Match, type Unsupported } from '../device.js';
import type { FlashDriver } from '../checked-device.js';
import { quote } from '../../text.js';
import { systemFailure, type Request } from '../errno.js';
import type { UbiFacts, UbiSyscalls } from '../mtd-syscalls.js';

/** `ubi0_3 "rwfs"`, for messages. */
export function labelOf({ ubi, volume, name }: UbiFacts): string {
  return `ubi${ubi}_${volume} ${quote(name)}`;
}

/**
 * The operations of one UBI volume, whose erase blocks are its LEBs. All of them work on a dynamic volume; the
 * comments name those that also work on a static one. The first operation opens the volume, which stays open until
 * `close`.
 *
 * A volume with an update marker (an ubiupdatevol was interrupted) cannot be read until it is written again. Here
 * `compare` returns `differs` for it, and the first change wipes it.
 */
export class UbiDriver implements FlashDriver {
  readonly #entry: UbiFacts;
  readonly #open: () => Promise<UbiSyscalls>;
  readonly #write: boolean;
  #marked = false;
  /** Bytes that are missing in an update of the whole volume. */
  #wanted = 0;
  #volume: UbiSyscalls | null = null;
  #direct = false;

  /**
   * @param open - opens and locks the volume
   * @param write - whether the volume is opened for writing
   */
  constructor(entry: UbiFacts, open: () => Promise<UbiSyscalls>, write: boolean) {
    this.#entry = entry;
    this.#open = open;
    this.#write = write;
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    await this.#opened();
    if (this.#marked) {
      const what = 'cannot be read: its last update was interrupted';
      throw new SluiceError('ERR_FLASH_READ', `${labelOf(this.#entry)} ${what}`);
    }
    await this.#call('read', offset, (volume) => volume.read(offset, into));
  }

  async compare(offset: number, bytes: Uint8Array): Promise<Match> {
    await this.#opened();
    return this.#marked ? 'differs' : this.#call('read', offset, (volume) => volume.compare(offset, bytes));
  }

  async erase(block: number): Promise<void> {
    const offset = block * this.#entry.lebSize;
    await this.#wipeMarked();
    await this.#call('erase', offset, (volume) => volume.eraseLeb(block));
  }

  async program(offset: number, bytes: Uint8Array): Promise<void> {
    await this.#wipeMarked();
    await this.#call('program', offset, async (volume) => {
      if (!this.#direct) await volume.directWrite(true);
      this.#direct = true;
      await volume.write(offset, bytes);
    });
  }

  /**
   * Pages of 0xFF at the end are not written, as with ubiupdatevol: UBIFS will write there, and a page can be
   * programmed only once.
   */
  async replace(block: number, bytes: Uint8Array): Promise<void> {
    const { lebSize, minIo } = this.#entry;
    await this.#wipeMarked();
    const length = Math.ceil(usedLength(bytes) / minIo) * minIo;
    await this.#call('program', block * lebSize, async (volume) => {
      if (length === 0) return volume.eraseLeb(block);
      try {
        return await volume.changeLeb(block, bytes.subarray(0, length));
      } catch (thrown) {
        // Until the volume is closed, the kernel waits for the missing bytes.
        await this.close();
        throw thrown;
      }
    });
  }

  /** Whether the volume has an update marker. Static volumes too. */
  async isMarked(): Promise<boolean> {
    await this.#opened();
    return this.#marked;
  }

  /** Removes the old content and sets the update marker until `length` bytes are appended. Static volumes too. */
  async startUpdate(length: number): Promise<void> {
    // A descriptor can have one update. On close the kernel drops the update but keeps the marker.
    if (this.#wanted > 0) await this.close();
    await this.#updating('erase', (volume) => volume.startUpdate(length));
    this.#marked = length > 0;
    this.#wanted = length;
  }

  /** Appends the next bytes of a started update. Static volumes too. */
  async append(bytes: Uint8Array): Promise<void> {
    if (bytes.length > this.#wanted) {
      const what = `${bytes.length} bytes, but ${this.#wanted} bytes are missing`;
      throw new SluiceError('ERR_FLASH_RANGE', `${labelOf(this.#entry)}: append of ${what}`);
    }
    await this.#updating('program', (volume) => volume.append(bytes));
    this.#wanted -= bytes.length;
    this.#marked = this.#wanted > 0;
  }

  /** Only the kernel knows how far a failed step came, so the volume is closed and its marker read again. */
  async #updating(request: Request, act: (volume: UbiSyscalls) => Promise<void>): Promise<void> {
    try {
      await this.#call(request, null, act);
    } catch (thrown) {
      await this.close();
      throw thrown;
    }
  }

  /** True for every block of a marked volume, for which the kernel returns EBADF: all of them will be erased. */
  async isMapped(block: number): Promise<boolean> {
    if (await this.isMarked()) return true;
    return this.#call('read', block * this.#entry.lebSize, (volume) => volume.isMapped(block));
  }

  /** UBI replaces bad blocks by itself. */
  isBad(): Promise<Unsupported> {
    return this.#unsupported();
  }

  markBad(): Promise<Unsupported> {
    return this.#unsupported();
  }

  unlock(): Promise<Unsupported> {
    return this.#unsupported();
  }

  eccStats(): Promise<Unsupported> {
    return this.#unsupported();
  }

  async sync(): Promise<void> {
    if (this.#volume !== null) await this.#call('sync', null, (volume) => volume.sync());
  }

  async close(): Promise<void> {
    const volume = this.#volume;
    this.#volume = null;
    this.#direct = false;
    this.#wanted = 0;
    await volume?.close();
  }

  async #wipeMarked(): Promise<void> {
    await this.#opened(true);
    if (!this.#marked) return;
    await this.startUpdate(0);
  }

  async #unsupported(): Promise<Unsupported> {
    await this.#opened();
    return UNSUPPORTED;
  }

  /** @param offset - a byte of the LEB that a failure is about; null if there is no such LEB */
  async #call<T>(
    request: Request,
    offset: number | null,
    act: (volume: UbiSyscalls) => Promise<T>,
  ): Promise<T> {
    const volume = await this.#opened(request === 'erase' || request === 'program');
    const block = offset === null ? undefined : Math.floor(offset / this.#entry.lebSize);
    try {
      return await act(volume);
    } catch (thrown) {
      const label = labelOf(this.#entry);
      if (errnoOf(thrown) === 'ENOSPC') {
        throw new SluiceError('ERR_FLASH_BAD_BLOCKS', `${label}: UBI has no free erase block left`, {
          block,
          cause: thrown,
        });
      }
      throw systemFailure(label, request, thrown, { block });
    }
  }

  async #opened(changes = false): Promise<UbiSyscalls> {
    const label = labelOf(this.#entry);
    if (!this.#write && changes) {
      throw new SluiceError('ERR_FLASH_READ_ONLY', `${label} cannot be written: it is open for reading only`);
    }
    if (this.#volume !== null) return this.#volume;
    const volume = await this.#open();
    try {
      this.#marked = await hasMarker(volume);
    } catch (thrown) {
      await volume.close();
      throw systemFailure(label, 'read', thrown);
    }
    this.#volume = volume;
    return volume;
  }
}

/** Reads the volume: what sysfs reported before the volume was opened may be outdated. */
async function hasMarker(volume: UbiSyscalls): Promise<boolean> {
  try {
    await volume.read(0, new Uint8Array(1));
    return false;
  } catch (thrown) {
    if (errnoOf(thrown) === 'EBADF') return true;
    // An empty static volume.
    if (errnoOf(thrown) === 'ENODATA') return false;
    // An unreadable first page. Its block is written like any other.
    if (errnoOf(thrown) === 'EBADMSG' || errnoOf(thrown) === 'EIO') return false;
    throw thrown;
  }
}

/** Bytes up to the last one that is not 0xFF. */
function usedLength(bytes: Uint8Array): number {
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0xff) length--;
  return length;
}
