import { MAX_CHIP_SIZE } from '../flash/layout.js';
import type { Geometry } from '../flash/device.js';
import { JsonChecker } from '../json-check.js';
import type { Clock } from './clock.js';
import type { Fault } from './faults.js';
import type { ChipOperation } from './stats.js';
import type { TimingModel } from './timing.js';
import type { TornBlock } from './torn-blocks.js';

/** What a chip keeps while it is closed, besides its bytes. */
export interface ChipState {
  /** Blocks that the factory marked bad, ascending. NAND only. */
  readonly factoryBad: readonly number[];
  /** Blocks marked bad later, ascending. NAND only. */
  readonly grownBad: readonly number[];
  /** What is left of the fault plan. */
  readonly faults: readonly Fault[];
  /** Erases of each block so far. */
  readonly wear: Uint32Array;
  /** What torn operations left, ascending by block. */
  readonly torn: readonly TornBlock[];
}

/** Why the state of a chip is saved. */
export type SaveReason = 'mark-bad' | 'cut' | 'sync' | 'close';

/** Options of `SimChip`. */
export interface SimChipOptions extends Partial<ChipState> {
  /** Type `nor` or `nand`, and the size of the store. */
  readonly geometry: Geometry;
  /** Name for messages. @default "sim" */
  readonly name?: string | undefined;
  /** How long operations take. @default NO_TIMING */
  readonly timing?: TimingModel | undefined;
  /** How that time passes. @default a VirtualClock */
  readonly clock?: Clock | undefined;
  /** Bits that the ECC of NAND corrects in a page. @default 4 */
  readonly eccStrength?: number | undefined;
  /** Called to save the state. An error that it throws fails the operation. */
  readonly onSave?: ((reason: SaveReason) => void) | undefined;
  /** Called after each operation; see `SimChip.onOperation`. */
  readonly onOperation?: ((operation: ChipOperation) => void) | undefined;
}

/** Limits the tables with one entry a block; a 16 GiB NAND with blocks of 128 KiB has 131072. */
export const MAX_BLOCKS = 1 << 20;
/** Bytes. A chip keeps one block in memory. */
const MAX_ERASE_SIZE = 64 * 1024 * 1024;

/** Reads a geometry from parsed JSON and reports its mistakes to `strict`. */
export function readGeometry(strict: JsonChecker, value: unknown, place: string): Geometry {
  const fields = strict.fields(value, place, ['type', 'size', 'eraseSize', 'writeSize']);
  const geometry: Geometry = {
    type: strict.oneOf(fields['type'], `${place}.type`, ['nor', 'nand']),
    size: strict.integer(fields['size'], `${place}.size`, 1, MAX_CHIP_SIZE),
    eraseSize: strict.integer(fields['eraseSize'], `${place}.eraseSize`, 1, MAX_ERASE_SIZE),
    writeSize: strict.integer(fields['writeSize'], `${place}.writeSize`, 1, MAX_ERASE_SIZE),
  };
  if (geometry.size % geometry.eraseSize !== 0) {
    strict.report(`${place}.size`, `is not a multiple of the erase size, ${geometry.eraseSize} bytes`);
  } else if (geometry.size / geometry.eraseSize > MAX_BLOCKS) {
    strict.report(`${place}.size`, `makes more than ${MAX_BLOCKS} erase blocks`);
  }
  if (geometry.eraseSize % geometry.writeSize !== 0) {
    strict.report(`${place}.writeSize`, `does not divide the erase size, ${geometry.eraseSize} bytes`);
  }
  return geometry;
}

/** Reads an ascending list of block numbers and reports its mistakes to `strict`. */
export function readBlocks(strict: JsonChecker, value: unknown, place: string, geometry: Geometry): number[] {
  const count = Math.floor(geometry.size / geometry.eraseSize);
  const blocks = strict
    .list(value, place, count)
    .map((block, index) => strict.integer(block, `${place}[${index}]`, 0, count - 1));
  if (blocks.some((block, index) => index > 0 && block <= (blocks[index - 1] as number))) {
    strict.report(place, 'must ascend, each block once');
  }
  if (blocks.length > 0 && geometry.type !== 'nand')
    strict.report(place, 'must be empty: NOR has no bad blocks');
  return blocks;
}

/**
 * Checks the options of a chip.
 * @throws SluiceError ERR_USAGE_SIM with all mistakes
 */
export function checkChipOptions(options: SimChipOptions, storeSize: number): void {
  const strict = new JsonChecker();
  const geometry = readGeometry(strict, { ...options.geometry }, 'geometry');
  if (geometry.size !== storeSize) {
    strict.report('geometry.size', `is ${geometry.size} bytes, but the store has ${storeSize} bytes`);
  }
  readBlocks(strict, options.factoryBad, 'factoryBad', geometry);
  readBlocks(strict, options.grownBad, 'grownBad', geometry);
  if (options.wear !== undefined && options.wear.length !== geometry.size / geometry.eraseSize) {
    strict.report('wear', 'must have an entry for each erase block');
  }
  strict.finish('ERR_USAGE_SIM', 'this chip cannot be simulated');
}
