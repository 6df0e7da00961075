/** What has become of one erase block, as a map of the chip shows it. */
export type BlockState =
  /** Already right: neither erased nor programmed. */
  | 'unchanged'
  /** Being erased, or erased and not yet programmed (a shut gate stays so until commit). */
  | 'erased'
  /** Programmed and read back. */
  | 'written'
  /** In memory until commit. */
  | 'held'
  /** Out of use. */
  | 'bad';

/** What the session is doing; `proven`: all is verified and read back, the gates wait for the commit. */
export type Phase = 'receiving' | 'checking' | 'proven' | 'committing' | 'done' | 'failed';

/**
 * Is told what happens while it happens. Called on the data path: implementations must be quick and must not
 * throw; they take plain arguments so that no event object is made for each block.
 */
export interface Observer {
  /** Bytes of the source taken so far (before decompression). */
  received?(bytes: number): void;
  phase?(phase: Phase): void;
  /** An image begins; `blocks` is how many erase blocks it covers in the partition, 0 when not yet known. */
  image?(member: string, partition: string, blocks: number): void;
  /** `block` counts erase blocks from the start of the partition, bad ones included. */
  block?(partition: string, block: number, state: BlockState): void;
  /** Something that does not stop the update but should be looked at. */
  warn?(message: string): void;
}
