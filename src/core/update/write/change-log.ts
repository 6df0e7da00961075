import type { Partition } from '../../flash/device.js';
import type { Change } from './block-writer.js';

/**
 * What a writer tells the record of a session of each block before it changes it, and what it asks that record about
 * blocks that an earlier session may have torn. Blocks are numbered on the partition's device.
 */
export interface ChangeLog {
  /** Whether an earlier session has left something behind, even a record that is damaged. */
  readonly hasPrevious: boolean;
  /**
   * Asked before a block is erased or programmed; when the promise resolves the block is on record.
   * @param ahead - the blocks of the device that come next, `block` the first of them
   * @throws SluiceError ERR_SESSION_JOURNAL, ERR_SESSION_STUCK: then the block must not be changed
   */
  beforeChange(partition: Partition, block: number, ahead: Iterable<number>): Promise<void>;
  /**
   * What a block needs after it was compared: one that may be torn is erased, whatever it reads like.
   * @param bytes - what the block is to hold
   */
  decide(partition: Partition, block: number, change: Change, bytes: Uint8Array): Change;
  /** Whether the block can be taken for what it reads like. */
  trusts(partition: Partition, block: number): boolean;
  /** A block holds what it must: it was unchanged and not suspect, or it was written and read back. */
  settle(partition: Partition, block: number): void;
  /** A block has gone out of use. */
  forget(partition: Partition, block: number): void;
}
