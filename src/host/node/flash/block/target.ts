import { statSync } from 'node:fs';
import { loadBinding, type NativeBinding } from 'node-mtd';
import { SluiceError } from '../../../../core/errors.js';
import type { Abort } from '../../../../core/platform.js';
import type { FlashTarget, Partition } from '../../../../core/flash/device.js';
import { CheckedDevice } from '../../../../core/flash/checked-device.js';
import { partitionLabel, type SystemRoots } from '../in-use.js';
import { systemFailure } from '../../../../core/flash/errno.js';
import { nameFor, parseBlockAddress } from './address.js';
import { BlockDriver } from '../../../../core/flash/block/driver.js';
import { FileMedium } from './file-medium.js';
import { openDevice } from './open-device.js';
import { blockGeometry } from '../../../../core/flash/block/geometry.js';
import type { Medium } from '../../../../core/flash/block/medium.js';
import { nodeAt } from '../../fs/node-files.js';
import type { DeviceNode } from '../../../../core/system-files.js';

/** `mtdblockN`: MTD_BLOCK_MAJOR (include/linux/mtd/blktrans.h, mtdblock.c). */
const MTD_BLOCK_MAJOR = '31';

/** Options of `openBlockTarget`. */
export interface BlockTargetOptions {
  readonly signal?: Abort | undefined;
  /** Open for writing. @default true */
  readonly write?: boolean | undefined;
  /** Partitions that are written even if they are in use: a device of such a name is opened without O_EXCL. */
  readonly forceMounted?: readonly string[] | undefined;
  /** @default the addon of node-mtd, which only devices need */
  readonly binding?: NativeBinding | undefined;
  /** Where the kernel's file systems are; tests have their own. */
  readonly roots?: Partial<SystemRoots> | undefined;
}

/**
 * A block device, or a regular file in its place, as one partition. Its name is that of the address (NAME=PATH), else
 * its label in the partition table, else its file name without extension.
 * @param rest - what follows `block:`
 * @throws SluiceError ERR_FLASH_NO_DEVICE, ERR_FLASH_UNSUPPORTED for a device without the addon,
 *   ERR_FLASH_READ_ONLY, ERR_BUSY_IN_USE, ERR_BUSY_FLASH, ERR_BUSY_PERMISSION, ERR_USAGE_FLASH_ADDRESS,
 *   ERR_SESSION_INTERRUPTED
 */
export async function openBlockTarget(rest: string, options: BlockTargetOptions = {}): Promise<FlashTarget> {
  const address = `block:${rest}`;
  if (options.signal?.aborted === true) {
    throw new SluiceError('ERR_SESSION_INTERRUPTED', `stopped before ${address} was opened`);
  }
  const { write = true, forceMounted = [], roots = {} } = options;
  const { name: given, path } = parseBlockAddress(rest);
  const node = lookAt(path, address);
  const name = given ?? nameFor(path, node.kind === 'block' ? partitionLabel(node.id, roots) : null);
  let medium: Medium;
  try {
    if (node.kind === 'file') {
      medium = await FileMedium.open(path, write, roots);
    } else {
      const binding = options.binding ?? loadBinding();
      medium = await openDevice(binding, path, {
        name,
        write,
        force: forceMounted.includes(name),
        roots,
      });
    }
  } catch (thrown) {
    throw systemFailure(address, 'open', thrown);
  }
  const geometry = blockGeometry(medium.size, medium.logicalBlock);
  if (geometry.size === 0) {
    await medium.close();
    throw new SluiceError(
      'ERR_FLASH_NO_DEVICE',
      `${path} has ${medium.size} bytes, less than a block of ${medium.logicalBlock}`,
    );
  }
  const device = new CheckedDevice(path, geometry, new BlockDriver(path, geometry, medium, write));
  const partition: Partition = {
    name,
    device,
    offset: 0,
    size: geometry.size,
    inUse: async () => medium.users(),
  };
  return { address, partitions: new Map([[name, partition]]), close: () => device.close() };
}

function lookAt(path: string, address: string): DeviceNode {
  const node = nodeAt(path);
  if (node?.kind === 'file') return node;
  if (node?.kind === 'block') {
    if (!node.id.startsWith(`${MTD_BLOCK_MAJOR}:`)) return node;
    throw new SluiceError(
      'ERR_USAGE_FLASH_ADDRESS',
      `${address}: mtdblock erases and writes again whole blocks as it sees fit, and knows no bad blocks; say mtd:NAME`,
    );
  }
  try {
    statSync(path);
  } catch (thrown) {
    throw systemFailure(address, 'open', thrown);
  }
  throw new SluiceError('ERR_USAGE_FLASH_ADDRESS', `${address}: it is neither a block device nor a file`);
}
