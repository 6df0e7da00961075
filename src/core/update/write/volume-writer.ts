import { blockCount, blockDigest, blockLength, type ImageIndex } from '../../bundle/block-index.js';
import { equalDigests } from '../../bytes.js';
import { asSluiceError, SluiceError } from '../../errors.js';
import type { OperationOptions, Partition, Rewrite } from '../../flash/device.js';
import { quoteName } from '../../text.js';
import type { ImageWriter, ImageWriterOptions } from './image-writer.js';
import { withBlockContext } from './block-context.js';
import type { BlockState } from '../report/observer.js';
import { emptyPartitionReceipt, type PartitionReceipt } from '../report/receipt.js';

/** What is known of an image before it comes. */
export interface ForeseenImage {
  /** Bytes, more than 0. */
  readonly size: number;
  /** Proven digests of its blocks; null when there are none ahead. */
  readonly index: ImageIndex | null;
}

/**
 * Writes one image into a device that takes new content only as a whole (a static UBI volume). The system itself
 * keeps the gate there: the device cannot be read until the last byte was appended. So the last block is the one
 * that is held, under every policy, and what was written can be read back only when it has opened the gate.
 *
 * The old content is gone when the first block is written. Whether that is needed at all is decided before it, by
 * the proven digests; if there are none ahead, everything is written.
 */
export class VolumeWriter implements ImageWriter {
  readonly partition: Partition;
  readonly receipt: PartitionReceipt = emptyPartitionReceipt();
  readonly #rewrite: Rewrite;
  readonly #size: number;
  readonly #options: ImageWriterOptions;
  /** Fingerprint of each block, filled up with 0xFF. */
  readonly #fingerprints: BigUint64Array;
  #operation: OperationOptions;
  #unchanged = false;
  #hasWritten = false;
  #begun = false;
  #held: { readonly block: Uint8Array; readonly length: number } | null = null;
  /** Milliseconds spent in flash operations. */
  flashTime = 0;

  private constructor(partition: Partition, rewrite: Rewrite, size: number, options: ImageWriterOptions) {
    this.partition = partition;
    this.#rewrite = rewrite;
    this.#size = size;
    this.#options = options;
    this.#operation = { signal: options.signal };
    this.#fingerprints = new BigUint64Array(Math.ceil(size / partition.device.geometry.eraseSize));
  }

  /**
   * Checks whether the device holds the image already, if that can be known.
   * @throws SluiceError ERR_FLASH_SYSTEM and others when it cannot be opened
   */
  static async open(
    partition: Partition,
    rewrite: Rewrite,
    { size, index }: ForeseenImage,
    options: ImageWriterOptions,
  ): Promise<VolumeWriter> {
    const writer = new VolumeWriter(partition, rewrite, size, options);
    // Opened in any case: a volume that cannot be is refused before anything is written.
    const length = await rewrite.length();
    if (length === size && index !== null) writer.#unchanged = await writer.#holds(index);
    return writer;
  }

  get hasWritten(): boolean {
    return this.#hasWritten;
  }

  get willWrite(): boolean {
    return this.#hasWritten || this.#held !== null;
  }

  /**
   * Whether its new content was begun, and the device cannot be read for want of its end.
   * @throws SluiceError when the device does not tell
   */
  async isUnreadable(): Promise<boolean> {
    return this.#begun && (await this.#rewrite.length()) === null;
  }

  async put(index: number, bytes: Uint8Array, length: number): Promise<void> {
    this.receipt.blocks++;
    this.receipt.bytes += length;
    if (this.#unchanged) {
      this.receipt.skipped++;
      this.#draw(index, 'unchanged');
      return;
    }
    this.#fingerprints[index] = this.#options.platform.fingerprint(bytes);
    if (this.receipt.bytes < this.#size) {
      await this.#append(index, bytes.subarray(0, length));
    } else {
      this.receipt.held++;
      this.#held = { block: bytes.slice(), length };
      this.#draw(index, 'held');
    }
  }

  /** Nothing lies behind the image: a rewrite leaves only what it brings. */
  async clearBehind(): Promise<void> {}

  digest(): null {
    return null;
  }

  /** Nothing: it can be read when its gate is open, which looks at it; and while it is held open none else writes. */
  *changedOffsets(): Iterable<number> {}

  async recheck(): Promise<void> {}

