import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { BlockDevice, type NativeBinding } from 'node-mtd';
import { errnoOf, SluiceError } from '../../../../core/errors.js';
import { DeviceMedium } from '../../../../core/flash/block/device-medium.js';
import { lockedBy } from '../../../../core/flash/errno.js';
import { usersOfBlock, type SystemRoots } from '../in-use.js';
import { nodeAt } from '../../fs/node-files.js';

/** The `size` of block devices in sysfs is in these, whatever their blocks are. */
const SECTOR = 512;

/**
 * udev locks a device while it looks at the content (systemd's "Locking Block Device Access"): a lock that is held
 * for longer than this is another session's.
 */
const CLAIM = { attempts: 10, pauseMs: 100 } as const;

/** How a device is opened; it is locked in either case, for reading beside others that read. */
export interface DeviceOptions {
  /** Of the partition, for messages. */
  readonly name: string;
  readonly write: boolean;
  /** Write it even if it is mounted: without O_EXCL. */
  readonly force: boolean;
  readonly roots: Partial<SystemRoots>;
}

/**
 * Opens and locks a block device, for writing with O_EXCL: the kernel refuses a device that is mounted, swapped to or
 * part of another.
 * @throws SluiceError ERR_BUSY_IN_USE, ERR_BUSY_FLASH, ERR_FLASH_READ_ONLY; system errors
 */
export async function openDevice(
  binding: NativeBinding,
  path: string,
  { name, write, force, roots }: DeviceOptions,
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
  } catch (thrown) {
    await device.close();
    throw thrown;
  }
  return new DeviceMedium(device, {
    confirm: () => requireSameDevice(device, roots),
    users: () => usersOfBlock(idOf(device), roots),
  });
}

/** @throws SluiceError ERR_FLASH_REPLACED if the path leads elsewhere now, or the device has another size */
function requireSameDevice(device: BlockDevice, roots: Partial<SystemRoots>): void {
  const { path, size } = device;
  const node = nodeAt(path);
  if (node?.kind !== 'block' || node.id !== idOf(device)) {
    throw new SluiceError('ERR_FLASH_REPLACED', `${path} is another device than when the update was planned`);
  }
  const now = sizeNow(device, roots);
  if (now === null || now === size) return;
  throw new SluiceError(
    'ERR_FLASH_REPLACED',
    `${path} has ${now} bytes, and had ${size} when the update was planned`,
  );
}

/** Null if sysfs does not say; the open device would then fail at its new end. */
function sizeNow(device: BlockDevice, { sys = '/sys' }: Partial<SystemRoots>): number | null {
  try {
    const text = readFileSync(join(sys, 'dev', 'block', idOf(device), 'size'), 'utf8').trimEnd();
    return /^\d{1,13}$/.test(text) ? Number(text) * SECTOR : null;
  } catch {
    return null;
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
