import { SluiceError } from '../../errors.js';
import { UNSUPPORTED, type Geometry, type Match, type Unsupported } from '../device.js';
import type { FlashDriver } from '../checked-device.js';
import { systemFailure, type Request } from '../errno.js';
import type { Medium } from './medium.js';

/**
 * A block device, or a file in its place, as flash: erase is a write of 0xFF, program and replace are writes.
 *
 * Nothing is discarded. A discard of the whole device before the first write would destroy what the update does not
 * change; one of the block that is about to be written whole tells the controller nothing that the write does not;
 * and what lies behind the image is not the update's. Zeros are another thing: a block of nothing else is left to
 * the device to make, where it can (BLKZEROOUT): no bytes are sent, and flash controllers unmap them.
 */
export class BlockDriver implements FlashDriver {
  readonly compare?: NonNullable<FlashDriver['compare']>;
  readonly #name: string;
  readonly #geometry: Geometry;
  readonly #medium: Medium;
  readonly #writable: boolean;
  #confirmed = false;
  #erased: Uint8Array | undefined;

  /** @param name - for messages */
  constructor(name: string, geometry: Geometry, medium: Medium, writable: boolean) {
    this.#name = name;
    this.#geometry = geometry;
    this.#medium = medium;
    this.#writable = writable;
    if (medium.compare !== undefined) {
      this.compare = (offset, bytes) => this.#ask('read', offset, () => this.#compare(offset, bytes));
    }
  }

  read(offset: number, into: Uint8Array): Promise<void> {
    return this.#ask('read', offset, () => this.#medium.read(offset, into));
  }

  erase(block: number): Promise<void> {
    const { eraseSize } = this.#geometry;
    this.#erased ??= new Uint8Array(eraseSize).fill(0xff);
    return this.#write('erase', block * eraseSize, this.#erased);
  }

  program(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#write('program', offset, bytes);
  }

  async replace(block: number, bytes: Uint8Array): Promise<void> {
    const offset = block * this.#geometry.eraseSize;
    if (!isZero(bytes) || !(await this.#zero(offset, bytes.length))) {
      await this.#write('program', offset, bytes);
    }
  }

  async isBad(): Promise<Unsupported> {
    return UNSUPPORTED;
  }

  async markBad(): Promise<Unsupported> {
    return UNSUPPORTED;
  }

  async unlock(): Promise<Unsupported> {
    return UNSUPPORTED;
  }

  async eccStats(): Promise<Unsupported> {
    return UNSUPPORTED;
  }

  sync(): Promise<void> {
    return this.#ask('sync', undefined, async () => {
      if (!this.#writable) return;
      await this.#medium.sync();
      // What was written must also be what is found under that name.
      if (this.#confirmed) this.#medium.confirm();
    });
  }

  close(): Promise<void> {
    return this.#medium.close();
  }

  /** Bits that only need clearing are of no use here: a write is a write. */
  async #compare(offset: number, bytes: Uint8Array): Promise<Match> {
    return (await this.#medium.compare?.(offset, bytes)) === 'same' ? 'same' : 'differs';
  }

  #write(request: 'erase' | 'program', offset: number, bytes: Uint8Array): Promise<void> {
    return this.#ask(request, offset, async () => {
      this.#confirm();
      await this.#medium.write(offset, bytes);
    });
  }

  #zero(offset: number, length: number): Promise<boolean> {
    return this.#ask('program', offset, async () => {
      this.#confirm();
      return (await this.#medium.zero?.(offset, length)) ?? false;
    });
  }

  /** Once, before the first change: between plan and write a medium can be exchanged. */
  #confirm(): void {
    if (this.#confirmed) return;
    if (!this.#writable) {
      throw new SluiceError('ERR_FLASH_READ_ONLY', `${this.#name} was opened for reading only`);
    }
    this.#medium.confirm();
    this.#confirmed = true;
  }

  async #ask<T>(request: Request, offset: number | undefined, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (thrown) {
      const block = offset === undefined ? undefined : Math.floor(offset / this.#geometry.eraseSize);
      throw systemFailure(this.#name, request, thrown, { block });
    }
  }
}

/** By words where they are aligned; most blocks are told apart by their first one. */
function isZero(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0) return false;
  if (bytes.byteOffset % 4 !== 0 || bytes.length % 4 !== 0) return bytes.every((byte) => byte === 0);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  return words.every((word) => word === 0);
}
