import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { BlockDevice, type NativeBinding } from 'node-mtd';
import { errnoOf, SluiceError } from '../../../../core/errors.js';
import type { Match } from '../../../../core/flash/device.js';
import { nodeAt, usersOfBlock, type SystemRoots } from '../in-use/index.js';
import { lockedBy, systemFailure } from '../../../../core/flash/errno.js';
import { WRITE_BACK, type Medium } from './medium.js';

/** The `size` of block devices in sysfs is in these, whatever their blocks are. */
const SECTOR = 512;

/**
 * udev locks a device for the moments in which it looks what is on it (systemd's "Locking Block Device Access"):
 * a lock that is taken for longer than this is another session's.
 */
const CLAIM = { attempts: 10, pauseMs: 100 } as const;

/** How a device is opened; it is locked in either case, for reading beside others that read. */
export interface DeviceMediumOptions {
  /** Of the partition, for messages. */
  readonly name: string;
  readonly write: boolean;
  /** Write it even if it is mounted: without O_EXCL. */
  readonly force: boolean;
  readonly roots: Partial<SystemRoots>;
}

/**
 * A block device. Before a block that was just written is read, it is brought to the device and dropped from the
 * page cache, and `sync` drops all of it: so a read back asks the device. What the device answers from a cache of
 * its own is beyond us; `sync` has it flushed.
 */
export class DeviceMedium implements Medium {
  readonly #device: BlockDevice;
  readonly #id: string;
  readonly #roots: Partial<SystemRoots>;
  /** Written and perhaps still in the page cache only. */
  #dirty = { from: 0, to: 0, bytes: 0 };

  private constructor(device: BlockDevice, roots: Partial<SystemRoots>) {
    this.#device = device;
    this.#id = idOf(device);
    this.#roots = roots;
  }

  /**
   * Opens it, for writing with O_EXCL: the kernel refuses one that is mounted, swapped to or part of another.
   * @throws SluiceError ERR_BUSY_IN_USE, ERR_BUSY_FLASH, ERR_FLASH_READ_ONLY; system errors
   */
  static async open(
    binding: NativeBinding,
    path: string,
    { name, write, force, roots }: DeviceMediumOptions,
  ): Promise<DeviceMedium> {
    let device: BlockDevice;
    try {
      device = await BlockDevice.open(binding, path, { write, exclusive: write && !force });
    } catch (thrown) {
      throw errnoOf(thrown) === 'EBUSY' ? await whyBusy(thrown, binding, path, name, roots) : thrown;
    }
    try {
      if (write && device.readOnly) {
        throw new SluiceError('ERR_FLASH_READ_ONLY', `${path} is read-only`);
      }
      if (!(await claim(device, !write))) throw lockedBy(path, write);
      return new DeviceMedium(device, roots);
    } catch (thrown) {
      await device.close();
      throw thrown;
    }
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
    return (await this.#device.zero(offset, length)) !== 'unsupported';
  }

  async sync(): Promise<void> {
    this.#dirty = { from: 0, to: this.size, bytes: this.size };
    await this.#settleAll();
    await this.#device.sync();
  }

  confirm(): void {
    const { path } = this.#device;
    const node = nodeAt(path);
    if (node?.kind !== 'block' || node.id !== this.#id) {
      throw new SluiceError(
        'ERR_FLASH_REPLACED',
        `${path} is another device than when the update was planned`,
      );
    }
    const size = this.#sizeNow();
    if (size === null || size === this.size) return;
    throw new SluiceError(
      'ERR_FLASH_REPLACED',
      `${path} has ${size} bytes, and had ${this.size} when the update was planned`,
    );
  }

  users(): string | null {
    return usersOfBlock(this.#id, this.#roots);
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
      // Whatever was asked when it came out: what fails is what was written before.
      throw systemFailure(this.#device.path, 'sync', thrown);
    }
    this.#dirty = { from: 0, to: 0, bytes: 0 };
  }

  /** Null where sysfs does not say; the open device would then fail at its new end. */
  #sizeNow(): number | null {
    const { sys = '/sys' } = this.#roots;
    try {
      const text = readFileSync(join(sys, 'dev', 'block', this.#id, 'size'), 'utf8').trimEnd();
      return /^\d{1,13}$/.test(text) ? Number(text) * SECTOR : null;
    } catch {
      return null;
    }
  }
}

const idOf = ({ major, minor }: BlockDevice): string => `${major}:${minor}`;

/** @param shared - to read it, beside others that do */
async function claim(device: BlockDevice, shared: boolean): Promise<boolean> {
  for (let left = CLAIM.attempts; left > 0; left--) {
    if (await device.claim(shared)) return true;
    await setTimeout(CLAIM.pauseMs);
  }
  return false;
}

/** Of EBUSY the kernel does not say why; the lock, /proc and /sys mostly do. */
async function whyBusy(
  cause: unknown,
  binding: NativeBinding,
  path: string,
  name: string,
  roots: Partial<SystemRoots>,
): Promise<SluiceError> {
  if (await isLocked(binding, path)) return lockedBy(path, true);
  const node = nodeAt(path);
  const users = node === null ? null : usersOfBlock(node.id, roots);
  return new SluiceError(
    'ERR_BUSY_IN_USE',
    `partition ${name} (${path}) is ${users ?? 'in use by something in the kernel'}`,
    { partition: name, cause },
  );
}

/** Whether another session writes it. */
async function isLocked(binding: NativeBinding, path: string): Promise<boolean> {
  let device: BlockDevice;
  try {
    device = await BlockDevice.open(binding, path, { write: false, exclusive: false });
  } catch {
    return false;
  }
  try {
    return !(await device.claim(true));
  } finally {
    await device.close();
  }
}
