import { toHex } from '../../bytes.js';
import { asSluiceError, SluiceError } from '../../errors.js';
import type { Partition } from '../../flash/device.js';
import type { Hasher } from '../../platform.js';
import { BlockSet } from '../plan/block-set.js';
import { BlockWriter, type BlockEvents } from './block-writer.js';
import type { Change } from './change-log.js';
import { CommitGate } from './commit-gate.js';
import { GoodBlocks } from '../plan/good-blocks.js';
import type { ImageWriter, ImageWriterOptions } from './image-writer.js';
import { blockName, withBlockContext } from './block-context.js';
import { emptyPartitionReceipt, type PartitionReceipt } from '../report/receipt.js';
import { BadBlockReplacement } from './bad-block-replacement.js';

/** What a PartitionWriter works with. */
export interface PartitionWriterOptions extends ImageWriterOptions {
  /** Make a digest of what is put (a part that an image is cut into has no other). */
  readonly digest?: boolean;
}

/**
 * Writes one image into one partition: block by block as they are proven, the first one last. Knows where
 * bad blocks are, counts for the receipt, and can tell before commit whether the flash still holds what was
 * read back from it.
 */
export class PartitionWriter implements ImageWriter {
  readonly partition: Partition;
  readonly receipt: PartitionReceipt = emptyPartitionReceipt();
  readonly #options: PartitionWriterOptions;
  readonly #writer: BlockWriter;
  readonly #good: GoodBlocks;
  readonly #gate: CommitGate;
  /** Fingerprint of each block that is final in flash; 8 bytes a block, made for all of them at once. */
  readonly #fingerprints: BigUint64Array;
  readonly #hasher: Hasher | null;
  /** Blocks that the image needs; 0 if that is not known. */
  readonly #blocks: number;
  /** Blocks of the device that were erased or programmed, or may have been. */
  readonly #changedBlocks = new BlockSet();
  readonly #worn: BadBlockReplacement;
  #asked = false;

