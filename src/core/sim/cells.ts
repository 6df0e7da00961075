/**
 * The cells of a chip: what erase and program do to the stored bytes, and what is left when they fail or are
 * cut short. The kinds of flash differ in what may be programmed.
 *
 * @packageDocumentation
 */
import { SluiceError } from '../errors.js';
import type { Geometry } from '../flash/device.js';
import type { StuckFault, TearMoment } from './faults.js';
import type { Noise } from './noise.js';
import type { ChipStore } from './store.js';
import type { Mend, TornBlocks } from './torn-blocks.js';

/** Looks for a bit that an operation was changing, before any bit of its range does. */
const TRIES = 64;

/** Offsets and lengths are checked by the chip; `block` and `offset` are on it. */
export abstract class Cells {
  protected readonly store: ChipStore;
  protected readonly geometry: Geometry;
  /** One erase block, for what has to be looked at before it is changed. */
  protected readonly scratch: Uint8Array;
  /** Bytes that the silicon programs at once; a cut tears one of these. */
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
    this.#stick(0, geometry.size);
  }

  /**
   * Whether `bytes` may be programmed at `offset`.
   * @throws SluiceError ERR_FLASH_NOT_ERASED
   */
  abstract check(offset: number, bytes: Uint8Array): void;

  /** Remembers that the block was erased. */
  protected abstract noteErased(block: number): void;
  /** Remembers that the range, which is in one block, was programmed. */
  protected abstract noteProgrammed(offset: number, length: number): void;
  /** Remembers that nothing is known about the block. */
  protected abstract noteUnknown(block: number): void;

  /** @param mend - asked about the unstable bits of each page that read as other than what is stored */
  read(offset: number, into: Uint8Array, mend: Mend): void {
    this.store.read(offset, into);
    this.torn.read(offset, into, mend);
  }

  erase(block: number): void {
    const { eraseSize } = this.geometry;
    this.store.fill(block * eraseSize, eraseSize, 0xff);
    this.#stick(block * eraseSize, eraseSize);
    this.torn.heal(block);
    this.noteErased(block);
  }

  /** Programs what `check` has passed. As no bit needs setting, the bytes are what AND would leave. Unstable bits stay so. */
  program(offset: number, bytes: Uint8Array): void {
    this.store.write(offset, bytes);
    this.#stick(offset, bytes.length);
    this.noteProgrammed(offset, bytes.length);
  }

  /**
   * An erase that does not come to its end. At its beginning the block still reads as it was, at its end it reads
   * erased already; in between its head reads erased, the middle is noise, and the tail may still be what it was.
   * Some bits are unstable, whatever they read as.
   */
  tearErase(block: number, moment: TearMoment, noise: Noise): void {
    const { eraseSize } = this.geometry;
    const start = block * eraseSize;
    const head = moment === 'torn' ? noise.below(eraseSize) : 0;
    const middle = moment === 'torn' ? 1 + noise.below(eraseSize - head) : 0;
    // Any bit: chips program all that are 1 before they erase, or these would be erased too deep.
    const bits = this.#pick(head, middle === 0 ? eraseSize : middle, moment, noise, () => 0xff);
    if (moment === 'torn') {
      const torn = this.scratch.subarray(0, middle);
      for (let i = 0; i < middle; i++) torn[i] = noise.next();
      this.store.fill(start, head, 0xff);
      this.store.write(start + head, torn);
    } else if (moment === 'ending') {
      this.store.fill(start, eraseSize, 0xff);
    }
    this.#stick(start, eraseSize);
    this.torn.tear(block, bits, noise);
    this.noteUnknown(block);
  }

  /**
   * A program that does not come to its end: some pages are done, and one has only some of its bits cleared. At the
   * beginning this is the first page and still reads as it was, at the end it is the last one and reads right
   * already. Some of its bits are unstable.
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
    const bits = this.#pick(inBlock, torn.length, moment, noise, (at) => {
      return (torn[at - inBlock] as number) & ~(wanted[at - inBlock] as number);
    });
    for (let i = 0; i < torn.length; i++) {
      const left = moment === 'begun' ? 0xff : moment === 'ending' ? 0 : noise.next();
      torn[i] = (torn[i] as number) & ((wanted[i] as number) | left);
    }
    this.store.write(offset, bytes.subarray(0, pageStart - offset));
    this.store.write(pageStart, torn);
    this.#stick(offset, pageEnd - offset);
    this.noteProgrammed(offset, pageEnd - offset);
    this.torn.tear(block, bits, noise);
  }

  /**
   * Chooses the bits that a torn operation leaves unstable, few where it had barely begun or was nearly done.
   * @param from - first byte in the block that may have some
   * @param changing - the bits of a byte of the block that the operation was changing
   */
  #pick(
    from: number,
    length: number,
    moment: TearMoment,
    noise: Noise,
    changing: (at: number) => number,
  ): number[] {
    const count = moment === 'torn' ? 8 + noise.below(24) : 1 + noise.below(16);
    // All in one page: spread over many, the ECC of NAND would make nothing of them.
    const page = this.pageSize;
    const some = from + noise.below(length);
    const first = Math.max(from, some - (some % page));
    const span = Math.min(from + length, first - (first % page) + page) - first;
    const bits: number[] = [];
    for (let tries = 0; bits.length < count && tries < count * TRIES; tries++) {
      const at = first + noise.below(span);
      const bit = noise.below(8);
      if (((changing(at) >>> bit) & 1) === 1) bits.push(at * 8 + bit);
    }
    return bits;
  }

  /**
   * The content as it would be without the bits stuck at 0, and with the unstable ones as 1. Silicon does not refuse
   * to program over them, so neither may the check: the first are to be found by reading back, the others cannot be.
   */
  protected unstick(offset: number, content: Uint8Array): void {
    for (const { offset: at, mask, value } of this.#stuck) {
      const index = at - offset;
      if (value === 0 && index >= 0 && index < content.length) {
        content[index] = (content[index] as number) | mask;
      }
    }
    this.torn.loosen(offset, content);
  }

  protected refuse(offset: number, message: string): never {
    const block = Math.floor(offset / this.geometry.eraseSize);
    throw new SluiceError('ERR_FLASH_NOT_ERASED', message, { block });
  }

  #stick(offset: number, length: number): void {
    for (const { offset: at, mask, value } of this.#stuck) {
      if (at < offset || at >= offset + length) continue;
      this.store.read(at, this.#byte);
      const byte = this.#byte[0] as number;
      this.#byte[0] = value === 1 ? byte | mask : byte & ~mask;
      this.store.write(at, this.#byte);
    }
  }
}
