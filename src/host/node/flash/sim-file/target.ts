import {
  existsSync,
  closeSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { errnoOf, SluiceError } from '../../../../core/errors.js';
import type { Abort } from '../../../../core/platform.js';
import type { FlashTarget, Partition } from '../../../../core/flash/device.js';
import { findLayout, partitionsOf, type Layout } from '../../../../core/flash/layout.js';
import { checkChipOptions } from '../../../../core/sim/chip-options.js';
import { SimChip } from '../../../../core/sim/chip.js';
import { VirtualClock } from '../../../../core/sim/clock.js';
import {
  formatDescription,
  MAX_DESCRIPTION_BYTES,
  parseDescription,
  type ChipDescription,
} from '../../../../core/sim/description.js';
import { checkFaults, type Fault } from '../../../../core/sim/faults.js';
import { FileStore } from './file-store.js';
import { PidLock } from '../../fs/pid-lock.js';
import { replaceFileSync } from '../../fs/replace-file-sync.js';
import { markFactoryBad } from '../../../../core/sim/memory-target.js';
import { RealClock } from './real-clock.js';
import { geometryFor, type ShapeOptions } from '../../../../core/sim/shape.js';
import { addTotals, NO_TOTALS } from '../../../../core/sim/stats.js';
import { findTiming } from '../../../../core/sim/timing.js';

/** One write while a chip file is made. */
const CHUNK = 1024 * 1024;

/** Options of `createSimChip`. */
export interface CreateOptions extends ShapeOptions {
  /** A layout or the name of one. */
  readonly layout: Layout | string;
  /** Name of a timing model. @default "none" */
  readonly timing?: string | undefined;
  /** Real time for one unit of chip time; 0 is virtual time. @default 0 */
  readonly scale?: number | undefined;
  /** Blocks that leave the factory bad, ascending; NAND only. */
  readonly factoryBad?: readonly number[] | undefined;
  readonly faults?: readonly Fault[] | undefined;
  /** Replaces a chip that is there. @default false */
  readonly force?: boolean | undefined;
}

/** Options of `openSimTarget`. */
export interface OpenOptions {
  readonly signal?: Abort | undefined;
  /**
   * false: virtual time. true: real time, with the scale of the description, or 1 where that says virtual.
   * Left out: as the description says.
   */
  readonly realTime?: boolean | undefined;
  /** See FlashOptions.reserve. */
  readonly reserve?: string | undefined;
}

/** A simulated chip in a file, opened for one session. */
export interface SimTarget extends FlashTarget {
  readonly chip: SimChip;
  /** The description as it was when the chip was opened. */
  readonly description: ChipDescription;
}

/**
 * Makes a chip: the file PATH of its bytes, erased, and its description PATH.json. Real 0xFF bytes are
 * written, not a hole, so that every tool reads what the chip holds.
 * @throws SluiceError ERR_USAGE_EXISTS when PATH is there and `force` is not given; ERR_USAGE_LAYOUT,
 *   ERR_USAGE_SIM, ERR_USAGE_OPTION for options that do not fit; ERR_BUSY_FLASH when the chip is in use;
 *   ERR_USAGE_OUTPUT when the folder is not there; ERR_BUSY_PERMISSION
 */
export function createSimChip(path: string, options: CreateOptions): ChipDescription {
  const layout = typeof options.layout === 'string' ? findLayout(options.layout) : options.layout;
  const geometry = geometryFor(layout, options);
  const { factoryBad = [], faults = [], timing = 'none', scale = 0 } = options;
  checkChipOptions({ geometry, factoryBad }, geometry.size);
  checkFaults(faults, geometry);
  const description: ChipDescription = {
    name: basename(path),
    geometry,
    layout: { name: layout.name, partitions: layout.partitions },
    timing: { model: findTiming(timing).name, scale },
    factoryBad,
    grownBad: [],
    faults,
    wear: new Uint32Array(geometry.size / geometry.eraseSize),
    torn: [],
    totals: NO_TOTALS,
  };
  // What is written must be what can be read again.
  parseDescription(formatDescription(description), `${path}.json`);
  onFile(path, () => {
    refuseToReplace(path, options.force === true);
    requireFolder(path);
    const lock = PidLock.take(path);
    try {
      writeErased(path, options.force === true ? 'w' : 'wx', geometry.size);
      const store = new FileStore(path);
      try {
        markFactoryBad(store, factoryBad, geometry.eraseSize);
        store.sync();
      } finally {
        store.close();
      }
      // What an update has left on the chip that was there before says nothing of this one.
      rmSync(`${path}.journal`, { force: true });
      saveDescription(path, description);
    } finally {
      lock.release();
    }
  });
  return description;
}

function requireFolder(path: string): void {
  const folder = dirname(path);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new SluiceError('ERR_USAGE_OUTPUT', `there is no folder ${folder} for ${basename(path)}`);
}

function refuseToReplace(path: string, force: boolean): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isFile()) throw new SluiceError('ERR_USAGE_EXISTS', `${path} is there and is not a regular file`);
  if (!force) throw new SluiceError('ERR_USAGE_EXISTS', `${path} is there already`);
  if (!existsSync(`${path}.json`)) {
    throw new SluiceError(
      'ERR_USAGE_EXISTS',
      `${path} is there and is no simulated chip: ${path}.json is missing`,
    );
  }
}

