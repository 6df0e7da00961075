import type { Partition } from './device.js';

/** A spot on a chip. Chips are compared by identity: a name where partitions have devices of their own. */
export interface ChipRange {
  readonly chip: unknown;
  /** Bytes from the start of the chip. */
  readonly offset: number;
}

/** Where a partition is known to start: what it says itself, else its device is the chip. */
export function chipRange(partition: Partition): ChipRange {
  return partition.place ?? { chip: partition.device, offset: partition.offset };
}

/** Every spot where a partition starts, or may start. */
export function possibleRanges(partition: Partition): readonly ChipRange[] {
  return [chipRange(partition), ...(partition.perhaps ?? [])];
}

/** Whether all of `inner` is known to lie in `outer`. */
export function covers(outer: Partition, inner: Partition): boolean {
  const a = chipRange(outer);
  const b = chipRange(inner);
  return a.chip === b.chip && a.offset <= b.offset && b.offset + inner.size <= a.offset + outer.size;
}

/** Whether two partitions have flash in common, or may have. */
export function mayOverlap(one: Partition, other: Partition): boolean {
  const others = possibleRanges(other);
  return possibleRanges(one).some(({ chip, offset }) =>
    others.some(
      (spot) => spot.chip === chip && spot.offset < offset + one.size && offset < spot.offset + other.size,
    ),
  );
}
