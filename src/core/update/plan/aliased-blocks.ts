import type { Partition } from '../../flash/device.js';
import { possibleRanges, type ChipRange } from '../../flash/overlap.js';
import { BlockSet } from './block-set.js';

/**
 * Span of a 3-byte address, which most SPI NOR chips start with. A driver that is not told of a larger chip
 * wraps here.
 */
const ADDRESS_SPAN = 16 * 1024 * 1024;

/** What was changed on the chips, down to where it may have been changed unknowingly because addressing wraps. */
export class AliasedBlocks {
  /** By chip the changed blocks, on NOR counted within one span. */
  readonly #chips = new Map<unknown, BlockSet>();

  /** @param offset - of a block, in the partition's device */
  add(partition: Partition, offset: number): void {
    for (const spot of possibleRanges(partition)) {
      const changed = this.#chips.get(spot.chip) ?? new BlockSet();
      this.#chips.set(spot.chip, changed);
      changed.add(blockAt(partition, spot, offset));
    }
  }

  /** Whether the block at `offset` was changed, or may have been. */
  mayAffect(partition: Partition, offset: number): boolean {
    return possibleRanges(partition).some(
      (spot) => this.#chips.get(spot.chip)?.has(blockAt(partition, spot, offset)) === true,
    );
  }
}

/** The block that a chip may be sent for an offset of a device, if the partition starts at `spot`. */
function blockAt(partition: Partition, spot: ChipRange, offset: number): number {
  const { type, eraseSize } = partition.device.geometry;
  const address = spot.offset + offset - partition.offset;
  return (type === 'nor' ? address % ADDRESS_SPAN : address) / eraseSize;
}
