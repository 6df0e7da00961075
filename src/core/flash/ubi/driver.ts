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
 * The operations of one UBI volume, whose erase blocks are its LEBs: all of a dynamic one; of a static one those that
 * are said to be. It is opened by the first of them and held until `close`.
 *
 * A volume with an update marker (somebody's ubiupdatevol was interrupted) cannot be read until it was written
 * anew. Here it compares as different, and the first change wipes it.
 */
export class UbiDriver implements FlashDriver {
  readonly #entry: UbiFacts;
  readonly #open: () => Promise<UbiSyscalls>;
  readonly #write: boolean;
  #marked = false;
  /** Bytes that an update of the whole volume still wants. */
  #wanted = 0;
  #volume: UbiSyscalls | null = null;
  #direct = false;

  /**
   * @param open - opens and locks it
   * @param write - whether it is opened for writing
   */
  constructor(entry: UbiFacts, open: () => Promise<UbiSyscalls>, write: boolean) {
    this.#entry = entry;
    this.#open = open;
    this.#write = write;
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    await this.#opened();
    if (this.#marked) {
      const what = 'cannot be read: its last update was not brought to its end';
      throw new SluiceError('ERR_FLASH_READ', `${labelOf(this.#entry)} ${what}`);
    }
    await this.#ask('read', offset, (volume) => volume.read(offset, into));
  }

  async compare(offset: number, bytes: Uint8Array): Promise<Match> {
    await this.#opened();
    return this.#marked ? 'differs' : this.#ask('read', offset, (volume) => volume.compare(offset, bytes));
  }

  async erase(block: number): Promise<void> {
    const offset = block * this.#entry.lebSize;
    await this.#wipeMarked();
    await this.#ask('erase', offset, (volume) => volume.eraseLeb(block));
  }

  async program(offset: number, bytes: Uint8Array): Promise<void> {
    await this.#wipeMarked();
    await this.#ask('program', offset, async (volume) => {
      if (!this.#direct) await volume.directWrite(true);
      this.#direct = true;
      await volume.write(offset, bytes);
    });
  }

  /**
   * Pages at the end that hold 0xFF only are left unwritten, as ubiupdatevol leaves them: UBIFS will write there, and
   * a page takes one program only.
   */
  async replace(block: number, bytes: Uint8Array): Promise<void> {
    const { lebSize, minIo } = this.#entry;
    await this.#wipeMarked();
    const length = Math.ceil(usedLength(bytes) / minIo) * minIo;
    await this.#ask('program', block * lebSize, async (volume) => {
      if (length === 0) return volume.eraseLeb(block);
      try {
        return await volume.changeLeb(block, bytes.subarray(0, length));
      } catch (thrown) {
        // The kernel waits for the rest of the bytes until then.
        await this.close();
        throw thrown;
      }
    });
  }

  /** Whether it cannot be read, as an update was not brought to its end. */
  async isMarked(): Promise<boolean> {
    await this.#opened();
    return this.#marked;
  }

  /** Takes the old content away and marks the volume until `length` bytes were appended. Static volumes too. */
  async startUpdate(length: number): Promise<void> {
    // A descriptor has one update; the kernel forgets it, and keeps its marker, when that is closed.
    if (this.#wanted > 0) await this.close();
    await this.#updating('erase', (volume) => volume.startUpdate(length));
    this.#marked = length > 0;
    this.#wanted = length;
  }

  /** The next bytes of an update that was started. Static volumes too. */
  async append(bytes: Uint8Array): Promise<void> {
    if (bytes.length > this.#wanted) {
      const what = `${bytes.length} bytes where ${this.#wanted} are missing`;
      throw new SluiceError('ERR_FLASH_RANGE', `${labelOf(this.#entry)}: append of ${what}`);
    }
    await this.#updating('program', (volume) => volume.append(bytes));
    this.#wanted -= bytes.length;
    this.#marked = this.#wanted > 0;
  }

  /** How far a step that failed has come is known to the kernel only, which is asked when it is opened anew. */
  async #updating(request: Request, act: (volume: UbiSyscalls) => Promise<void>): Promise<void> {
    try {
      await this.#ask(request, null, act);
    } catch (thrown) {
      await this.close();
      throw thrown;
    }
  }

  /** Of a volume that is marked the kernel does not tell (EBADF); whatever is there, an erase takes it away. */
  async isMapped(block: number): Promise<boolean> {
    if (await this.isMarked()) return true;
    return this.#ask('read', block * this.#entry.lebSize, (volume) => volume.isMapped(block));
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
    if (this.#volume !== null) await this.#ask('sync', null, (volume) => volume.sync());
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

  /** @param offset - where the LEB is that a failure is about; null where it is about none */
  async #ask<T>(
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
      throw new SluiceError('ERR_FLASH_READ_ONLY', `${label} cannot be written: it was opened to be read`);
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

/** Asked of the volume itself: sysfs was read before it was opened. */
async function hasMarker(volume: UbiSyscalls): Promise<boolean> {
  try {
    await volume.read(0, new Uint8Array(1));
    return false;
  } catch (thrown) {
    if (errnoOf(thrown) === 'EBADF') return true;
    // A static volume that holds nothing.
    if (errnoOf(thrown) === 'ENODATA') return false;
    // An unreadable first page; its block is written anew as any other.
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
