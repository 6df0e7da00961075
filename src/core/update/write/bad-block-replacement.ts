import { asSluiceError, SluiceError } from '../../errors.js';
import { UNSUPPORTED, type Partition } from '../../flash/device.js';
import type { GoodBlocks } from '../plan/good-blocks.js';
import { blockName, withBlockContext } from './block-context.js';

/**
 * Blocks in a row that may fail and be marked bad. The next one is not marked: that many worn blocks in a row do not
 * occur (a chip has at most 2 % bad blocks over its life), but a failing controller or supply looks like that, and
 * the marks are permanent.
 */
const BAD_IN_A_ROW = 3;

/** Takes worn blocks out of use if others can replace them (NAND). */
export class BadBlockReplacement {
  readonly #partition: Partition;
  readonly #good: GoodBlocks;
  readonly #retired: (block: number) => void;
  #inARow = 0;

  /** @param retired - called with each block of the device that was marked bad */
  constructor(partition: Partition, good: GoodBlocks, retired: (block: number) => void) {
    this.#partition = partition;
    this.#good = good;
    this.#retired = retired;
  }

  /** A block holds what it was written with. */
  worked(): void {
    this.#inARow = 0;
  }

  /**
   * Marks the block bad that was to hold block `index` of the image; the next good block holds it instead.
   * @throws SluiceError `error` with its block named, if it is no wear or no other block can replace this one
   */
  async replace(index: number, error: SluiceError): Promise<void> {
    if (!error.row.wear) throw error;
    if (!this.#good.replaces) throw this.#named(error, index);
    if (this.#inARow++ === BAD_IN_A_ROW) throw this.#blamed(error, index);
    await this.#retire(index, error);
  }

  /**
   * Marks the gate block bad. It cannot move up: the blocks behind it are in place already.
   * @returns what the update ends with
   */
  async retireGate(error: SluiceError): Promise<SluiceError> {
    if (!error.row.wear) return error;
    if (!this.#good.replaces) return this.#named(error, 0);
    const block = await this.#retire(0, error);
    return new SluiceError(
      'ERR_FLASH_GATE',
      `${blockName(this.#partition, block)}, the first block of the image, went bad and was marked`,
      {
        partition: this.#partition.name,
        block: block - this.#partition.offset / this.#partition.device.geometry.eraseSize,
        cause: error,
      },
    );
  }

  async #retire(index: number, error: SluiceError): Promise<number> {
    const block = this.#good.at(index);
    // A boot loader would not skip a block without a mark, so nothing may be written behind it.
    const marked = await this.#partition.device.markBad(block).catch((thrown: unknown) => {
      throw withBlockContext(asSluiceError(thrown), this.#partition, block);
    });
    if (marked === UNSUPPORTED) throw this.#named(error, index);
    this.#good.retire(index);
    this.#retired(block);
    return block;
  }

  #named(error: SluiceError, index: number): SluiceError {
    return withBlockContext(error, this.#partition, this.#good.at(index));
  }

  #blamed(error: SluiceError, index: number): SluiceError {
    const { code, message, errno, partition, block } = this.#named(error, index);
    const why = `the ${BAD_IN_A_ROW} blocks before it have just failed too`;
    return new SluiceError(
      code,
      `${message}; ${why}: the cause is likely the controller or the supply, and this block was not marked bad`,
      { partition, block, errno, cause: error },
    );
  }
}
