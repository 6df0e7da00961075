import { UNSUPPORTED, type Match } from '../device.js';
import { systemFailure } from '../errno.js';
import type { BlockSyscalls } from '../mtd-syscalls.js';
import { WRITE_BACK, type Medium } from './medium.js';

/**
 * A block device. Before a block that was just written is read, it is written to the device and dropped from the
 * page cache, and `sync` drops all of it: a read back asks the device. What the device answers from its own cache
 * cannot be seen from here; `sync` has that cache flushed.
 */
export class DeviceMedium implements Medium {
  readonly #device: BlockSyscalls;
  readonly #identity: Pick<Medium, 'confirm' | 'users'>;
  /** Written, and maybe still in the page cache only. */
  #dirty = { from: 0, to: 0, bytes: 0 };

  /**
   * @param device - open and locked
   * @param identity - what only the host can say of the path that it was opened by
   */
  constructor(device: BlockSyscalls, identity: Pick<Medium, 'confirm' | 'users'>) {
    this.#device = device;
    this.#identity = identity;
  }

  get size(): number {
    return this.#device.size;
  }

  get logicalBlock(): number {
    return this.#device.logicalBlock;
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    await this.#settle(offset, into.length);
    await this.#device.read(offset, into);
  }

  async compare(offset: number, bytes: Uint8Array): Promise<Match> {
    await this.#settle(offset, bytes.length);
    return this.#device.compare(offset, bytes);
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    const { from, to, bytes: before } = this.#dirty;
    const end = offset + bytes.length;
    // Before the write: one that fails may have written some.
    this.#dirty =
      before === 0
        ? { from: offset, to: end, bytes: bytes.length }
        : { from: Math.min(from, offset), to: Math.max(to, end), bytes: before + bytes.length };
    await this.#device.write(offset, bytes);
    if (this.#dirty.bytes >= WRITE_BACK) await this.#settleAll();
  }

  async zero(offset: number, length: number): Promise<boolean> {
    // The kernel drops its pages of the range by itself.
    return (await this.#device.zero(offset, length)) !== UNSUPPORTED;
  }

  async sync(): Promise<void> {
    this.#dirty = { from: 0, to: this.size, bytes: this.size };
    await this.#settleAll();
    await this.#device.sync();
  }

  confirm(): void {
    this.#identity.confirm();
  }

  users(): string | null {
    return this.#identity.users();
  }

  close(): Promise<void> {
    return this.#device.close();
  }

  async #settle(offset: number, length: number): Promise<void> {
    const { from, to, bytes } = this.#dirty;
    if (bytes > 0 && offset < to && from < offset + length) await this.#settleAll();
  }

  async #settleAll(): Promise<void> {
    const { from, to } = this.#dirty;
    try {
      await this.#device.settle(from, to - from);
    } catch (thrown) {
      // Whatever was asked for now: what failed is what was written before.
      throw systemFailure(this.#device.path, 'sync', thrown);
    }
    this.#dirty = { from: 0, to: 0, bytes: 0 };
  }
}