function writeErased(path: string, flags: 'w' | 'wx', size: number): void {
  const chunk = new Uint8Array(Math.min(CHUNK, size)).fill(0xff);
  const fd = openSync(path, flags, 0o644);
  try {
    for (let done = 0; done < size;) {
      done += writeSync(fd, chunk, 0, Math.min(chunk.length, size - done));
    }
  } catch (thrown) {
    rmSync(path, { force: true });
    throw thrown;
  } finally {
    closeSync(fd);
  }
}

/** The caller has the lock of the chip, so nobody else writes the description. */
function saveDescription(path: string, description: ChipDescription): void {
  replaceFileSync(`${path}.json`, formatDescription(description), { mode: 0o644 });
}

/**
 * Opens a chip for one session; nobody else can until it is closed. Bad marks are saved at once, wear, totals
 * and what is left of the fault plan when it is synced or closed, or loses its power.
 * @throws SluiceError ERR_FLASH_NO_DEVICE when there is no such file; ERR_USAGE_SIM when its description is
 *   missing or wrong; ERR_BUSY_FLASH when it is in use; ERR_BUSY_PERMISSION; ERR_SESSION_INTERRUPTED
 */
export async function openSimTarget(path: string, options: OpenOptions = {}): Promise<SimTarget> {
  if (options.signal?.aborted === true) {
    throw new SluiceError('ERR_SESSION_INTERRUPTED', `stopped before ${path} was opened`);
  }
  return onFile(path, () => {
    // The lock is by name: two names of one chip would be two locks.
    path = realpathSync(path);
    const store = new FileStore(path);
    let lock: PidLock | undefined;
    try {
      lock = PidLock.take(path);
      const description = readDescription(path);
      return new FileChipTarget(path, store, lock, description, options);
    } catch (thrown) {
      store.close();
      lock?.release();
      throw thrown;
    }
  });
}

/**
 * Adds faults to the plan of a chip that is not in use.
 * @throws SluiceError as `openSimTarget`; ERR_USAGE_SIM for faults that are not on this chip
 */
export function planFaults(path: string, faults: readonly Fault[]): ChipDescription {
  return onFile(path, () => {
    path = realpathSync(path);
    const lock = PidLock.take(path);
    try {
      const before = readDescription(path);
      checkFaults(faults, before.geometry);
      const description = { ...before, faults: [...before.faults, ...faults] };
      saveDescription(path, description);
      return description;
    } finally {
      lock.release();
    }
  });
}

function readDescription(path: string): ChipDescription {
  const beside = `${path}.json`;
  const stat = statSync(beside, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw new SluiceError('ERR_USAGE_SIM', `${path} has no description: ${beside} is missing`);
  }
  if (!stat.isFile() || stat.size > MAX_DESCRIPTION_BYTES) {
    throw new SluiceError(
      'ERR_USAGE_SIM',
      `${beside} is not a file of at most ${MAX_DESCRIPTION_BYTES} bytes`,
    );
  }
  return parseDescription(readFileSync(beside, 'utf8'), beside);
}

class FileChipTarget implements SimTarget {
  readonly address: string;
  readonly chip: SimChip;
  readonly description: ChipDescription;
  readonly partitions: ReadonlyMap<string, Partition>;
  readonly reserved: Partition | undefined;
  readonly #path: string;
  readonly #lock: PidLock;

  constructor(
    path: string,
    store: FileStore,
    lock: PidLock,
    description: ChipDescription,
    { realTime, reserve }: OpenOptions,
  ) {
    const { geometry, timing, factoryBad, grownBad, faults, wear, torn } = description;
    const scale = realTime === true && timing.scale === 0 ? 1 : timing.scale;
    this.address = `sim:${path}`;
    this.description = description;
    this.#path = path;
    this.#lock = lock;
    this.chip = new SimChip(store, {
      name: this.address,
      geometry,
      factoryBad,
      grownBad,
      faults,
      wear,
      torn,
      timing: findTiming(timing.model),
      clock: realTime === false || scale === 0 ? new VirtualClock() : new RealClock(scale),
      onSave: (reason) => {
        try {
          this.#save();
        } finally {
          if (reason === 'close') this.#lock.release();
        }
      },
    });
    this.partitions = partitionsOf(description.layout, this.chip);
    this.reserved = reserve === undefined ? undefined : this.partitions.get(reserve);
  }

  close(): Promise<void> {
    return this.chip.close();
  }

  #save(): void {
    const { description, chip } = this;
    const totals = addTotals(description.totals, chip.totals());
    try {
      saveDescription(this.#path, { ...description, ...chip.state(), totals });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new SluiceError('ERR_FLASH_PROGRAM', `${this.address}: its description: ${reason}`, { cause });
    }
  }
}

/** System errors around a chip file, as the errors of the table. */
function onFile<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    if (cause instanceof SluiceError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    switch (errnoOf(cause)) {
      case 'ENOENT':
      case 'ENOTDIR':
        throw new SluiceError('ERR_FLASH_NO_DEVICE', `${path} is not there`, { cause });
      case 'EACCES':
      case 'EPERM':
      case 'EROFS':
        throw new SluiceError('ERR_BUSY_PERMISSION', `${path} may not be written`, { cause });
      case 'EEXIST':
        throw new SluiceError('ERR_USAGE_EXISTS', `${path} is there already`, { cause });
      default:
        throw new SluiceError('ERR_USAGE_SIM', `${path}: ${reason}`, { cause });
    }
  }
}
