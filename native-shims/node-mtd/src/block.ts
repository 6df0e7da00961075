import type { Handle, NativeBinding, RawBlockInfo } from './binding.js';
import { NodeMtdError } from './errors.js';
import { type Match, toMatch } from './match.js';
import { checkRange } from './range.js';
import { orUnsupported } from './unsupported.js';

/** What Linux calls a sector; the unit in which a file is treated as a block device. */
const SECTOR = 512;

export interface BlockOptions {
  /** Opens it for reading and writing. */
  readonly write: boolean;
  /** EBUSY while it is mounted or claimed by something else in the kernel. */
  readonly exclusive: boolean;
}

/**
 * One open block device, or a regular file in its place. One call at a time: a second one meanwhile rejects with
 * EBUSY. All methods reject with the `SystemError` of the call that failed, or with ERR_RANGE before anything is
 * asked of the kernel. Offsets and lengths are bytes.
 */
export class BlockDevice {
  readonly path: string;
  /** Whether it is a device, and not a file. */
  readonly isDevice: boolean;
  readonly size: number;
  readonly logicalBlock: number;
  readonly physicalBlock: number;
  readonly readOnly: boolean;
  /** Of the device; 0 for files. */
  readonly major: number;
  readonly minor: number;
  readonly #binding: NativeBinding;
  readonly #handle: Handle;

  private constructor(
    binding: NativeBinding,
    handle: Handle,
    path: string,
    info: RawBlockInfo,
    node: { readonly kind: 'block' | 'file'; readonly major: number; readonly minor: number },
  ) {
    this.#binding = binding;
    this.#handle = handle;
    this.path = path;
    this.isDevice = node.kind === 'block';
    this.size = info.size;
    this.logicalBlock = info.logicalBlock;
    this.physicalBlock = info.physicalBlock;
    this.readOnly = info.readOnly;
    this.major = node.major;
    this.minor = node.minor;
  }

  /** @throws NodeMtdError ERR_NOT_A_DEVICE */
  static async open(binding: NativeBinding, path: string, options: BlockOptions): Promise<BlockDevice> {
    const { write, exclusive } = options;
    const handle = await binding.open(path, { write, exclusive });
    try {
      const { kind, major, minor, size } = await binding.identify(handle);
      if (kind !== 'block' && kind !== 'file') {
        throw new NodeMtdError('ERR_NOT_A_DEVICE', `${path} is neither a block device nor a file`);
      }
      const info =
        kind === 'block'
          ? await binding.blockInfo(handle)
          : { size, logicalBlock: SECTOR, physicalBlock: SECTOR, readOnly: false };
      return new BlockDevice(binding, handle, path, info, { kind, major, minor });
    } catch (error) {
      await binding.close(handle);
      throw error;
    }
  }

  /**
   * Takes the lock that keeps two programs apart (flock); false when somebody else's does not go with it.
   * @param shared - beside others that only read
   */
  async claim(shared = false): Promise<boolean> {
    return await this.#binding.lock(this.#handle, shared);
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    checkRange(this.path, this.size, offset, into.length);
    await this.#binding.read(this.#handle, offset, into);
  }

  /** How the device stands to `bytes`. Reads no further than the answer needs. */
  async compare(offset: number, bytes: Uint8Array): Promise<Match> {
    checkRange(this.path, this.size, offset, bytes.length);
    return toMatch(await this.#binding.compare(this.#handle, offset, bytes));
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    checkRange(this.path, this.size, offset, bytes.length);
    await this.#binding.write(this.#handle, offset, bytes);
  }

  /** Tells the device that the range is not needed any more; what it reads as then is the device's business. */
  async discard(offset: number, length: number): Promise<void | 'unsupported'> {
    checkRange(this.path, this.size, offset, length);
    return await orUnsupported(this.#binding.blockDiscard(this.#handle, offset, length));
  }

  /** Makes the range read as zeros, by the device's own means where it has some. */
  async zero(offset: number, length: number): Promise<void | 'unsupported'> {
    checkRange(this.path, this.size, offset, length);
    return await orUnsupported(this.#binding.blockZero(this.#handle, offset, length));
  }

  /** Brings the range from the page cache to the device and out of the cache: the next read asks the device. */
  async settle(offset: number, length: number): Promise<void> {
    checkRange(this.path, this.size, offset, length);
    await this.#binding.settle(this.#handle, offset, length);
  }

  async sync(): Promise<void> {
    await this.#binding.sync(this.#handle);
  }

  /** Waits for the call that is running. Idempotent. */
  async close(): Promise<void> {
    await this.#binding.close(this.#handle);
  }
}
