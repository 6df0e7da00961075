import { listMtd, loadBinding, type MtdEntry, type NativeBinding, type Roots } from 'node-mtd';
import { SluiceError } from '../../../../core/errors.js';
import type { Abort } from '../../../../core/platform.js';
import type { FlashTarget, Partition } from '../../../../core/flash/device.js';
import { CheckedDevice } from '../../../../core/flash/checked-device.js';
import { usersOfMtd } from '../in-use.js';
import { quote } from '../../../../core/text.js';
import { systemFailure } from '../../../../core/flash/errno.js';
import { Chips } from '../../../../core/flash/mtd/chips.js';
import { ChipLocks, type MtdAccess } from './chip-locks.js';
import { MtdDriver } from '../../../../core/flash/mtd/driver.js';
import { geometryOf, labelOf } from '../../../../core/flash/mtd/shape.js';

/** Options of `openMtdTarget`. */
export interface MtdTargetOptions {
  readonly signal?: Abort | undefined;
  /** Open for writing. @default true */
  readonly write?: boolean | undefined;
  /** See FlashOptions.reserve. */
  readonly reserve?: string | undefined;
  /** @default the addon of node-mtd */
  readonly binding?: NativeBinding | undefined;
  /** Where the kernel's file systems are; tests have their own. */
  readonly roots?: Partial<Roots> | undefined;
}

/**
 * The MTDs of this machine as partitions, by their MTD names. Nothing is opened yet: each is by its first operation,
 * and is held from then on, locked against other sessions on the same chip.
 * @param name - of the one that is meant, with those that lie in it; empty for all
 * @throws SluiceError ERR_FLASH_UNSUPPORTED without the addon, ERR_FLASH_NO_DEVICE, ERR_FLASH_AMBIGUOUS,
 *   ERR_FLASH_SYSTEM when /proc/mtd and sysfs cannot be understood, ERR_SESSION_INTERRUPTED
 */
export async function openMtdTarget(name: string, options: MtdTargetOptions = {}): Promise<FlashTarget> {
  const address = `mtd:${name}`;
  if (options.signal?.aborted === true) {
    throw new SluiceError('ERR_SESSION_INTERRUPTED', `stopped before ${address} was opened`);
  }
  const { write = true, roots = {} } = options;
  let all: MtdEntry[];
  let binding: NativeBinding;
  try {
    binding = options.binding ?? loadBinding();
    all = listMtd(roots);
  } catch (thrown) {
    throw systemFailure(address, 'open', thrown);
  }
  const access = { binding, roots, write };
  return new MtdTarget(address, all, select(address, name, all), access, options.reserve);
}

class MtdTarget implements FlashTarget {
  readonly address: string;
  readonly identity: string;
  readonly partitions: ReadonlyMap<string, Partition>;
  readonly reserved: Partition | undefined;
  readonly #locks: ChipLocks;

  constructor(
    address: string,
    all: readonly MtdEntry[],
    chosen: readonly MtdEntry[],
    access: MtdAccess,
    reserve: string | undefined,
  ) {
    const chips = new Chips(all);
    this.address = address;
    this.identity = identityOf(address, new Set(chosen.map((entry) => chips.lockOf(entry))), all);
    this.#locks = new ChipLocks(access, chips);
    // What covers others comes before them.
    const ordered = [...chosen].sort((a, b) => chips.startOf(a) - chips.startOf(b) || b.size - a.size);
    const partitionOf = (entry: MtdEntry): Partition => {
      const geometry = geometryOf(entry);
      const driver = new MtdDriver(entry, geometry, () => this.#locks.open(entry), access.write);
      const partition: Partition = {
        name: entry.name,
        device: new CheckedDevice(labelOf(entry), geometry, driver),
        offset: 0,
        size: geometry.size,
        inUse: async () => {
          // Another session would else be told as a program that has it open, which could be forced.
          if (access.write) await this.#locks.hold(entry);
          return usersOfMtd(entry, all, access.roots);
        },
        ...chips.places(entry),
      };
      return partition;
    };
    this.partitions = new Map(ordered.map((entry) => [entry.name, partitionOf(entry)]));
    const named = reserve === undefined ? [] : usable(all).filter(({ name }) => name === reserve);
    refuseTwins(`mtd:${reserve}`, named);
    const apart = named.filter((entry) => !chosen.includes(entry)).map(partitionOf);
    this.reserved = apart[0] ?? (reserve === undefined ? undefined : this.partitions.get(reserve));
  }

  async close(): Promise<void> {
    try {
      for (const { device } of this.partitions.values()) await device.close();
      await this.reserved?.device.close();
    } finally {
      await this.#locks.release();
    }
  }
}

/** By the chip where all lie on one, so that `mtd:` and `mtd:kernel` are the same flash. */
function identityOf(address: string, locks: ReadonlySet<MtdEntry>, all: readonly MtdEntry[]): string {
  const [chip] = locks;
  if (chip === undefined || locks.size > 1) return address;
  // Numbers depend on the order in which the kernel finds the chips.
  const alone = all.every((entry) => entry === chip || entry.name !== chip.name);
  return `mtd:${alone ? chip.name : `mtd${chip.index}`}`;
}

function usable(all: readonly MtdEntry[]): MtdEntry[] {
  return all.filter(({ type, size }) => type !== 'absent' && size > 0);
}

/** The MTDs that an address means. */
function select(address: string, name: string, all: readonly MtdEntry[]): MtdEntry[] {
  const there = usable(all);
  const named = name === '' ? there : there.filter((entry) => entry.name === name);
  if (named.length === 0) {
    const what =
      name === '' ? 'this machine has no MTD partitions' : `this machine has no MTD ${quote(name)}`;
    const have = there.length === 0 ? '' : `; it has ${there.map(labelOf).join(', ')}`;
    throw new SluiceError('ERR_FLASH_NO_DEVICE', `${address}: ${what}${name === '' ? '' : have}`);
  }
  if (name !== '') refuseTwins(address, named);
  const chosen = name === '' ? named : [...named, ...new Chips(all).within(named[0] as MtdEntry)];
  refuseTwins(address, chosen);
  return chosen;
}

function refuseTwins(address: string, chosen: readonly MtdEntry[]): void {
  for (const { name } of chosen) {
    const twins = chosen.filter((entry) => entry.name === name);
    if (twins.length < 2) continue;
    throw new SluiceError(
      'ERR_FLASH_AMBIGUOUS',
      `${address}: ${twins.map(({ index }) => `mtd${index}`).join(' and ')} are both called ${quote(name)}`,
      { partition: name },
    );
  }
}
