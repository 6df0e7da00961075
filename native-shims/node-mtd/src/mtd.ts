import type { Handle, NativeBinding, RawEccStats } from './binding.js';
import { type MtdEntry, type MtdType, readMtd } from './discovery/mtd.js';
import type { Roots } from './discovery/roots.js';
import { NodeMtdError } from './errors.js';
import { type Match, toMatch } from './match.js';
import { checkRange } from './range.js';
import { orUnsupported } from './unsupported.js';

/** MTD_ABSENT, MTD_RAM, ... of mtd-abi.h. */
const RAW_TYPES: ReadonlyMap<number, MtdType> = new Map([
  [0, 'absent'],
  [1, 'ram'],
  [2, 'rom'],
  [3, 'nor'],
  [4, 'nand'],
  [6, 'dataflash'],
  [7, 'ubi'],
  [8, 'mlc-nand'],
]);

export interface MtdOptions {
  /** Opens the device for reading and writing; otherwise for reading. */
  readonly write: boolean;
  readonly roots?: Partial<Roots> | undefined;
}

/**
 * One open MTD. One call at a time: a second one rejects with EBUSY. All methods reject with the `SystemError` of the
 * failed call, or with ERR_RANGE before a call. Offsets and lengths are bytes.
 */
export class Mtd {
  readonly entry: MtdEntry;
  readonly #binding: NativeBinding;
  readonly #handle: Handle;

  private constructor(binding: NativeBinding, handle: Handle, entry: MtdEntry) {
    this.#binding = binding;
    this.#handle = handle;
    this.entry = entry;
  }

  /**
   * Opens a listed device, and checks that it is still the same one: the kernel reuses MTD numbers when drivers are
   * unbound or partitions are created again. After that the open descriptor holds the device.
   * @throws NodeMtdError ERR_REPLACED
   */
  static async open(binding: NativeBinding, entry: MtdEntry, options: MtdOptions): Promise<Mtd> {
    const handle = await binding.open(entry.path, { write: options.write, exclusive: false });
    try {
      const node = await binding.identify(handle);
      if (node.kind !== 'char' || node.major !== entry.major || node.minor !== entry.minor) {
        throw replaced(entry, `the node is a ${node.kind} device ${node.major}:${node.minor}`);
      }
      const info = await binding.mtdInfo(handle);
      const now = {
        type: RAW_TYPES.get(info.type) ?? 'unknown',
        flags: info.flags,
        // The kernel truncates the size to 32 bits.
        size: info.size,
        eraseSize: info.eraseSize,
        writeSize: info.writeSize,
        oobSize: info.oobSize,
      };
      compareFields(entry, { ...entry, size: entry.size % 2 ** 32 }, now, 'MEMGETINFO');
      const listed = readMtd(entry.index, options.roots);
      if (!listed) throw replaced(entry, 'the device does not exist');
      // Two paths may lead to the same folder of /dev.
      compareFields(entry, entry, { ...listed, path: entry.path }, 'sysfs');
      return new Mtd(binding, handle, entry);
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

  /** Fills `into`. Uncorrectable bits are no error here: the kernel only counts them, see `eccStats`. */
  async read(offset: number, into: Uint8Array): Promise<void> {
    this.#check(offset, into.length);
    await this.#binding.read(this.#handle, offset, into);
  }

  /** Compares flash with `bytes`. Reads no further than the answer needs. */
  async compare(offset: number, bytes: Uint8Array): Promise<Match> {
    this.#check(offset, bytes.length);
    return toMatch(await this.#binding.compare(this.#handle, offset, bytes));
  }

  async program(offset: number, bytes: Uint8Array): Promise<void> {
    this.#check(offset, bytes.length);
    await this.#binding.write(this.#handle, offset, bytes);
  }

  /** Erases whole blocks. */
  async erase(offset: number, length: number): Promise<void> {
    this.#check(offset, length);
    const { eraseSize, path } = this.entry;
    // Both are NaN if the erase size is 0.
    if (offset % eraseSize !== 0 || length % eraseSize !== 0) {
      throw new NodeMtdError(
        'ERR_RANGE',
        `${path}: erase of ${length} bytes at offset ${offset} is not aligned to erase blocks of ${eraseSize} bytes`,
      );
    }
    await this.#binding.mtdErase(this.#handle, offset, length);
  }

  /** Whether the block at `offset` is marked bad. */
  async isBad(offset: number): Promise<boolean | 'unsupported'> {
    this.#check(offset, 1);
    return await orUnsupported(this.#binding.mtdIsBad(this.#handle, offset));
  }

  /** Marks the block at `offset` bad. This cannot be undone. */
  async markBad(offset: number): Promise<void | 'unsupported'> {
    this.#check(offset, 1);
    return await orUnsupported(this.#binding.mtdMarkBad(this.#handle, offset));
  }

  /** Removes the write protection. EOVERFLOW above 4 GiB. */
  async unlock(offset: number, length: number): Promise<void | 'unsupported'> {
    this.#check(offset, length);
    return await orUnsupported(this.#binding.mtdUnlock(this.#handle, offset, length));
  }

  /** Protects from writes. EOVERFLOW above 4 GiB. */
  async lock(offset: number, length: number): Promise<void | 'unsupported'> {
    this.#check(offset, length);
    return await orUnsupported(this.#binding.mtdLock(this.#handle, offset, length));
  }

  /** Whether all of the range is protected from writes. EOVERFLOW above 4 GiB. */
  async isLocked(offset: number, length: number): Promise<boolean | 'unsupported'> {
    this.#check(offset, length);
    return await orUnsupported(this.#binding.mtdIsLocked(this.#handle, offset, length));
  }

  /** Counts since the device was attached; zeros on devices without ECC. */
  async eccStats(): Promise<RawEccStats | 'unsupported'> {
    return await orUnsupported(this.#binding.mtdEccStats(this.#handle));
  }

  async sync(): Promise<void> {
    await this.#binding.sync(this.#handle);
  }

  /** Waits for the running call. Idempotent. */
  async close(): Promise<void> {
    await this.#binding.close(this.#handle);
  }

  #check(offset: number, length: number): void {
    checkRange(this.entry.path, this.entry.size, offset, length);
  }
}

function compareFields(entry: MtdEntry, before: MtdEntry, now: Partial<MtdEntry>, source: string): void {
  for (const key of Object.keys(now) as (keyof MtdEntry)[]) {
    if (now[key] !== before[key]) {
      throw replaced(entry, `${source}: ${key} was ${String(before[key])} and is ${String(now[key])}`);
    }
  }
}

function replaced(entry: MtdEntry, what: string): NodeMtdError {
  return new NodeMtdError(
    'ERR_REPLACED',
    `${entry.path} is no longer ${JSON.stringify(entry.name)}: ${what}`,
  );
}
