/**
 * The cells of a chip: what erase and program do to the stored bytes, and what they leave if they fail or a power
 * cut interrupts them. NOR and NAND differ in what can be programmed.
 *
 * @packageDocumentation
 */
import { SluiceError } from '../errors.js';
import type { Geometry } from '../flash/device.js';
import type { StuckFault, TearMoment } from './faults.js';
import type { Noise } from './noise.js';
import type { ChipStore } from './store.js';
import type { CorrectFlips, TornBlocks } from './torn-blocks.js';

/** An operation may change few bits of its range, or none: the search for them ends after this many tries a bit. */
const TRIES_PER_BIT = 64;

/** The chip has checked all offsets and lengths, which count from its start. */
export abstract class Cells {
  protected readonly store: ChipStore;
  protected readonly geometry: Geometry;
  /** Holds one erase block. */
  protected readonly scratch: Uint8Array;
  /** Bytes that the silicon programs at once. A power cut tears one page. */
  protected abstract readonly pageSize: number;
  protected readonly torn: TornBlocks;
  readonly #stuck: readonly StuckFault[];
  readonly #byte = new Uint8Array(1);

  constructor(store: ChipStore, geometry: Geometry, torn: TornBlocks, stuck: readonly StuckFault[]) {
    this.store = store;
    this.geometry = geometry;
    this.torn = torn;
    this.scratch = new Uint8Array(geometry.eraseSize);
    this.#stuck = stuck;
    this.#applyStuckBits(0, geometry.size);
  }

  /**
   * Checks that `bytes` can be programmed at `offset` without an erase.
   * @throws SluiceError ERR_FLASH_NOT_ERASED
   */
  abstract check(offset: number, bytes: Uint8Array): void;

  /** Records that the block was erased. */
  protected abstract noteErased(block: number): void;
  /** Records that the range, which is in one block, was programmed. */
  protected abstract noteProgrammed(offset: number, length: number): void;
  /** Records that the state of the block is unknown. */
  protected abstract noteUnknown(block: number): void;

  /** @param correct - called for each page in which unstable bits read wrong */
  read(offset: number, into: Uint8Array, correct: CorrectFlips): void {
    this.store.read(offset, into);
    this.torn.read(offset, into, correct);
  }

  erase(block: number): void {
    const { eraseSize } = this.geometry;
    this.store.fill(block * eraseSize, eraseSize, 0xff);
    this.#applyStuckBits(block * eraseSize, eraseSize);
    this.torn.erased(block);
    this.noteErased(block);
  }

  /** Programs bytes that passed `check`: no bit needs setting, so a plain write does the same as AND. Unstable bits stay. */
  program(offset: number, bytes: Uint8Array): void {
    this.store.write(offset, bytes);
    this.#applyStuckBits(offset, bytes.length);
    this.noteProgrammed(offset, bytes.length);
  }

  /**
   * An interrupted erase. `begun`: the block still reads as before. `ending`: it reads as erased. `torn`: its start
   * reads as erased, the middle is noise, and the rest reads as before. In each case some bits are unstable.
   */
  tearErase(block: number, moment: TearMoment, noise: Noise): void {
    const { eraseSize } = this.geometry;
    const start = block * eraseSize;
    const head = moment === 'torn' ? noise.below(eraseSize) : 0;
    const middle = moment === 'torn' ? 1 + noise.below(eraseSize - head) : 0;
    // Any bit can be unstable: chips program all bits to 0 before they erase.
    const bits = this.#pickUnstableBits(head, middle === 0 ? eraseSize : middle, moment, noise, () => 0xff);
    if (moment === 'torn') {
      const torn = this.scratch.subarray(0, middle);
      for (let i = 0; i < middle; i++) torn[i] = noise.next();
      this.store.fill(start, head, 0xff);
      this.store.write(start + head, torn);
    } else if (moment === 'ending') {
      this.store.fill(start, eraseSize, 0xff);
    }
    this.#applyStuckBits(start, eraseSize);
    this.torn.tear(block, bits, noise);
    this.noteUnknown(block);
  }

