import type { OperationOptions, Partition } from '../../flash/device.js';
import type { Platform } from '../../platform.js';
import type { TrustPolicy } from '../../trust/trust.js';
import type { ChangeLog } from './change-log.js';
import type { Observer } from '../report/observer.js';
import type { PartitionReceipt } from '../report/receipt.js';

/** Takes the erase blocks of one image in ascending order. */
export interface BlockSink {
  /**
   * Takes block `index` of the image: a whole erase block (filled up with 0xFF), of which the image's own
   * bytes are the first `length`. The bytes may be reused when the promise settles.
   */
  put(index: number, bytes: Uint8Array, length: number): Promise<void>;
}

/** Writes one image into one partition, in the steps of a session. */
export interface ImageWriter extends BlockSink {
  readonly partition: Partition;
  readonly receipt: PartitionReceipt;
  /** Whether anything in this partition was erased or programmed, or may have been. */
  readonly hasWritten: boolean;
  /** Whether anything was changed, or will be when the gate opens. */
  readonly willWrite: boolean;
  /** Milliseconds spent in flash operations. */
  readonly flashTime: number;
  /** Frees what lies behind the image, once everything is proven. */
  clearBehind(): Promise<void>;
  /** SHA-256 of what was put, hex, if it was asked for. */
  digest(): string | null;
  /** Where in the device blocks were changed, or may have been, that `recheck` can look at. */
  changedOffsets(): Iterable<number>;
  /**
   * Checks once more that flash holds what it must, except what is held.
   * @param buffer - at least one erase block
   * @param wanted - says by its offset in the device whether a block is looked at
   */
  recheck(buffer: Uint8Array, wanted: (offset: number) => boolean): Promise<void>;
  /**
   * Writes what is held, once everything is proven and rechecked.
   * @returns the offset in the device of what was written, if that may have hit something else
   */
  openGate(): Promise<number | null>;
}

/** What a writer works with. */
export interface ImageWriterOptions extends OperationOptions {
  readonly platform: Platform;
  readonly policy: TrustPolicy;
  readonly observer: Observer;
  /** Asked before each change of a block; `NO_CHANGE_LOG` in a session without a journal. */
  readonly changeLog: ChangeLog;
  /** Awaited before the first change. If the promise rejects, the session ends with this partition unchanged. */
  readonly aboutToChange: () => Promise<void>;
}
