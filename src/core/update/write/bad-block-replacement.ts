import { SluiceError } from '../../errors.js';
import { UNSUPPORTED, type Partition } from '../../flash/device.js';
import type { GoodBlocks } from '../plan/good-blocks.js';
import { withBlockContext } from './block-context.js';

/**
 * Blocks that may fail one behind the other and be marked bad. One more is not marked any more: so many worn blocks
 * in a row are not to be had (chips are sold with 2 % bad ones at most over their life), but a controller or a
 * supply that fails looks like that, and the marks would be for good.
 */
const BAD_IN_A_ROW = 3;

/** Takes blocks out of use that have worn out, where others can take their place (NAND). */
export class BadBlockReplacement {
  readonly #partition: Partition;
  readonly #good: GoodBlocks;
  readonly #retired: (index: number, block: number) => void;
  #inARow = 0;

  /** @param retired - told of each block of the image that was marked bad, and of the device block that it was */
  constructor(partition: Partition, good: GoodBlocks, retired: (index: number, block: number) => void) {
    this.#partition = partition;
    this.#good = good;
    this.#retired = retired;
  }

  /** A block took what it was to hold. */
  worked(): void {
    this.#inARow = 0;
  }

  /**
   * Marks the block bad that was to hold block `index` of the image; the next good one is to hold it now.
   * @throws SluiceError `error` with its block named, where it is no wear or no other block can take its place
   */
  async replace(index: number, error: SluiceError): Promise<void> {
    if (!error.row.wear) throw error;
    if (!this.#good.replaces) throw withBlockContext(error, this.#partition.name, index);
    if (this.#inARow++ === BAD_IN_A_ROW) throw this.#blamed(error, index);
    await this.#retire(index, error);
  }

  /**
   * Marks the gate block bad. It cannot move up: the blocks behind it are in place already.
   * @returns what the update ends with
   */
  async retireGate(error: SluiceError): Promise<SluiceError> {
    const { name } = this.#partition;
    if (!error.row.wear) return error;
    if (!this.#good.replaces) return withBlockContext(error, name, 0);
    const block = await this.#retire(0, error);
    return new SluiceError(
      'ERR_FLASH_GATE',
      `the first block of partition ${name} (device block ${block}) went bad and was marked`,
      { partition: name, block: 0, cause: error },
    );
  }

  async #retire(index: number, error: SluiceError): Promise<number> {
    const block = this.#good.at(index);
    // Without its mark a boot loader would not pass over it: nothing may be written behind it then.
    if ((await this.#partition.device.markBad(block)) === UNSUPPORTED)
      throw withBlockContext(error, this.#partition.name, index);
    this.#good.retire(index);
    this.#retired(index, block);
    return block;
  }

  #blamed(error: SluiceError, index: number): SluiceError {
    const { message, errno } = error;
    const { name } = this.#partition;
    return new SluiceError(
      error.code,
      `${message}; ${BAD_IN_A_ROW} blocks before it have just failed too, so that it is rather the controller or the supply than the blocks: this one was not marked bad`,
      { partition: name, block: index, errno, cause: error },
    );
  }
}
