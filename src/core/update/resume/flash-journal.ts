import { asSluiceError, SluiceError } from '../../errors.js';
import type { FlashDevice, Partition } from '../../flash/device.js';
import { type JournalStore, requireRecordSize } from './journal-store.js';
import { journalFailure } from './journal-failure.js';
import {
  formatFrame,
  FRAME_HEAD,
  looksLikeFrame,
  MAX_FRAME,
  parseFrame,
  usedLength,
} from './journal-frame.js';
import { JournalWear } from './journal-wear.js';

/** Frames begin at multiples of this, or of the page: a few bytes lost for a scan that needs no index. */
const ALIGNMENT = 64;

/** Bytes of a bank at least: a frame of the longest record, and what is kept free behind it, see RESERVE. */
const MIN_BANK_BYTES = 3 * MAX_FRAME;

/**
 * Bytes that are kept free at the end of a bank for the first frame of the next session, which keeps the length of a
 * frame away from the last one. It has to be there: the last frame may be one that a cut has torn and that reads right
 * only now and then, so the other bank must not be erased before a better one is written.
 */
const RESERVE = 2 * MAX_FRAME;

/** Banks that are used at most: all of them are read when the journal is opened. */
const MAX_BANKS = 16;

/** First frames, each torn by a cut, that are still told apart from somebody's data. */
const MAX_TORN_UNITS = 8;

/** A place for a frame. */
interface Spot {
  /** Index of the bank. */
  readonly bank: number;
  /** Bytes from its start. */
  readonly at: number;
}

/**
 * A journal in a partition of raw flash, NOR or NAND, that is reserved for it: frames one behind the other, in two or
 * more banks in turn. A bank is one erase block, or several where they are small.
 *
 * - Nothing is programmed over, and a bank is erased only when a frame of another one counts: a cut leaves the old
 *   record or the new one.
 * - What a cut has torn may read as erased. So the first frame of a session keeps away from what the last one has
 *   left, and a bank is erased when it is gone over to, whatever it reads like.
 * - A partition that holds something else is refused. The first frame of all is a head only, so that one which a cut
 *   has torn is told apart from somebody's data.
 */
export class FlashJournal implements JournalStore {
  readonly wear = new JournalWear();
  readonly #device: FlashDevice;
  readonly #name: string;
  /** Offsets of the banks on the device. */
  readonly #banks: readonly number[];
  readonly #bankSize: number;
  readonly #unit: number;
  #sequence = 0;
  #record: Uint8Array | null = null;
  /** Where the next frame may begin, if there is room. */
  #next: Spot = { bank: 0, at: 0 };
  /** Bytes to leave free behind the next frame. */
  #reserve = 0;

  private constructor({ device, name }: Partition, banks: readonly number[], bankSize: number) {
    const { writeSize } = device.geometry;
    this.#device = device;
    this.#name = `partition ${name}`;
    this.#banks = banks;
    this.#bankSize = bankSize;
    this.#unit = Math.ceil(ALIGNMENT / writeSize) * writeSize;
  }

  /**
   * Lifts the locks of the partition and reads what it holds.
   * @throws SluiceError ERR_USAGE_STATE when it is too small, or holds something else than a journal;
   *   ERR_SESSION_JOURNAL when it is of a later version; ERR_FLASH_*
   */
  static async open(partition: Partition): Promise<FlashJournal> {
    const { device, offset, size, name } = partition;
    const { eraseSize } = device.geometry;
    await device.unlock(offset / eraseSize, size / eraseSize);
    const blocks = Math.ceil(MIN_BANK_BYTES / eraseSize);
    const bankSize = blocks * eraseSize;
    const banks: number[] = [];
    for (let start = offset; start + bankSize <= offset + size; start += bankSize) {
      if (await isGood(device, start / eraseSize, blocks)) banks.push(start);
      if (banks.length === MAX_BANKS) break;
    }
    if (banks.length < 2) {
      const each = blocks === 1 ? 'erase blocks' : `times ${blocks} erase blocks`;
      throw new SluiceError(
        'ERR_USAGE_STATE',
        `partition ${name} is too small for a journal, which takes two ${each} that are good`,
      );
    }
    const journal = new FlashJournal(partition, banks, bankSize);
    await journal.#scan();
    return journal;
  }

  async load(): Promise<Uint8Array | null> {
    return this.#record?.slice() ?? null;
  }

  async save(record: Uint8Array): Promise<void> {
    requireRecordSize(record);
    await this.#write(record);
    this.#record = record.slice();
  }

  async clear(): Promise<void> {
    await this.#write(null);
    this.#record = null;
  }

