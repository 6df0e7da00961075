import { Mtd, type MtdEntry, type NativeBinding, type Roots } from 'node-mtd';
import { lockedBy, systemFailure } from '../../../../core/flash/errno.js';
import type { Chips } from '../../../../core/flash/mtd/chips.js';
import { labelOf } from '../../../../core/flash/mtd/shape.js';

/** How MTDs are reached. */
export interface MtdAccess {
  readonly binding: NativeBinding;
  readonly roots: Partial<Roots>;
  /** Open for writing. */
  readonly write: boolean;
}

/**
 * The locks of one session, one a chip, so that two sessions on two partitions of it know of each other. Sessions that
 * only read share them. Held until `release`.
 */
export class ChipLocks {
  readonly #access: MtdAccess;
  readonly #chips: Chips<MtdEntry>;
  readonly #held = new Map<MtdEntry, Promise<Mtd>>();

  constructor(access: MtdAccess, chips: Chips<MtdEntry>) {
    this.#access = access;
    this.#chips = chips;
  }

  /**
   * Opens an MTD and takes the lock of its chip.
   * @throws SluiceError ERR_BUSY_FLASH, ERR_BUSY_PERMISSION, ERR_FLASH_NO_DEVICE, ERR_FLASH_REPLACED
   */
  async open(entry: MtdEntry): Promise<Mtd> {
    await this.hold(entry);
    const { write } = this.#access;
    return this.#chips.lockOf(entry) === entry ? this.#open(entry, write) : this.#take(entry, write);
  }

  /**
   * Takes the lock of an MTD's chip, unless this session has it already.
   * @throws SluiceError as `open` does
   */
  async hold(entry: MtdEntry): Promise<void> {
    const chip = this.#chips.lockOf(entry);
    let lock = this.#held.get(chip);
    if (lock === undefined) {
      lock = this.#take(chip, false);
      this.#held.set(chip, lock);
    }
    try {
      await lock;
    } catch (thrown) {
      this.#held.delete(chip);
      throw thrown;
    }
  }

  async release(): Promise<void> {
    for (const lock of this.#held.values()) await (await lock).close();
    this.#held.clear();
  }

  async #take(entry: MtdEntry, write: boolean): Promise<Mtd> {
    const mtd = await this.#open(entry, write);
    try {
      if (await mtd.claim(!this.#access.write)) return mtd;
    } catch (thrown) {
      await mtd.close();
      throw systemFailure(labelOf(entry), 'open', thrown);
    }
    await mtd.close();
    throw lockedBy(labelOf(entry), this.#access.write);
  }

  async #open(entry: MtdEntry, write: boolean): Promise<Mtd> {
    const { binding, roots } = this.#access;
    try {
      return await Mtd.open(binding, entry, { write, roots });
    } catch (thrown) {
      throw systemFailure(labelOf(entry), 'open', thrown);
    }
  }
}
