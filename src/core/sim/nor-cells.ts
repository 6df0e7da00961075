import type { Geometry } from '../flash/device.js';
import { Cells } from './cells.js';
import type { StuckFault } from './faults.js';
import type { ChipStore } from './store.js';
import type { TornBlocks } from './torn-blocks.js';

/** SPI NOR programs through a page buffer of this size; any single byte can be programmed too. */
const NOR_PAGE = 256;
/** Words compared between two checks of the result; more is no faster. */
const WORDS_PER_CHECK = 1024;

/** NOR: any byte can be programmed again, as long as bits are only cleared. */
export class NorCells extends Cells {
  protected override readonly pageSize = NOR_PAGE;
  /**
   * For each block the offset in it from which all bytes are known to be erased. With it the usual sequence, erase
   * and then program upwards, needs no reads.
   */
  readonly #erasedFrom: Uint32Array;

  constructor(store: ChipStore, geometry: Geometry, torn: TornBlocks, stuck: readonly StuckFault[]) {
    super(store, geometry, torn, stuck);
    this.#erasedFrom = new Uint32Array(geometry.size / geometry.eraseSize).fill(geometry.eraseSize);
  }

  override check(offset: number, bytes: Uint8Array): void {
    const { eraseSize } = this.geometry;
    const block = Math.floor(offset / eraseSize);
    if (bytes.length === 0 || offset - block * eraseSize >= (this.#erasedFrom[block] as number)) return;
    const old = bytes.length === eraseSize ? this.scratch : this.scratch.subarray(0, bytes.length);
    this.store.read(offset, old);
    this.ignoreStuckBits(offset, old);
    const index = firstToSet(old, bytes);
    if (index < 0) return;
    const hex = (byte: number | undefined): string => `0x${(byte as number).toString(16).padStart(2, '0')}`;
    this.refuse(
      offset,
      `block ${block}: the byte at ${offset + index} holds ${hex(old[index])} and cannot become ` +
        `${hex(bytes[index])} without an erase`,
    );
  }

  protected override noteErased(block: number): void {
    this.#erasedFrom[block] = 0;
  }

  protected override noteProgrammed(offset: number, length: number): void {
    const { eraseSize } = this.geometry;
    const block = Math.floor(offset / eraseSize);
    const end = offset + length - block * eraseSize;
    if (end > (this.#erasedFrom[block] as number)) this.#erasedFrom[block] = end;
  }

  protected override noteUnknown(block: number): void {
    this.#erasedFrom[block] = this.geometry.eraseSize;
  }
}

/** Index of the first byte of `wanted` with a bit set that is clear in `old`; -1 if there is none. */
function firstToSet(old: Uint8Array, wanted: Uint8Array): number {
  let from = 0;
  if (wanted.byteOffset % 4 === 0) {
    const words = wanted.length >>> 2;
    const oldWords = new Uint32Array(old.buffer, old.byteOffset, words);
    const newWords = new Uint32Array(wanted.buffer, wanted.byteOffset, words);
    let word = 0;
    while (word < words) {
      const end = Math.min(words, word + WORDS_PER_CHECK);
      let toSet = 0;
      for (let i = word; i < end; i++) toSet |= ~(oldWords[i] as number) & (newWords[i] as number);
      if (toSet !== 0) break;
      word = end;
    }
    from = word * 4;
  }
  for (let i = from; i < wanted.length; i++) {
    if ((~(old[i] as number) & (wanted[i] as number)) !== 0) return i;
  }
  return -1;
}
