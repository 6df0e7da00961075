/**
 * A whole chip as one MTD in memory, behind the port of the core's drivers: with nothing of Node, so that the MTD
 * driver runs in any engine. MemoryKernel is the same for node-mtd, one floor below.
 */
import { errnoOf } from '../../src/core/errors.js';
import { CheckedDevice } from '../../src/core/flash/checked-device.js';
import {
  UNSUPPORTED,
  type EccStats,
  type FlashTarget,
  type Match,
  type Unsupported,
} from '../../src/core/flash/device.js';
import { partitionsOf, type Layout } from '../../src/core/flash/layout.js';
import { MtdDriver } from '../../src/core/flash/mtd/driver.js';
import { geometryOf, labelOf } from '../../src/core/flash/mtd/shape.js';
import type { MtdFacts, MtdSyscalls } from '../../src/core/flash/mtd-syscalls.js';
import { systemError } from '../native/fake-binding.js';
import { compareBytes, MemoryChip, type ChipSpec } from './memory-chip.js';

const MATCHES = ['same', 'clears', 'differs'] as const satisfies readonly Match[];

/** MTD_WRITEABLE. */
const WRITEABLE = 0x400;

/** One open MTD. */
export class MemoryMtd implements MtdSyscalls {
  readonly #chip: MemoryChip;
  readonly #size: number;
  readonly #changed: (change: string) => void;
  #closed = false;

  /** @param changed - called before each change, with `erase 4096+4096` or `program 0+512` */
  constructor(chip: MemoryChip, changed: (change: string) => void = () => {}) {
    this.#chip = chip;
    this.#size = chip.bytes.length;
    this.#changed = changed;
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    this.#require(offset, into.length, 'pread');
    this.#chip.read(offset, into);
  }

  async compare(offset: number, bytes: Uint8Array): Promise<Match> {
    const have = new Uint8Array(bytes.length);
    await this.read(offset, have);
    return MATCHES[compareBytes(have, bytes)];
  }

  async program(offset: number, bytes: Uint8Array): Promise<void> {
    this.#require(offset, bytes.length, 'pwrite');
    this.#changed(`program ${offset}+${bytes.length}`);
    this.#chip.program(offset, bytes);
  }

  async erase(offset: number, length: number): Promise<void> {
    this.#require(offset, length, 'MEMERASE64');
    this.#changed(`erase ${offset}+${length}`);
    this.#chip.erase(offset, length);
  }

  async isBad(offset: number): Promise<boolean> {
    this.#require(offset, 1, 'MEMGETBADBLOCK');
    return this.#chip.isBad(offset);
  }

  async markBad(offset: number): Promise<void | Unsupported> {
    this.#require(offset, 1, 'MEMSETBADBLOCK');
    return orUnsupported(() => this.#chip.markBad(offset));
  }

  async unlock(offset: number, length: number): Promise<void | Unsupported> {
    this.#require(offset, length, 'MEMUNLOCK');
    return orUnsupported(() => this.#chip.unlock(offset, length));
  }

  async isLocked(offset: number, length: number): Promise<boolean | Unsupported> {
    this.#require(offset, length, 'MEMISLOCKED');
    return orUnsupported(() => this.#chip.isLocked(offset, length));
  }

  async eccStats(): Promise<EccStats> {
    this.#require(0, 0, 'ECCGETSTATS');
    return { corrected: 0, failed: this.#chip.eccFailed };
  }

  async sync(): Promise<void> {
    this.#require(0, 0, 'fsync');
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #require(offset: number, length: number, syscall: string): void {
    if (this.#closed) throw systemError('EBADF', syscall);
    if (offset < 0 || offset + length > this.#size) throw systemError('ENODATA', syscall);
  }
}

function orUnsupported<T>(ask: () => T): T | Unsupported {
  try {
    return ask();
  } catch (thrown) {
    if (errnoOf(thrown) === 'EOPNOTSUPP') return UNSUPPORTED;
    throw thrown;
  }
}

/** A chip as mtd0 "bmc", with the MTD driver of the core on it. */
export function deviceOn(
  chip: MemoryChip,
  spec: ChipSpec,
  changed?: (change: string) => void,
): CheckedDevice {
  const { type, size, eraseSize, writeSize, flags = WRITEABLE } = spec;
  const facts: MtdFacts = {
    index: 0,
    name: 'bmc',
    type,
    flags,
    size,
    eraseSize,
    writeSize,
    offset: null,
    parent: null,
    siblingsOf: 'virtual',
  };
  const geometry = geometryOf(facts);
  const driver = new MtdDriver(facts, geometry, async () => new MemoryMtd(chip, changed), true);
  return new CheckedDevice(labelOf(facts), geometry, driver);
}

/** A NOR chip in memory behind the MTD driver, cut into partitions. */
export interface MtdTarget extends FlashTarget {
  readonly chip: MemoryChip;
}

/**
 * @param content - of the chip
 * @param changed - called before each change
 */
export function mtdTarget(
  layout: Layout,
  eraseSize: number,
  content: Uint8Array,
  changed: (change: string) => void,
): MtdTarget {
  const spec: ChipSpec = { type: 'nor', size: layout.size, eraseSize, writeSize: 1, content };
  const chip = new MemoryChip(spec);
  const device = deviceOn(chip, spec, changed);
  return {
    address: 'mtd:',
    chip,
    partitions: partitionsOf(layout, device),
    close: () => device.close(),
  };
}
