import type { Partition } from '../flash/device.js';
import { spotsOf } from '../flash/place.js';

/**
 * Span of a 3-byte address, which most SPI NOR chips start with. A driver that is not told of a larger chip
 * wraps here.
 */
const ADDRESS_SPAN = 16 * 1024 * 1024;

/** What was changed on the chips, down to where it may have been changed unknowingly because addressing wraps. */
export class Footprint {
  /** By chip the offsets of changed blocks, on NOR each within one span. */
  readonly #chips = new Map<unknown, Set<number>>();

  /** @param offset - of a block, in the partition's device */
  add(partition: Partition, offset: number): void {
    for (const { chip, address } of addressesOf(partition, offset)) {
      const changed = this.#chips.get(chip) ?? new Set();
      this.#chips.set(chip, changed.add(address));
    }
  }

  /** Whether the block at `offset` was changed, or may have been. */
  meets(partition: Partition, offset: number): boolean {
    if (this.#chips.size === 0) return false;
    return addressesOf(partition, offset).some(
      ({ chip, address }) => this.#chips.get(chip)?.has(address) === true,
    );
  }
}

/** What a chip may be sent for an offset of a device, wherever the partition may lie. */
function addressesOf(partition: Partition, offset: number): { chip: unknown; address: number }[] {
  const span = partition.device.geometry.type === 'nor' ? ADDRESS_SPAN : Number.POSITIVE_INFINITY;
  return spotsOf(partition).map((spot) => ({
    chip: spot.chip,
    address: (spot.offset + offset - partition.offset) % span,
  }));
}
