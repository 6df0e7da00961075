import { SluiceError } from '../../errors.js';
import type { FlashDevice, Partition } from '../../flash/device.js';
import { type JournalStore, requireRecordSize } from './journal-store.js';
import { journalFailure } from './journal-failure.js';
import { formatFrame, looksLikeFrame, MAX_FRAME, parseFrame, usedLength } from './journal-frame.js';
import { JournalWear } from './journal-wear.js';

/** LEBs behind the first one that are asked whether they hold anything. */
const MAX_PROBED_LEBS = 64;

/**
 * A journal in the first LEB of a dynamic UBI volume that is reserved for it. UBI replaces a LEB atomically, and
 * spreads the wear over the whole chip.
 */
export class LebJournal implements JournalStore {
  readonly wear = new JournalWear();
  readonly #device: FlashDevice;
  readonly #name: string;
  readonly #replace: NonNullable<FlashDevice['replace']>;
  #leb: Uint8Array | null = null;

  private constructor({ device, name }: Partition, replace: NonNullable<FlashDevice['replace']>) {
    this.#device = device;
    this.#name = `volume ${name}`;
    this.#replace = replace;
  }

  /**
   * @throws SluiceError ERR_USAGE_STATE when it is static, or holds something else than a journal;
   *   ERR_SESSION_JOURNAL when it is of a later version; ERR_FLASH_*
   */
  static async open(partition: Partition): Promise<LebJournal> {
    const { device, name } = partition;
    const { replace, rewrite, geometry } = device;
    if (replace === undefined || rewrite !== undefined) {
      throw new SluiceError(
        'ERR_USAGE_STATE',
        `volume ${name} is static; a journal takes a dynamic one of one LEB`,
      );
    }
    if (geometry.eraseSize < MAX_FRAME) {
      throw new SluiceError('ERR_USAGE_STATE', `volume ${name} has LEBs that are too small for a journal`);
    }
    const journal = new LebJournal(partition, replace.bind(device));
    await journal.#refuseForeign();
    return journal;
  }

  /** A frame that is not whole is handed on: no cut leaves one here. */
  async load(): Promise<Uint8Array | null> {
    const bytes = new Uint8Array(MAX_FRAME);
    try {
      await this.#device.read(0, bytes);
    } catch (thrown) {
      throw journalFailure(this.#name, thrown);
    }
    if (usedLength(bytes) === 0) return null;
    const frame = parseFrame(bytes, this.#name);
    return frame === null ? bytes : (frame.record?.slice() ?? null);
  }

  async save(record: Uint8Array): Promise<void> {
    requireRecordSize(record);
    await this.#write(record);
  }

  clear(): Promise<void> {
    return this.#write(null);
  }

  async #write(record: Uint8Array | null): Promise<void> {
    const leb = (this.#leb ??= new Uint8Array(this.#device.geometry.eraseSize));
    leb.fill(0xff).set(formatFrame(1, record, 1));
    try {
      await this.#replace(0, leb);
      await this.#device.sync();
    } catch (thrown) {
      throw journalFailure(this.#name, thrown);
    }
    this.wear.count(record?.length ?? 0);
  }

  async #refuseForeign(): Promise<void> {
    const { size, eraseSize } = this.#device.geometry;
    const head = new Uint8Array(MAX_FRAME);
    await this.#device.read(0, head);
    if (looksLikeFrame(head)) {
      // Of a later version: to be said now.
      parseFrame(head, this.#name);
      return;
    }
    let used = usedLength(head) > 0;
    for (let leb = 1; !used && leb < Math.min(size / eraseSize, MAX_PROBED_LEBS); leb++) {
      used = (await this.#device.isMapped?.(leb)) === true;
    }
    if (!used) return;
    throw new SluiceError(
      'ERR_USAGE_STATE',
      `${this.#name} holds something that is no journal; if it is reserved for one, empty it first (ubiupdatevol -t)`,
    );
  }
}
