import type { Partition } from '../../flash/device.js';

/** Blocks that one record covers at most: 64 prints make a record of 1.5 KiB. */
const MAX_BLOCKS = 64;

/**
 * Those where the bundle has no identity before its end: all of the window that the cut may have hit is erased
 * again then, as nobody knows where the earlier one would have gone on.
 */
const MAX_BLOCKS_UNKNOWN_BUNDLE = 8;

/**
 * Bytes of a window's blocks: a tenth of a second on slow NAND, less on NOR. For so long a sender of 1 MiB/s is not held
 * back, as what it sends meanwhile has room in the other buffer and in the socket.
 */
const MAX_WINDOW_BYTES = 2 * 1024 * 1024;

/** Records of one size in a row that do not touch each other. Then fewer records are worth more than fewer reads. */
const APART = 8;

/**
 * How many blocks the next record of the journal covers. Each of them is read for it: where one block in 20 changes,
 * a record for each costs nothing, and one for 64 reads the whole partition once more. Where all change the
 * records grow at once, and 512 blocks take 21 of them; where changes are scattered they grow slowly.
 */
export class WindowSize {
  readonly #most: number;
  #size = 1;
  #apart = 0;
  #next: { readonly partition: Partition; readonly block: number } | null = null;

  /** @param known - whether the bundle has an identity already */
  constructor(known: boolean) {
    this.#most = known ? MAX_BLOCKS : MAX_BLOCKS_UNKNOWN_BUNDLE;
  }

  /** The blocks of a window: some of those that come next. */
  take(partition: Partition, ahead: Iterable<number>): number[] {
    const blocks: number[] = [];
    const last = this.#next;
    this.#next = null;
    for (const block of ahead) {
      if (blocks.length === 0) {
        const follows = last?.partition === partition && last.block === block;
        this.#grow(follows, partition.device.geometry.eraseSize);
      }
      if (blocks.length === this.#size) {
        this.#next = { partition, block };
        break;
      }
      blocks.push(block);
    }
    return blocks;
  }

  #grow(follows: boolean, eraseSize: number): void {
    this.#apart = follows ? APART : this.#apart + 1;
    if (this.#apart < APART) return;
    this.#apart = 0;
    this.#size = Math.min(this.#most, this.#size * 2, Math.max(1, Math.floor(MAX_WINDOW_BYTES / eraseSize)));
  }
}
