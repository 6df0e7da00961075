import { CHIP_PARTITIONS, WHOLE_CHIP } from '../../bundle/image-name.js';
import type { FlashTarget, Partition } from '../../flash/device.js';
import { chipRange, covers, possibleRanges } from '../../flash/overlap.js';

/** The chip that an image of the whole chip is for. */
export interface WholeChip {
  /** Its own partition (`bmc`); null if the system shows only its parts. */
  readonly itself: Partition | null;
  /** The partitions on it, ascending; offsets in bytes from the start of the chip. */
  readonly parts: readonly { readonly partition: Partition; readonly offset: number }[];
  /** Whether the parts make up the chip without gap or overlap. */
  readonly tiled: boolean;
}

/**
 * The chip of a flash; null if it cannot be told. If no partition is the chip (Linux without
 * CONFIG_MTD_PARTITIONED_MASTER), the chip is where partitions of a BMC follow each other from offset 0 without gap or
 * overlap, and there must be only one such place.
 */
export function wholeChip({ partitions }: FlashTarget): WholeChip | null {
  const itself = partitions.get(WHOLE_CHIP) ?? null;
  if (itself !== null) {
    const start = chipRange(itself).offset;
    const parts = [...partitions.values()]
      .filter((partition) => partition !== itself && covers(itself, partition))
      .map((partition) => ({ partition, offset: chipRange(partition).offset - start }))
      .sort((a, b) => a.offset - b.offset);
    return { itself, parts, tiled: endOfTiles(parts) === itself.size };
  }
  const chips = new Map<unknown, { partition: Partition; offset: number }[]>();
  for (const partition of partitions.values()) {
    for (const { chip, offset } of possibleRanges(partition)) {
      chips.set(chip, [...(chips.get(chip) ?? []), { partition, offset }]);
    }
  }
  const found = [...chips.values()]
    .map((parts) => parts.sort((a, b) => a.offset - b.offset))
    .filter((parts) => parts.length > 1 && endOfTiles(parts) !== null)
    .filter((parts) => parts.some(({ partition }) => CHIP_PARTITIONS.includes(partition.name)));
  const [parts] = found;
  return parts === undefined || found.length > 1 ? null : { itself, parts, tiled: true };
}

/** Bytes of the chip of a flash; null if it cannot be told. */
export function chipSize(target: FlashTarget): number | null {
  const chip = wholeChip(target);
  return chip === null ? null : (chip.itself?.size ?? endOfTiles(chip.parts));
}

/** Where partitions end that follow each other from 0; null if they leave a gap or overlap. */
function endOfTiles(parts: WholeChip['parts']): number | null {
  let end = 0;
  for (const { partition, offset } of parts) {
    if (offset !== end) return null;
    end += partition.size;
  }
  return end;
}
