import type { Partition } from '../../flash/device.js';

/** What a block needs to hold its new content. */
export type Change = 'none' | 'program' | 'erase';

/**
 * The port between the writers and the record of a session, which `resume` keeps as the journal. A writer asks before
 * each change, and asks whether a block is what it reads like: an interrupted session may have left it torn. Then the
 * writer reports how the block ended. Blocks are numbered on the partition's device.
 */
export interface ChangeLog {
  /**
   * To be awaited before a block is erased or programmed: when the promise resolves, the block is on record.
   * @param ahead - the blocks that the writer comes to next, `block` the first of them
   * @throws SluiceError ERR_SESSION_JOURNAL, ERR_SESSION_STUCK: the block must not be changed
   */
  beforeChange(partition: Partition, block: number, ahead: Iterable<number>): Promise<void>;
  /**
   * What a block really needs: `erase` if it may be torn, otherwise `change`.
   * @param change - what the block needs as it reads now
   * @param bytes - what the block is to hold
   */
  decide(partition: Partition, block: number, change: Change, bytes: Uint8Array): Change;
  /** Whether a block that reads erased was left so by an earlier session, whole and not torn. */
  trustsErased(partition: Partition, block: number): boolean;
  /** The block holds its content: unchanged and not torn, or written and read back. */
  settle(partition: Partition, block: number): void;
  /** The block was marked bad: no image comes to it any more. */
  retire(partition: Partition, block: number): void;
}

/** For a session without a journal: every change is allowed, every block is what it reads like. */
export const NO_CHANGE_LOG: ChangeLog = {
  beforeChange: () => Promise.resolve(),
  decide: (_partition, _block, change) => change,
  trustsErased: () => false,
  settle() {},
  retire() {},
};
