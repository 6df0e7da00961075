import { listUbi, loadBinding, UbiVolume, type NativeBinding, type Roots, type UbiEntry } from 'node-mtd';
import { SluiceError } from '../../../../core/errors.js';
import type { Abort } from '../../../../core/platform.js';
import type { FlashTarget, Partition } from '../../../../core/flash/device.js';
import { CheckedDevice } from '../../../../core/flash/checked-device.js';
import { usersOfUbi } from '../in-use.js';
import { quote } from '../../../../core/text.js';
import { lockedBy, systemFailure } from '../../../../core/flash/errno.js';
import { labelOf, UbiDriver } from '../../../../core/flash/ubi/driver.js';
import { StaticDriver } from '../../../../core/flash/ubi/static-driver.js';

/** Options of `openUbiTarget`. */
export interface UbiTargetOptions {
  readonly signal?: Abort | undefined;
  /** Open for writing. @default true */
  readonly write?: boolean | undefined;
  /** @default the addon of node-mtd */
  readonly binding?: NativeBinding | undefined;
  /** Where the kernel's file systems are; tests have their own. */
  readonly roots?: Partial<Roots> | undefined;
}

/**
 * The UBI volumes of this machine as partitions, by their names. Nothing is opened yet: each is by its first
 * operation, and is held from then on.
 * @param name - of the one that is meant; empty for all
 * @throws SluiceError ERR_FLASH_UNSUPPORTED without the addon, ERR_FLASH_NO_DEVICE, ERR_FLASH_AMBIGUOUS,
 *   ERR_FLASH_SYSTEM when sysfs cannot be understood, ERR_SESSION_INTERRUPTED
 */
export async function openUbiTarget(name: string, options: UbiTargetOptions = {}): Promise<FlashTarget> {
  const address = `ubi:${name}`;
  if (options.signal?.aborted === true) {
    throw new SluiceError('ERR_SESSION_INTERRUPTED', `stopped before ${address} was opened`);
  }
  const { write = true, roots = {} } = options;
  let all: UbiEntry[];
  let binding: NativeBinding;
  try {
    binding = options.binding ?? loadBinding();
    all = listUbi(roots);
  } catch (thrown) {
    throw systemFailure(address, 'open', thrown);
  }
  const partitions = new Map<string, Partition>();
  for (const entry of select(address, name, all)) {
    const geometry = {
      type: 'ubi',
      size: entry.lebs * entry.lebSize,
      eraseSize: entry.lebSize,
      writeSize: entry.minIo,
    } as const;
    const volume = new UbiDriver(entry, () => openVolume(binding, entry, write, roots), write);
    const driver =
      entry.type === 'static' ? new StaticDriver(entry, volume, () => dataBytesOf(entry, roots)) : volume;
    partitions.set(entry.name, {
      name: entry.name,
      device: new CheckedDevice(labelOf(entry), geometry, driver),
      offset: 0,
      size: geometry.size,
      inUse: async () => usersOfUbi(entry, all, roots),
    });
  }
  return {
    address,
    partitions,
    async close() {
      for (const { device } of partitions.values()) await device.close();
    },
  };
}

/** Asked when it is open: what was listed before that may have been written since. */
function dataBytesOf(entry: UbiEntry, roots: Partial<Roots>): number {
  try {
    const now = listUbi(roots).find(({ ubi, volume }) => ubi === entry.ubi && volume === entry.volume);
    if (now !== undefined) return now.dataBytes;
  } catch (thrown) {
    throw systemFailure(labelOf(entry), 'read', thrown);
  }
  throw new SluiceError('ERR_FLASH_REPLACED', `${labelOf(entry)} is gone`);
}

async function openVolume(
  binding: NativeBinding,
  entry: UbiEntry,
  write: boolean,
  roots: Partial<Roots>,
): Promise<UbiVolume> {
  let volume: UbiVolume | null = null;
  try {
    volume = await UbiVolume.open(binding, entry, { write, roots });
    if (await volume.claim(!write)) return volume;
  } catch (thrown) {
    await volume?.close();
    throw systemFailure(labelOf(entry), 'open', thrown);
  }
  await volume.close();
  throw lockedBy(labelOf(entry), write);
}

/** The volumes that an address means. */
function select(address: string, name: string, all: readonly UbiEntry[]): readonly UbiEntry[] {
  const chosen = name === '' ? all : all.filter((entry) => entry.name === name);
  if (chosen.length === 0) {
    const what = name === '' ? 'volumes' : `volume ${quote(name)}`;
    const have = all.length === 0 ? '' : `; it has ${all.map(labelOf).join(', ')}`;
    throw new SluiceError('ERR_FLASH_NO_DEVICE', `${address}: this machine has no UBI ${what}${have}`);
  }
  for (const entry of chosen) {
    const twin = chosen.find((other) => other !== entry && other.name === entry.name);
    if (twin === undefined) continue;
    throw new SluiceError(
      'ERR_FLASH_AMBIGUOUS',
      `${address}: ${labelOf(entry)} and ${labelOf(twin)} have the same name`,
      { partition: name },
    );
  }
  return chosen;
}