  /**
   * Writes the held block, which opens the device to readers, and reads all of it back. What reads back wrong is
   * shut again. Cannot be stopped.
   * @returns null: nothing else can have been hit, as UBI places it
   * @throws SluiceError ERR_FLASH_READ_BACK, ERR_FLASH_READ, ERR_FLASH_PROGRAM
   */
  async openGate(): Promise<null> {
    const held = this.#held;
    if (held === null) return null;
    this.#operation = {};
    try {
      await this.#append(this.receipt.blocks - 1, held.block.subarray(0, held.length));
      this.#held = null;
      await this.#readBack(held.block);
    } catch (thrown) {
      throw await this.#shut(asSluiceError(thrown));
    }
    this.#begun = false;
    return null;
  }

  /**
   * Makes the device unreadable again if a failure has left it open: what was read back is wrong, or the last
   * bytes were taken and failed behind that. Should this fail too, the error says so.
   */
  async #shut(error: SluiceError): Promise<SluiceError> {
    try {
      if (this.#begun && !(await this.isUnreadable()))
        await this.#timed(() => this.#rewrite.begin(this.#size));
      return error;
    } catch (thrown) {
      const { code, message, block, errno } = error;
      const { name } = this.partition;
      const reason = `and partition ${quoteName(name)} could not be made unreadable again: ${asSluiceError(thrown).message}`;
      return new SluiceError(code, `${message}, ${reason}`, { partition: name, block, errno, cause: error });
    }
  }

  async #readBack(into: Uint8Array): Promise<void> {
    const { device } = this.partition;
    const { eraseSize } = device.geometry;
    for (let index = 0; index < this.receipt.blocks; index++) {
      await this.#of(index, () => device.read(index * eraseSize, into, this.#operation));
      if (this.#options.platform.fingerprint(into) !== this.#fingerprints[index]) {
        const what = 'the read back differs from what was written';
        throw withBlockContext(new SluiceError('ERR_FLASH_READ_BACK', what), this.partition, index);
      }
      this.receipt.readBack++;
      this.#draw(index, 'written');
    }
  }

  /** Not tried again when it fails: UBI has replaced the block by then, if that helps. */
  async #append(index: number, bytes: Uint8Array): Promise<void> {
    if (!this.#begun) await this.#of(index, () => this.#begin());
    await this.#of(index, () => this.#rewrite.append(bytes, this.#operation));
    this.receipt.erased++;
    this.receipt.programmed++;
    this.#draw(index, 'erased');
  }

  async #begin(): Promise<void> {
    await this.#options.aboutToChange();
    await this.#options.changeLog.beforeChange(this.partition, 0, []);
    try {
      await this.#rewrite.begin(this.#size, this.#operation);
    } catch (thrown) {
      const { code, row } = asSluiceError(thrown);
      this.#begun = this.#hasWritten = row.stage !== 'busy' && code !== 'ERR_SESSION_INTERRUPTED';
      throw thrown;
    }
    this.#begun = this.#hasWritten = true;
  }

  /** Whether the device holds an image of this index: as many bytes are known to be there. */
  async #holds(image: ImageIndex): Promise<boolean> {
    const into = new Uint8Array(Math.min(image.blockSize, image.size));
    for (let k = 0; k < blockCount(image); k++) {
      const block = into.subarray(0, blockLength(image, k));
      try {
        await this.#timed(() => this.partition.device.read(k * image.blockSize, block, this.#operation));
      } catch (thrown) {
        // A new write repairs it.
        if (asSluiceError(thrown).code === 'ERR_FLASH_READ') return false;
        throw thrown;
      }
      const digest = await this.#options.platform.digest(block);
      if (!equalDigests(digest, blockDigest(image, k))) return false;
    }
    return true;
  }

  /** Runs an operation on the flash; a failure that belongs to a block names it. */
  async #of(index: number, operation: () => Promise<void>): Promise<void> {
    try {
      await this.#timed(operation);
    } catch (thrown) {
      throw withBlockContext(asSluiceError(thrown), this.partition, index);
    }
  }

  async #timed(operation: () => Promise<void>): Promise<void> {
    const start = this.#options.platform.now();
    try {
      await operation();
    } finally {
      this.flashTime += this.#options.platform.now() - start;
    }
  }

  #draw(index: number, state: BlockState): void {
    this.#options.observer.block?.(this.partition.name, index, state);
  }
}
