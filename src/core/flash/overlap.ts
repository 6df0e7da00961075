import type { Partition } from './device.js';

/** A spot on a chip. Chips are compared by identity: a name where partitions have devices of their own. */
export interface ChipSpot {
  readonly chip: unknown;
  /** Bytes from the start of the chip. */
  readonly offset: number;
}

/** Where a partition is known to start: what it says itself, else its device is the chip. */
export function placeOf(partition: Partition): ChipSpot {
  return partition.place ?? { chip: partition.device, offset: partition.offset };
}

/** Every spot where a partition starts, or may start. */
export function spotsOf(partition: Partition): readonly ChipSpot[] {
  return [placeOf(partition), ...(partition.perhaps ?? [])];
}

/** Whether all of `inner` is known to lie in `outer`. */
export function covers(outer: Partition, inner: Partition): boolean {
  const a = placeOf(outer);
  const b = placeOf(inner);
  return a.chip === b.chip && a.offset <= b.offset && b.offset + inner.size <= a.offset + outer.size;
}

/** Whether two partitions have flash in common, or may have. */
export function mayMeet(one: Partition, other: Partition): boolean {
  const others = spotsOf(other);
  return spotsOf(one).some(({ chip, offset }) =>
    others.some(
      (spot) => spot.chip === chip && spot.offset < offset + one.size && offset < spot.offset + other.size,
    ),
  );
}
