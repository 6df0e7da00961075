import { UNSUPPORTED, type Match } from '../device.js';
import { systemFailure } from '../errno.js';
import type { BlockSyscalls } from '../mtd-syscalls.js';
import { MAX_DIRTY_BYTES, type Medium } from './medium.js';

/**
 * A block device. A read back must come from the device, not from the page cache: a range that was just written is
 * flushed to the device and dropped from the page cache before it is read, and `sync` drops everything. The cache of
 * the device itself is invisible to the host; `sync` flushes it.
 */
export class DeviceMedium implements Medium {
  readonly #device: BlockSyscalls;
  readonly #identity: Pick<Medium, 'confirm' | 'users'>;
  /** Range and bytes that may be in the page cache only. */
  #dirty = { from: 0, to: 0, bytes: 0 };

  /**
   * @param device - open and locked
   * @param identity - checks of the host on the path that the device was opened by
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
    // Set before the write: a write that fails may have written some bytes.
    this.#dirty =
      before === 0
        ? { from: offset, to: end, bytes: bytes.length }
        : { from: Math.min(from, offset), to: Math.max(to, end), bytes: before + bytes.length };
    await this.#device.write(offset, bytes);
    if (this.#dirty.bytes >= MAX_DIRTY_BYTES) await this.#settleAll();
  }

  async zero(offset: number, length: number): Promise<boolean> {
    // The kernel drops the range from its page cache.
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
      // Reported as a failed sync, whatever the request is: earlier writes failed.
      throw systemFailure(this.#device.path, 'sync', thrown);
    }
    this.#dirty = { from: 0, to: 0, bytes: 0 };
  }
}
