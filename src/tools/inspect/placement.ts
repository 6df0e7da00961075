import { partitionOf } from '../../core/bundle/image-name.js';
import type { FlashTarget } from '../../core/flash/device.js';
import type { Inspection } from './inspection.js';

/** Where an image would go. Bytes. */
export interface Placement {
  readonly member: string;
  readonly size: number;
  readonly partition: string;
  /** Of the partition on its device; null when the flash has no such partition. */
  readonly offset: number | null;
  /** Size of the partition. */
  readonly room: number | null;
  readonly fits: boolean;
}

/** Where each image of the bundle would go on a flash. */
export function placementsOn(target: FlashTarget, { members }: Inspection): Placement[] {
  return members
    .filter(({ kind }) => kind === 'image')
    .map(({ name, size }) => {
      const partition = target.partitions.get(partitionOf(name));
      const room = partition?.size ?? null;
      return {
        member: name,
        size,
        partition: partitionOf(name),
        offset: partition?.offset ?? null,
        room,
        fits: room !== null && size <= room,
      };
    });
}
