import type { FlashTarget } from '../core/flash/device.js';
import { chipRange } from '../core/flash/overlap.js';

/** Total size of a flash. */
export interface FlashSize {
  readonly bytes: number;
  /** Erase blocks. */
  readonly blocks: number;
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly eraseSize: number;
}

/** The area that all partitions of a target cover together; overlapping areas count once. */
export function sizeOf({ partitions }: FlashTarget): FlashSize {
  const chips = new Map<unknown, Range[]>();
  for (const partition of partitions.values()) {
    const { chip, offset: from } = chipRange(partition);
    const { eraseSize } = partition.device.geometry;
    const ranges = chips.get(chip) ?? [];
    ranges.push({ from, to: from + partition.size, eraseSize });
    chips.set(chip, ranges);
  }
  let bytes = 0;
  let blocks = 0;
  for (const ranges of chips.values()) {
    let covered = 0;
    for (const { from, to, eraseSize } of ranges.sort((a, b) => a.from - b.from)) {
      const added = Math.max(0, to - Math.max(from, covered));
      bytes += added;
      blocks += Math.ceil(added / eraseSize);
      covered = Math.max(covered, to);
    }
  }
  return { bytes, blocks };
}
