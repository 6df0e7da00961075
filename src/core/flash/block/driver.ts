import { SluiceError } from '../../errors.js';
import { UNSUPPORTED, type Geometry, type Match, type Unsupported } from '../device.js';
import type { FlashDriver } from '../checked-device.js';
import { systemFailure, type Request } from '../errno.js';
import type { Medium } from './medium.js';

/**
 * A block device, or a file in its place, as flash: an erase writes 0xFF, program and replace are plain writes.
 *
 * Nothing is discarded (BLKDISCARD). A discard of the whole device would destroy what the update does not change. A
 * discard of one block before it is written gains nothing. The space after the image does not belong to the update.
 * Blocks of zeros use BLKZEROOUT if the device supports it: no bytes are sent, and flash controllers unmap the range.
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
      this.compare = (offset, bytes) => this.#call('read', offset, () => this.#compare(offset, bytes));
    }
  }

  read(offset: number, into: Uint8Array): Promise<void> {
    return this.#call('read', offset, () => this.#medium.read(offset, into));
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
    return this.#call('sync', undefined, async () => {
      if (!this.#writable) return;
      await this.#medium.sync();
      // The path must still lead to the device that was written.
      if (this.#confirmed) this.#medium.confirm();
    });
  }

  close(): Promise<void> {
    return this.#medium.close();
  }

  /** `clears` is no advantage on a block device, so it becomes `differs`. */
  async #compare(offset: number, bytes: Uint8Array): Promise<Match> {
    return (await this.#medium.compare?.(offset, bytes)) === 'same' ? 'same' : 'differs';
  }

  #write(request: 'erase' | 'program', offset: number, bytes: Uint8Array): Promise<void> {
    return this.#call(request, offset, async () => {
      this.#confirm();
      await this.#medium.write(offset, bytes);
    });
  }

  #zero(offset: number, length: number): Promise<boolean> {
    return this.#call('program', offset, async () => {
      this.#confirm();
      return (await this.#medium.zero?.(offset, length)) ?? false;
    });
  }

  /** Once, before the first change: a medium can be exchanged between plan and write. */
  #confirm(): void {
    if (this.#confirmed) return;
    if (!this.#writable) {
      throw new SluiceError('ERR_FLASH_READ_ONLY', `${this.#name} is open for reading only`);
    }
    this.#medium.confirm();
    this.#confirmed = true;
  }

  async #call<T>(request: Request, offset: number | undefined, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (thrown) {
      const block = offset === undefined ? undefined : Math.floor(offset / this.#geometry.eraseSize);
      throw systemFailure(this.#name, request, thrown, { block });
    }
  }
}

/** Compares words if they are aligned; the first byte settles most blocks. */
function isZero(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0) return false;
  if (bytes.byteOffset % 4 !== 0 || bytes.length % 4 !== 0) return bytes.every((byte) => byte === 0);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  return words.every((word) => word === 0);
}
