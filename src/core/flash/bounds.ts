import { SluiceError } from '../errors.js';
import type { Geometry } from './device.js';

/** Refuses ranges that are misaligned or outside a device. Every method throws SluiceError ERR_FLASH_RANGE. */
export class Bounds {
  readonly #name: string;
  readonly #geometry: Geometry;

  /** @param name - of the device, for messages */
  constructor(name: string, geometry: Geometry) {
    this.#name = name;
    this.#geometry = geometry;
  }

  /** `count` erase blocks from `block`, within the device. */
  blocks(what: string, block: number, count: number): void {
    const blocks = this.#geometry.size / this.#geometry.eraseSize;
    const whole = Number.isSafeInteger(block) && Number.isSafeInteger(count);
    if (!whole || block < 0 || block >= blocks || count < 0 || block + count > blocks) {
      this.#refuse(`${what} of ${count} blocks from block ${block}: the device has ${blocks} blocks`);
    }
  }

  /** Any range within the device. */
  inside(what: string, offset: number, length: number): void {
    const { size } = this.#geometry;
    if (!Number.isSafeInteger(offset) || offset < 0 || offset + length > size) {
      this.#refuse(`${what} of ${length} bytes at byte ${offset}: the device has ${size} bytes`);
    }
  }

  /** Whole write units within one erase block. */
  program(offset: number, length: number): void {
    this.inside('program', offset, length);
    const { eraseSize, writeSize } = this.#geometry;
    if (offset % writeSize !== 0 || length % writeSize !== 0) {
      this.#refuse(`program of ${length} bytes at byte ${offset}: the write size is ${writeSize} bytes`);
    }
    if ((offset % eraseSize) + length > eraseSize) {
      this.#refuse(`program of ${length} bytes at byte ${offset}: the range crosses an erase block`);
    }
  }

  /** One whole erase block of bytes. */
  replace(block: number, length: number): void {
    this.blocks('replace', block, 1);
    const { eraseSize } = this.#geometry;
    if (length !== eraseSize) {
      this.#refuse(`replace of block ${block} with ${length} bytes: a block has ${eraseSize} bytes`);
    }
  }

  #refuse(message: string): never {
    throw new SluiceError('ERR_FLASH_RANGE', `${this.#name}: ${message}`);
  }
}
