/** The state of one erase block, as a map of the chip shows it (docs/formats.md has the glossary). */
export type BlockState =
  /** Holds its new content already: neither erased nor programmed. */
  | 'unchanged'
  /** Erased and not yet programmed (the block of a shut gate stays so until commit). */
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
 * Receives what happens while it happens. Called on the data path: implementations must be quick and must not
 * throw. Events are plain arguments, so that no object is made for each block.
 */
export interface Observer {
  /** Bytes of the source taken so far (before decompression). */
  received?(bytes: number): void;
  phase?(phase: Phase): void;
  /**
   * An image begins, or is announced by the index of the bundle.
   * @param blocks - erase blocks of the partition that it covers; 0 when not known
   * @param changes - how many of them a check has found to change; null when no check has compared them
   */
  image?(member: string, partition: string, blocks: number, changes: number | null): void;
  /** Every image of the bundle has been announced. May be called again. */
  planned?(): void;
  /** `block` counts erase blocks from the start of the partition, bad ones included. */
  block?(partition: string, block: number, state: BlockState): void;
  /** Something that does not stop the update and needs attention. */
  warn?(message: string): void;
}
