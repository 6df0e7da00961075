import { SluiceError } from '../errors.js';
import type { Geometry } from '../flash/device.js';
import { parseLayout, type Layout } from '../flash/layout.js';

const KIB = 1024;

/** Default sizes in bytes: those of the SPI NOR chips on BMCs, and of W25N01GV. */
const DEFAULT_SHAPES = {
  nor: { eraseSize: 64 * KIB, writeSize: 1 },
  nand: { eraseSize: 128 * KIB, writeSize: 2 * KIB },
} as const;

/** Type and sizes of a chip. */
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
 * @throws SluiceError ERR_USAGE_LAYOUT if the layout does not fit, ERR_USAGE_SIM for an unknown type
 */
export function geometryFor(layout: Layout, options: ShapeOptions): Geometry {
  const { type = 'nor' } = options;
  const defaults = DEFAULT_SHAPES[type] as (typeof DEFAULT_SHAPES)[keyof typeof DEFAULT_SHAPES] | undefined;
  if (defaults === undefined)
    throw new SluiceError('ERR_USAGE_SIM', `the type of a simulated chip must be nor or nand, not ${type}`);
  const { eraseSize = defaults.eraseSize, writeSize = defaults.writeSize } = options;
  parseLayout(layout, eraseSize);
  return { type, size: layout.size, eraseSize, writeSize };
}