  /**
   * An interrupted program: some pages are done, and one page is torn. `begun`: the first page, which still reads as
   * before. `ending`: the last page, which reads as programmed. `torn`: any page, with only some of its bits cleared.
   * Some bits of the torn page are unstable.
   */
  tearProgram(offset: number, bytes: Uint8Array, moment: TearMoment, noise: Noise): void {
    if (bytes.length === 0) return;
    const within = { begun: () => 0, torn: () => noise.below(bytes.length), ending: () => bytes.length - 1 };
    const at = offset + within[moment]();
    const pageStart = Math.max(offset, at - (at % this.pageSize));
    const pageEnd = Math.min(offset + bytes.length, at - (at % this.pageSize) + this.pageSize);
    const { eraseSize } = this.geometry;
    const block = Math.floor(offset / eraseSize);
    const inBlock = pageStart - block * eraseSize;
    const torn = this.scratch.subarray(0, pageEnd - pageStart);
    this.store.read(pageStart, torn);
    const wanted = bytes.subarray(pageStart - offset, pageEnd - offset);
    const bits = this.#pickUnstableBits(inBlock, torn.length, moment, noise, (at) => {
      return (torn[at - inBlock] as number) & ~(wanted[at - inBlock] as number);
    });
    for (let i = 0; i < torn.length; i++) {
      const left = moment === 'begun' ? 0xff : moment === 'ending' ? 0 : noise.next();
      torn[i] = (torn[i] as number) & ((wanted[i] as number) | left);
    }
    this.store.write(offset, bytes.subarray(0, pageStart - offset));
    this.store.write(pageStart, torn);
    this.#applyStuckBits(offset, pageEnd - offset);
    this.noteProgrammed(offset, pageEnd - offset);
    this.torn.tear(block, bits, noise);
  }

  /**
   * Chooses the bits that a torn operation leaves unstable: few if it had barely begun or was nearly done.
   * @param from - first byte of the range, from the start of the block
   * @param changing - returns the bits that the operation was changing in a byte of the block
   */
  #pickUnstableBits(
    from: number,
    length: number,
    moment: TearMoment,
    noise: Noise,
    changing: (at: number) => number,
  ): number[] {
    const count = moment === 'torn' ? 8 + noise.below(24) : 1 + noise.below(16);
    // All in one page: the ECC of NAND would correct them if they were spread over many.
    const page = this.pageSize;
    const some = from + noise.below(length);
    const first = Math.max(from, some - (some % page));
    const span = Math.min(from + length, first - (first % page) + page) - first;
    const bits: number[] = [];
    for (let tries = 0; bits.length < count && tries < count * TRIES_PER_BIT; tries++) {
      const at = first + noise.below(span);
      const bit = noise.below(8);
      if (((changing(at) >>> bit) & 1) === 1) bits.push(at * 8 + bit);
    }
    return bits;
  }

  /**
   * Sets bits in `content` that are stuck at 0 or unstable. Silicon does not refuse to program over such bits, so the
   * check must not either. Only a read back finds bits that are stuck.
   */
  protected ignoreStuckBits(offset: number, content: Uint8Array): void {
    for (const { offset: at, mask, value } of this.#stuck) {
      const index = at - offset;
      if (value === 0 && index >= 0 && index < content.length) {
        content[index] = (content[index] as number) | mask;
      }
    }
    this.torn.setUnstableBits(offset, content);
  }

  protected refuse(offset: number, message: string): never {
    const block = Math.floor(offset / this.geometry.eraseSize);
    throw new SluiceError('ERR_FLASH_NOT_ERASED', message, { block });
  }

  #applyStuckBits(offset: number, length: number): void {
    for (const { offset: at, mask, value } of this.#stuck) {
      if (at < offset || at >= offset + length) continue;
      this.store.read(at, this.#byte);
      const byte = this.#byte[0] as number;
      this.#byte[0] = value === 1 ? byte | mask : byte & ~mask;
      this.store.write(at, this.#byte);
    }
  }
}
