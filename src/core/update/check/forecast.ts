import { asSluiceError } from '../../errors.js';
import type { OperationOptions, Partition } from '../../flash/device.js';
import type { Platform } from '../../platform.js';
import { withBlockContext } from '../write/block-context.js';
import type { Change } from '../write/change-log.js';
import { BlockReader } from '../write/block-reader.js';
import { GoodBlocks } from '../plan/good-blocks.js';
import type { BlockSink } from '../write/image-writer.js';

/** Changes of a write to a partition, as `verify --json` and the check of the service report them. */
export interface ForecastSummary {
  readonly blocks: number;
  readonly unchanged: number;
  readonly erases: number;
  readonly programsWithoutErase: number;
  /** Numbers of the blocks that would change, counted from the start of the partition. */
  readonly changed: readonly number[];
  readonly seconds: number | null;
}

/** Compares an image with what a partition holds, and counts what a write of it would do. */
export class PartitionForecast implements BlockSink {
  readonly partition: Partition;
  /** Erase blocks that the image covers. */
  blocks = 0;
  /** Already right. */
  unchanged = 0;
  /** To be erased and programmed. */
  erases = 0;
  /** To be programmed without an erase. */
  programs = 0;
  /** Numbers of the blocks that would change, counted from the start of the partition. */
  readonly changed: number[] = [];
  /** Whether a device that is written as a whole is known to hold something else. */
  #other: boolean;
  readonly #reader: BlockReader;
  readonly #good: GoodBlocks;
  /** All blocks or none are written: see FlashDevice.rewrite. */
  readonly #whole: boolean;

  /** @param other - whether the partition is known to hold something else */
  private constructor(
    partition: Partition,
    good: GoodBlocks,
    other: boolean,
    platform: Platform,
    options: OperationOptions,
  ) {
    this.partition = partition;
    this.#good = good;
    this.#whole = partition.device.rewrite !== undefined;
    this.#other = other;
    this.#reader = new BlockReader(partition.device, platform, {}, options);
  }

  /** Seconds that the changes would keep the chip busy; null where its timing is not known. */
  get seconds(): number | null {
    const { device } = this.partition;
    const { erases, programs } = this;
    const ms = device.estimate?.(erases, (erases + programs) * device.geometry.eraseSize);
    return ms === undefined ? null : ms / 1000;
  }

  /** The forecast as a document; counts are of erase blocks. */
  get summary(): ForecastSummary {
    const { blocks, unchanged, erases, programs, changed, seconds } = this;
    return { blocks, unchanged, erases, programsWithoutErase: programs, changed, seconds };
  }

  /**
   * @param length - bytes of the image; null when they are not known in advance
   * @throws SluiceError ERR_FLASH_BAD_BLOCKS when fewer blocks are good than it needs
   */
  static async open(
    partition: Partition,
    length: number | null,
    platform: Platform,
    options: OperationOptions,
  ): Promise<PartitionForecast> {
    const { geometry, rewrite } = partition.device;
    const good = await GoodBlocks.scan(partition);
    good.require(Math.ceil((length ?? 0) / geometry.eraseSize));
    const other = rewrite !== undefined && (await rewrite.length()) !== length;
    return new PartitionForecast(partition, good, other, platform, options);
  }

  async put(index: number, bytes: Uint8Array): Promise<void> {
    const block = this.#good.at(index);
    const change = this.#other ? 'erase' : await this.#requiredChange(block, bytes);
    this.blocks++;
    if (change !== 'none' && this.#whole && !this.#other) this.#takeBack();
    if (change === 'none') {
      this.unchanged++;
      return;
    }
    if (change === 'erase') this.erases++;
    else this.programs++;
    this.changed.push(block - this.partition.offset / this.partition.device.geometry.eraseSize);
  }

  async #requiredChange(block: number, bytes: Uint8Array): Promise<Change> {
    try {
      return await this.#reader.requiredChange(block, bytes);
    } catch (thrown) {
      throw withBlockContext(asSluiceError(thrown), this.partition, block);
    }
  }

  /** One block differs, so those before it will be written too. */
  #takeBack(): void {
    this.#other = true;
    this.erases = this.unchanged;
    for (let block = 0; block < this.unchanged; block++) this.changed.push(block);
    this.unchanged = 0;
  }
}
