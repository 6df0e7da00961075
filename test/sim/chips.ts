/** Small chips for the tests of the simulator. */
import type { Layout } from '../../src/core/flash/layout.js';
import {
  memoryTarget,
  parseFault,
  type MemoryTarget,
  type MemoryTargetOptions,
} from '../../src/core/sim/index.js';

export const ERASE = 4096;
export const BLOCKS = 16;
export const PAGE = 512;

export const small: Layout = {
  name: 'small',
  size: ERASE * BLOCKS,
  partitions: [{ name: 'bmc', offset: 0, size: ERASE * BLOCKS }],
};

/** A NOR chip of 16 blocks of 4 KiB, with the faults in their text form. */
export function nor(faults: readonly string[] = [], options: MemoryTargetOptions = {}): MemoryTarget {
  return memoryTarget(small, { eraseSize: ERASE, faults: faults.map(parseFault), ...options });
}

/** A NAND chip of 16 blocks of 4 KiB with pages of 512 bytes. */
export function nand(faults: readonly string[] = [], options: MemoryTargetOptions = {}): MemoryTarget {
  return nor(faults, { type: 'nand', writeSize: PAGE, ...options });
}

/** Bytes of one value. */
export const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

/** Whether all bytes have the value. */
export const all = (found: Uint8Array, value: number): boolean => found.every((byte) => byte === value);
