import type { FlashTarget } from '../core/flash/device.js';
import type { Platform } from '../core/platform.js';
import { unfinishedIn } from '../core/update/resume/unfinished.js';
import { sizeOf, type FlashSize } from './flash-size.js';
import type { JobTarget } from './job-factory.js';
import type { PartitionState } from './service-state.js';

/** The stored description of a flash, which is open only during a job. */
export class KnownFlash {
  address = '';
  size: FlashSize = { bytes: 0, blocks: 0 };
  partitions: readonly Omit<PartitionState, 'installed'>[] = [];
  /** Names of partitions; see unfinishedIn. */
  unfinished: readonly string[] = [];

  describe(target: FlashTarget): void {
    this.address = target.address;
    this.size = sizeOf(target);
    this.partitions = [...target.partitions.values()].map(({ name, offset, size, device }) => ({
      name,
      offset,
      size,
      eraseSize: device.geometry.eraseSize,
    }));
  }

  /** Reads the unfinished updates from the journal. */
  async readUnfinished(target: JobTarget, platform: Platform): Promise<void> {
    this.unfinished = await unfinishedIn(target.journal ?? null, platform, target);
  }
}