  private constructor(
    partition: Partition,
    good: GoodBlocks,
    blocks: number,
    options: PartitionWriterOptions,
  ) {
    this.partition = partition;
    this.#options = options;
    this.#good = good;
    this.#blocks = blocks;
    this.#fingerprints = new BigUint64Array(good.count);
    this.#hasher = options.digest === true ? options.platform.hasher('sha256') : null;
    this.#gate = new CommitGate(options.policy);
    this.#worn = new BadBlockReplacement(partition, good, (block) => this.#retired(block));
    this.#writer = new BlockWriter(partition.device, options.platform, this.#events(), {
      signal: options.signal,
    });
  }

  #events(): BlockEvents {
    return {
      beforeChange: (block) => this.#beforeChange(block),
      changing: (block) => {
        this.#changedBlocks.add(block);
      },
      erased: (block) => {
        this.receipt.erased++;
        this.#draw(block, 'erased');
      },
      programmed: (_block, withoutErase) => {
        if (withoutErase) this.receipt.programmedWithoutErase++;
        else this.receipt.programmed++;
      },
      readBack: (block) => {
        this.receipt.readBack++;
        this.#draw(block, 'written');
      },
      retried: (block) => {
        this.receipt.retried++;
        this.#options.platform.debug?.(
          'write',
          `${this.partition.name}: erase block ${block} is tried again`,
        );
      },
    };
  }

  /**
   * Looks up the bad blocks of the partition and lifts its write protection.
   * @throws SluiceError ERR_FLASH_BAD_BLOCKS when fewer than `blocks` are good
   */
  static async open(
    partition: Partition,
    blocks: number,
    options: PartitionWriterOptions,
  ): Promise<PartitionWriter> {
    const good = await GoodBlocks.scan(partition);
    good.require(blocks);
    const { eraseSize } = partition.device.geometry;
    await partition.device.unlock(partition.offset / eraseSize, partition.size / eraseSize);
    return new PartitionWriter(partition, good, blocks, options);
  }

  /** Whether anything in this partition was erased or programmed, or may have been. */
  get hasWritten(): boolean {
    return this.#changedBlocks.size > 0;
  }

  /** Where in the device blocks of this partition were changed, or may have been. */
  *changedOffsets(): Iterable<number> {
    const { eraseSize } = this.partition.device.geometry;
    for (const block of this.#changedBlocks) yield block * eraseSize;
  }

  /** Whether anything was changed, or will be when the gate opens. */
  get willWrite(): boolean {
    return this.hasWritten || this.#gate.held !== null;
  }

  /** The device block that is written when the gate opens, null when none has to be. */
  get gateBlock(): number | null {
    const { held, isShut } = this.#gate;
    // One that is right is held in case it has to be shut.
    return held === null || (!isShut && this.receipt.held === 0) ? null : this.#good.at(0);
  }

  /** Milliseconds spent in flash operations. */
  get flashTime(): number {
    return this.#writer.flashTime;
  }

  async put(index: number, bytes: Uint8Array, length: number): Promise<void> {
    this.receipt.blocks++;
    this.receipt.bytes += length;
    this.#hasher?.update(bytes.subarray(0, length));
    const block = this.#good.at(index);
    const change = await this.#change(block, bytes);
    if (change === 'none') {
      this.receipt.skipped++;
      this.#draw(block, 'unchanged');
      // Held all the same: should a later block change under a policy that shuts the gate, this is what reopens it.
      if (index === 0 && this.#gate.mustShut) this.#gate.hold(bytes.slice());
      else this.#settle(block);
    } else if (index === 0) {
      this.receipt.held++;
      this.#gate.hold(bytes.slice());
      this.#draw(block, 'held');
    } else {
      await this.#shutGate();
      await this.#write(index, bytes, change);
      this.#settle(this.#good.at(index));
    }
    this.#fingerprints[index] = this.#options.platform.fingerprint(bytes);
  }

  /**
   * Frees what lies behind the image, if that matters (UBI: UBIFS takes every mapped block for its own).
   * Call when everything is proven.
   * @throws SluiceError ERR_FLASH_ERASE
   */
  async clearBehind(): Promise<void> {
    const { device } = this.partition;
    if (device.isMapped === undefined || this.receipt.blocks === 0) return;
    for (let index = this.receipt.blocks; index < this.#good.count; index++) {
      const block = this.#good.at(index);
      if (!(await device.isMapped(block))) continue;
      await this.#shutGate();
      try {
        await this.#writer.erase(block);
      } catch (thrown) {
        throw this.#named(asSluiceError(thrown), block);
      }
    }
  }

  /** SHA-256 of what was put, hex, when `digest` was asked for. Ends the digest. */
  digest(): string | null {
    return this.#hasher === null ? null : toHex(this.#hasher.digest());
  }

  /**
   * Reads blocks once more, but for the one that is held, and compares them with what was read back when they were
   * written. The last look before the gates open: it sees another writer, and addressing that wraps (a 3-byte
   * address on a chip above 16 MiB) that the read back of each block by itself does not see.
   * @param buffer - at least one erase block
   * @param wanted - says by its offset in the device whether a block is looked at
   * @throws SluiceError ERR_FLASH_CHANGED, ERR_FLASH_READ
   */
  async recheck(buffer: Uint8Array, wanted: (offset: number) => boolean): Promise<void> {
    const { device, name, offset } = this.partition;
    const { eraseSize } = device.geometry;
    const into = buffer.subarray(0, eraseSize);
    for (let index = this.#gate.held === null ? 0 : 1; index < this.receipt.blocks; index++) {
      const block = this.#good.at(index);
      if (!wanted(block * eraseSize)) continue;
      await this.#read(block, into);
      if (this.#options.platform.fingerprint(into) === this.#fingerprints[index]) continue;
      throw new SluiceError(
        'ERR_FLASH_CHANGED',
        `${blockName(this.partition, block)}: it changed after it was written and read back`,
        { partition: name, block: block - offset / eraseSize },
      );
    }
  }

  /**
   * Writes the held block. Called once, after everything is proven and read back. It cannot be stopped: of several
   * gates all open or none.
   * @returns the offset in the device of what was written; null when nothing had to be
   */
  async openGate(): Promise<number | null> {
    const { held, isShut, mustShut } = this.#gate;
    this.#writer.ignoreAbort();
    if (held === null) return null;
    const block = this.#good.at(0);
    let written = true;
    try {
      if (isShut || (mustShut && (await this.#isLeftShut(block)))) {
        await this.#writer.fill(block, held);
      } else {
        const change = this.#judge(block, await this.#writer.requiredChange(block, held), held);
        written = change !== 'none';
        if (written) await this.#writer.write(block, held, change);
      }
    } catch (thrown) {
      throw await this.#worn.retireGate(asSluiceError(thrown));
    }
    this.#gate.opened();
    this.#settle(block);
    return written ? block * this.partition.device.geometry.eraseSize : null;
  }

  async #beforeChange(block: number): Promise<void> {
    if (!this.#asked) await this.#options.aboutToChange();
    this.#asked = true;
    await this.#options.changeLog.beforeChange(this.partition, block, this.#good.from(block, this.#blocks));
  }

  #judge(block: number, change: Change, bytes: Uint8Array): Change {
    return this.#options.changeLog.decide(this.partition, block, change, bytes);
  }

  #settle(block: number): void {
    this.#options.changeLog.settle(this.partition, block);
  }

  async #shutGate(): Promise<void> {
    if (!this.#gate.mustShut) return;
    const block = this.#good.at(0);
    try {
      if (!(await this.#isLeftShut(block))) await this.#writer.erase(block);
    } catch (thrown) {
      throw await this.#worn.retireGate(asSluiceError(thrown));
    }
    // If the device has a cache, what is written next must not reach the medium before this.
    await this.partition.device.sync();
    this.#gate.shut();
    if (this.#gate.held !== null && this.receipt.held === 0) {
      this.receipt.held++;
      this.receipt.skipped--;
    }
  }

  /** Whether an earlier session has erased the gate block. To read erased is not enough: the erase may be torn. */
  async #isLeftShut(block: number): Promise<boolean> {
    if (!this.#options.changeLog.trustsErased(this.partition, block)) return false;
    try {
      return await this.#writer.isBlank(block);
    } catch (thrown) {
      const error = asSluiceError(thrown);
      if (error.code === 'ERR_FLASH_READ') return false;
      throw error;
    }
  }

  /** Writes a block to where it belongs; on NAND into the next good block as long as there are any. */
  async #write(index: number, bytes: Uint8Array, change: Change): Promise<void> {
    let needed = change;
    for (;;) {
      try {
        if (needed !== 'none') await this.#writer.write(this.#good.at(index), bytes, needed);
        this.#worn.worked();
        return;
      } catch (thrown) {
        await this.#worn.replace(index, asSluiceError(thrown));
        this.#good.require(Math.max(index + 1, this.#blocks));
        needed = await this.#change(this.#good.at(index), bytes);
      }
    }
  }

  async #change(block: number, bytes: Uint8Array): Promise<Change> {
    try {
      return this.#judge(block, await this.#writer.requiredChange(block, bytes), bytes);
    } catch (thrown) {
      throw this.#named(asSluiceError(thrown), block);
    }
  }

  async #read(block: number, into: Uint8Array): Promise<void> {
    try {
      await this.#writer.read(block, into);
    } catch (thrown) {
      throw this.#named(asSluiceError(thrown), block);
    }
  }

  #retired(block: number): void {
    this.receipt.bad++;
    this.#options.changeLog.retire(this.partition, block);
    this.#draw(block, 'bad');
    this.#options.observer.warn?.(
      `${blockName(this.partition, block)} went bad and was marked; the next good block replaces it`,
    );
  }

  #named(error: SluiceError, block: number): SluiceError {
    return withBlockContext(error, this.partition, block);
  }

  #draw(block: number, state: 'unchanged' | 'erased' | 'written' | 'held' | 'bad'): void {
    const { partition } = this;
    const first = partition.offset / partition.device.geometry.eraseSize;
    this.#options.observer.block?.(partition.name, block - first, state);
  }
}
