import type { Geometry } from '../flash/device.js';
import { Cells } from './cells.js';
import type { StuckFault } from './faults.js';
import type { ChipStore } from './store.js';
import type { TornBlocks } from './torn-blocks.js';

/** NAND: programs whole pages, each of them once between two erases (NOP 1). */
export class NandCells extends Cells {
  protected override readonly pageSize: number;
  /** One bit a page: programmed since its block was erased. */
  readonly #programmed: Uint8Array;
  /** One byte a block: whether its bits in `#programmed` are known. They are read from the store when first needed. */
  readonly #known: Uint8Array;
  readonly #pagesPerBlock: number;

  constructor(store: ChipStore, geometry: Geometry, torn: TornBlocks, stuck: readonly StuckFault[]) {
    super(store, geometry, torn, stuck);
    this.pageSize = geometry.writeSize;
    this.#pagesPerBlock = geometry.eraseSize / geometry.writeSize;
    this.#programmed = new Uint8Array(Math.ceil(geometry.size / geometry.writeSize / 8));
    this.#known = new Uint8Array(geometry.size / geometry.eraseSize);
  }

  override check(offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const block = Math.floor(offset / this.geometry.eraseSize);
    if (this.#known[block] === 0) this.#readState(block);
    const first = offset / this.pageSize;
    const end = first + bytes.length / this.pageSize;
    for (let page = first; page < end; page++) {
      if (((this.#programmed[page >>> 3] as number) & (1 << (page & 7))) !== 0) {
        this.refuse(offset, `block ${block}: page ${page} was programmed since it was erased`);
      }
    }
  }

  protected override noteErased(block: number): void {
    this.#mark(block * this.#pagesPerBlock, this.#pagesPerBlock, false);
    this.#known[block] = 1;
  }

  protected override noteProgrammed(offset: number, length: number): void {
    this.#mark(Math.floor(offset / this.pageSize), Math.ceil(length / this.pageSize), true);
  }

  protected override noteUnknown(block: number): void {
    this.#known[block] = 0;
  }

  #mark(first: number, count: number, programmed: boolean): void {
    for (let page = first; page < first + count; page++) {
      const bits = this.#programmed[page >>> 3] as number;
      const bit = 1 << (page & 7);
      this.#programmed[page >>> 3] = programmed ? bits | bit : bits & ~bit;
    }
  }

  /**
   * The store does not record which pages are programmed. A page that is not all 0xFF counts as programmed. So does a
   * torn page, which may read as 0xFF.
   */
  #readState(block: number): void {
    const start = block * this.geometry.eraseSize;
    this.store.read(start, this.scratch);
    this.ignoreStuckBits(start, this.scratch);
    this.noteErased(block);
    for (let page = 0; page < this.#pagesPerBlock; page++) {
      const at = page * this.pageSize;
      const blank = this.scratch.subarray(at, at + this.pageSize).every((byte) => byte === 0xff);
      if (!blank || this.torn.hasUnstableBits(start + at, this.pageSize)) {
        this.#mark(block * this.#pagesPerBlock + page, 1, true);
      }
    }
  }
}
