import { asSluiceError } from '../../errors.js';
import type { FlashDevice, OperationOptions } from '../../flash/device.js';
import type { Platform } from '../../platform.js';

/** Bytes read at once: few reads a block, and no buffer of a whole one. */
const PART = 32 * 1024;

/** Odd, so that no part is lost in the product (the multiplier of 64-bit FNV). */
const MIX = 0x100000001b3n;

/** Makes fingerprints of erase blocks, to detect later changes. Detects accidental changes only. */
export class BlockPrinter {
  readonly #platform: Platform;
  #part: Uint8Array | null = null;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /**
   * Says how this platform makes prints: those of another way cannot be compared (without WebAssembly it is another
   * one, and a journal may outlive the flags that node was started with).
   */
  get kind(): bigint {
    const known = new Uint8Array(64).fill(0x5a);
    return this.#platform.fingerprint(known);
  }

  /**
   * A print of 64 bits.
   * @throws SluiceError ERR_FLASH_READ
   */
  async print(device: FlashDevice, block: number, options: OperationOptions = {}): Promise<bigint> {
    const { eraseSize } = device.geometry;
    const part = (this.#part ??= new Uint8Array(PART));
    let print = 0n;
    for (let at = 0; at < eraseSize; at += PART) {
      const into = part.subarray(0, Math.min(PART, eraseSize - at));
      await device.read(block * eraseSize + at, into, options);
      print = this.#add(print, into);
    }
    return print;
  }

  /**
   * Null for a block that cannot be read. That is no reason to stop: it may be about to be erased, and what has to be
   * read is read, and tried again, by who writes it.
   */
  async printIfReadable(device: FlashDevice, block: number): Promise<bigint | null> {
    try {
      return await this.print(device, block);
    } catch (thrown) {
      if (asSluiceError(thrown).code === 'ERR_FLASH_READ') return null;
      throw thrown;
    }
  }

  /** The print of an erase block that holds these bytes. */
  printOf(bytes: Uint8Array): bigint {
    let print = 0n;
    for (let at = 0; at < bytes.length; at += PART) print = this.#add(print, bytes.subarray(at, at + PART));
    return print;
  }

  #add(print: bigint, part: Uint8Array): bigint {
    return BigInt.asUintN(64, print * MIX) ^ this.#platform.fingerprint(part);
  }
}