  async #write(record: Uint8Array | null): Promise<void> {
    try {
      // The frame that says nothing: see the class comment.
      if (this.#sequence === 0) await this.#append(null);
      await this.#append(record);
      await this.#device.sync();
    } catch (thrown) {
      throw journalFailure(this.#name, thrown);
    }
    this.wear.count(record?.length ?? 0);
  }

  async #append(record: Uint8Array | null): Promise<void> {
    const frame = formatFrame(this.#sequence + 1, record, this.#device.geometry.writeSize);
    const { bank, at } = this.#next;
    const fits = at + frame.length + this.#reserve <= this.#bankSize;
    if (fits && (await this.#try(this.#next, frame))) return;
    for (let step = 1; step < this.#banks.length; step++) {
      const other = { bank: (bank + step) % this.#banks.length, at: 0 };
      if ((await this.#erase(other.bank)) && (await this.#try(other, frame))) return;
    }
    throw new SluiceError('ERR_SESSION_JOURNAL', `${this.#name} has no good block left`);
  }

  /** False when the flash there has gone bad. */
  #erase(bank: number): Promise<boolean> {
    const { eraseSize } = this.#device.geometry;
    const first = (this.#banks[bank] as number) / eraseSize;
    return this.#unlessWorn(true, async () => {
      for (let block = 0; block < this.#bankSize / eraseSize; block++)
        await this.#device.erase(first + block);
    });
  }

  /** Writes a frame; false when the flash there has gone bad. */
  async #try(spot: Spot, frame: Uint8Array): Promise<boolean> {
    const { eraseSize } = this.#device.geometry;
    const start = (this.#banks[spot.bank] as number) + spot.at;
    // A bank that holds the frame that counts is not given up for one that it does not take.
    const done = await this.#unlessWorn(spot.at === 0, async () => {
      for (let at = 0; at < frame.length;) {
        const part = frame.subarray(at, at + eraseSize - ((start + at) % eraseSize));
        await this.#device.program(start + at, part);
        at += part.length;
      }
      const found = new Uint8Array(frame.length);
      await this.#device.read(start, found);
      const wrong = found.findIndex((byte, index) => byte !== frame[index]);
      if (wrong < 0) return;
      const block = Math.floor((start + wrong) / eraseSize);
      throw new SluiceError('ERR_FLASH_READ_BACK', 'the read back differs from what was programmed', {
        block,
      });
    });
    if (!done) return false;
    this.#sequence++;
    this.#next = { bank: spot.bank, at: this.#aligned(spot.at + frame.length) };
    this.#reserve = RESERVE;
    return true;
  }

  async #unlessWorn(mark: boolean, act: () => Promise<void>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (thrown) {
      const { code, block, row } = asSluiceError(thrown);
      // A read is not tried again here, so one that fails must not cost the block.
      if (!row.wear || code === 'ERR_FLASH_READ') throw thrown;
      if (mark && block !== undefined) await this.#device.markBad(block);
      return false;
    }
  }

  async #scan(): Promise<void> {
    const bytes = new Uint8Array(this.#bankSize);
    let newest: (Spot & { used: number }) | null = null;
    let foreign = false;
    for (const [bank, start] of this.#banks.entries()) {
      await this.#device.read(start, bytes);
      const used = usedLength(bytes);
      for (let at = 0; at < used;) {
        const frame = looksLikeFrame(bytes, at) ? parseFrame(bytes.subarray(at), this.#name) : null;
        if (frame !== null && frame.sequence > this.#sequence) {
          this.#sequence = frame.sequence;
          this.#record = frame.record?.slice() ?? null;
          newest = { bank, at: at + frame.length, used };
        }
        at += frame === null ? this.#unit : this.#aligned(frame.length);
      }
      foreign ||= bank === 0 ? !this.#mayBeTorn(bytes.subarray(0, used)) : used > 0;
      if (bank === 0) this.#next = { bank, at: this.#aligned(used) };
    }
    if (newest !== null) {
      const { bank, at, used } = newest;
      this.#next = { bank, at: this.#aligned(Math.max(at, used) + MAX_FRAME) };
    } else if (foreign) {
      throw new SluiceError(
        'ERR_USAGE_STATE',
        `${this.#name} holds something that is no journal; if it is reserved for one, erase it first (flash_erase)`,
      );
    }
  }

  /** Whether bytes from the start of the first bank on may be first frames that were torn by cuts. */
  #mayBeTorn(bytes: Uint8Array): boolean {
    if (bytes.length > MAX_TORN_UNITS * this.#unit) return false;
    // Of a page of NAND that was cut nothing is known.
    const { type } = this.#device.geometry;
    const certain = type === 'nand' ? this.#aligned(bytes.length) - this.#unit : bytes.length;
    return bytes.every((byte, at) => byte === 0xff || at >= certain || at % this.#unit < FRAME_HEAD);
  }

  #aligned(at: number): number {
    return Math.ceil(at / this.#unit) * this.#unit;
  }
}

/** Whether none of the blocks is marked bad. */
async function isGood(device: FlashDevice, first: number, count: number): Promise<boolean> {
  for (let block = first; block < first + count; block++) {
    if ((await device.isBad(block)) === true) return false;
  }
  return true;
}
