import { SluiceError } from '../../errors.js';
import { quoteName } from '../../text.js';
import { UNSUPPORTED, type Partition } from '../../flash/device.js';

/**
 * Where the n-th block of an image stands in a partition: on NOR at the n-th erase block, on NAND at the n-th
 * good one (the skipping rule that nandwrite and every boot loader that reads such partitions follow).
 */
export class GoodBlocks {
  readonly #partition: Partition;
  /** Device block numbers of the good blocks, ascending; null if there are no bad ones. */
  readonly #good: number[] | null;
  readonly #first: number;
  readonly #total: number;

  private constructor(partition: Partition, good: number[] | null) {
    const { eraseSize } = partition.device.geometry;
    this.#partition = partition;
    this.#good = good;
    this.#first = partition.offset / eraseSize;
    this.#total = partition.size / eraseSize;
  }

  /** Asks the device about each block of the partition; reads no data. */
  static async scan(partition: Partition): Promise<GoodBlocks> {
    const { device, offset, size } = partition;
    const first = offset / device.geometry.eraseSize;
    const end = first + size / device.geometry.eraseSize;
    const good: number[] = [];
    for (let block = first; block < end; block++) {
      const bad = await device.isBad(block);
      if (bad === UNSUPPORTED) return new GoodBlocks(partition, null);
      if (!bad) good.push(block);
    }
    return new GoodBlocks(partition, good);
  }

  /** Good blocks in the partition. */
  get count(): number {
    return this.#good?.length ?? this.#total;
  }

  /**
   * Device block of the image's block `index`.
   * @throws SluiceError ERR_BUNDLE_TOO_BIG behind the partition, ERR_FLASH_BAD_BLOCKS behind its last good block
   */
  at(index: number): number {
    const block = this.#good === null ? this.#first + index : this.#good[index];
    if (block !== undefined && index < this.count) return block;
    if (index < this.#total) throw this.#tooFew(index + 1);
    // Only a stream whose size was not known in advance gets here.
    const { name, size } = this.#partition;
    throw new SluiceError(
      'ERR_BUNDLE_TOO_BIG',
      `the image goes beyond partition ${quoteName(name)}, which has ${size} bytes`,
      {
        partition: name,
      },
    );
  }

  /**
   * The good blocks of the device from `block` on.
   * @param count - blocks of the image, behind which none is of interest; 0 if that is not known
   */
  *from(block: number, count: number): Iterable<number> {
    const end = count === 0 ? this.count : Math.min(count, this.count);
    for (let index = 0; index < end; index++) {
      const good = this.#good === null ? this.#first + index : (this.#good[index] as number);
      if (good >= block) yield good;
    }
  }

  /**
   * Refuses an image that needs more blocks than are good.
   * @throws SluiceError ERR_FLASH_BAD_BLOCKS
   */
  require(blocks: number): void {
    if (blocks > this.count) throw this.#tooFew(blocks);
  }

  /** Whether a block that goes bad can be replaced by the next one. */
  get replaces(): boolean {
    return this.#good !== null;
  }

  /** Takes the block of the image's block `index` out of use: from here on, all later blocks move up by one. */
  retire(index: number): void {
    this.#good?.splice(index, 1);
  }

  #tooFew(needed: number): SluiceError {
    const { name } = this.#partition;
    return new SluiceError(
      'ERR_FLASH_BAD_BLOCKS',
      `partition ${quoteName(name)} has ${this.count} good blocks of ${this.#total}, and the image needs ${needed}`,
      { partition: name },
    );
  }
}
