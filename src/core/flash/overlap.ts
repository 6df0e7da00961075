import type { Partition } from './device.js';

/** A position on a chip. Chips are compared with `===`: a name, or the device. */
export interface ChipRange {
  readonly chip: unknown;
  /** Bytes from the start of the chip. */
  readonly offset: number;
}

/** Where a partition starts, as far as known. */
export function chipRange(partition: Partition): ChipRange {
  return partition.place ?? { chip: partition.device, offset: partition.offset };
}

/** Every position where a partition starts or may start. */
export function possibleRanges(partition: Partition): readonly ChipRange[] {
  return [chipRange(partition), ...(partition.possiblePlaces ?? [])];
}

/** Whether `inner` is known to be within `outer`. */
export function covers(outer: Partition, inner: Partition): boolean {
  const a = chipRange(outer);
  const b = chipRange(inner);
  return a.chip === b.chip && a.offset <= b.offset && b.offset + inner.size <= a.offset + outer.size;
}

/** Whether two partitions share flash, or may share it. */
export function mayOverlap(one: Partition, other: Partition): boolean {
  const others = possibleRanges(other);
  return possibleRanges(one).some(({ chip, offset }) =>
    others.some(
      (spot) => spot.chip === chip && spot.offset < offset + one.size && offset < spot.offset + other.size,
    ),
  );
}
