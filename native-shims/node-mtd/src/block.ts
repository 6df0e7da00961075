import type { Handle, NativeBinding, RawBlockInfo } from './binding.js';
import { NodeMtdError } from './errors.js';
import { type Match, toMatch } from './match.js';
import { checkRange } from './range.js';
import { orUnsupported } from './unsupported.js';

/** A sector of Linux, in bytes: the block size of a file that stands for a block device. */
const SECTOR = 512;

export interface BlockOptions {
  /** Opens the device for reading and writing; otherwise for reading. */
  readonly write: boolean;
  /** EBUSY if the device is mounted or claimed in the kernel. */
  readonly exclusive: boolean;
}

/**
 * One open block device, or a regular file in place of one. One call at a time: a second one rejects with EBUSY. All
 * methods reject with the `SystemError` of the failed call, or with ERR_RANGE before a call. Offsets and lengths are
 * bytes.
 */
export class BlockDevice {
  readonly path: string;
  /** False: a file. */
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
   * Takes the advisory lock of the node (flock). False if another descriptor has a lock that is not compatible.
   * @param shared - compatible with other shared locks
   */
  async claim(shared = false): Promise<boolean> {
    return await this.#binding.lock(this.#handle, shared);
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    checkRange(this.path, this.size, offset, into.length);
    await this.#binding.read(this.#handle, offset, into);
  }

  /** Compares the device with `bytes`. Reads no further than the answer needs. */
  async compare(offset: number, bytes: Uint8Array): Promise<Match> {
    checkRange(this.path, this.size, offset, bytes.length);
    return toMatch(await this.#binding.compare(this.#handle, offset, bytes));
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    checkRange(this.path, this.size, offset, bytes.length);
    await this.#binding.write(this.#handle, offset, bytes);
  }

  /** Tells the device that the range is not needed. What the range reads as then depends on the device. */
  async discard(offset: number, length: number): Promise<void | 'unsupported'> {
    checkRange(this.path, this.size, offset, length);
    return await orUnsupported(this.#binding.blockDiscard(this.#handle, offset, length));
  }

  /** Makes the range read as zeros, by a command of the device if it has one. */
  async zero(offset: number, length: number): Promise<void | 'unsupported'> {
    checkRange(this.path, this.size, offset, length);
    return await orUnsupported(this.#binding.blockZero(this.#handle, offset, length));
  }

  /** Writes the range from the page cache to the device and drops it there: the next read asks the device. */
  async settle(offset: number, length: number): Promise<void> {
    checkRange(this.path, this.size, offset, length);
    await this.#binding.settle(this.#handle, offset, length);
  }

  async sync(): Promise<void> {
    await this.#binding.sync(this.#handle);
  }

  /** Waits for the running call. Idempotent. */
  async close(): Promise<void> {
    await this.#binding.close(this.#handle);
  }
}
