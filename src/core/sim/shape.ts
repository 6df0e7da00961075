import { SluiceError } from '../errors.js';
import type { Geometry } from '../flash/device.js';
import { parseLayout, type Layout } from '../flash/layout.js';

const KIB = 1024;

/** Erase block and write unit where nothing else is said: the 64 KiB of the SPI NORs on BMCs, and W25N01GV. */
const USUAL = {
  nor: { eraseSize: 64 * KIB, writeSize: 1 },
  nand: { eraseSize: 128 * KIB, writeSize: 2 * KIB },
} as const;

/** What kind of chip it shall be. */
export interface ShapeOptions {
  /** @default "nor" */
  readonly type?: 'nor' | 'nand' | undefined;
  /** Bytes. @default 65536 for NOR, 131072 for NAND */
  readonly eraseSize?: number | undefined;
  /** Bytes. @default 1 for NOR, 2048 for NAND */
  readonly writeSize?: number | undefined;
}

/**
 * The geometry of a chip for a layout.
 * @throws SluiceError ERR_USAGE_LAYOUT when the layout cannot be on it, ERR_USAGE_SIM for an unknown type
 */
export function geometryFor(layout: Layout, options: ShapeOptions): Geometry {
  const { type = 'nor' } = options;
  const usual = USUAL[type] as (typeof USUAL)[keyof typeof USUAL] | undefined;
  if (usual === undefined)
    throw new SluiceError('ERR_USAGE_SIM', `a simulated chip is nor or nand, not ${type}`);
  const { eraseSize = usual.eraseSize, writeSize = usual.writeSize } = options;
  parseLayout(layout, eraseSize);
  return { type, size: layout.size, eraseSize, writeSize };
}
