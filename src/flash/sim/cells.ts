/**
 * The cells of a chip: what erase and program do to the stored bytes, and what is left when they fail or are
 * cut short. The kinds of flash differ in what may be programmed.
 *
 * @packageDocumentation
 */
import { SluiceError } from '../../errors.js';
import type { Geometry } from '../device.js';
import type { StuckFault } from './faults.js';
import type { Noise } from './noise.js';
import type { ChipStore } from './store.js';

/** Offsets and lengths are checked by the chip; `block` and `offset` are on it. */
export abstract class Cells {
  protected readonly store: ChipStore;
  protected readonly geometry: Geometry;
  /** One erase block, for what has to be looked at before it is changed. */
  protected readonly scratch: Uint8Array;
  /** Bytes that the silicon programs at once; a cut tears one of these. */
  protected abstract readonly pageSize: number;
  readonly #stuck: readonly StuckFault[];
  readonly #byte = new Uint8Array(1);

  constructor(store: ChipStore, geometry: Geometry, stuck: readonly StuckFault[]) {
    this.store = store;
    this.geometry = geometry;
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

  read(offset: number, into: Uint8Array): void {
    this.store.read(offset, into);
  }

  erase(block: number): void {
    const { eraseSize } = this.geometry;
    this.store.fill(block * eraseSize, eraseSize, 0xff);
    this.#stick(block * eraseSize, eraseSize);
    this.noteErased(block);
  }

  /** Programs what `check` has passed. As no bit needs setting, the bytes are what AND would leave. */
  program(offset: number, bytes: Uint8Array): void {
    this.store.write(offset, bytes);
    this.#stick(offset, bytes.length);
    this.noteProgrammed(offset, bytes.length);
  }

  /**
   * An erase that does not come to its end: the head of the block reads erased, the middle is noise, and the
   * tail may still be what it was.
   */
  tearErase(block: number, noise: Noise): void {
    const { eraseSize } = this.geometry;
    const start = block * eraseSize;
    const head = noise.below(eraseSize);
    const middle = 1 + noise.below(eraseSize - head);
    const torn = this.scratch.subarray(0, middle);
    for (let i = 0; i < middle; i++) torn[i] = noise.next();
    this.store.fill(start, head, 0xff);
    this.store.write(start + head, torn);
    this.#stick(start, eraseSize);
    this.noteUnknown(block);
  }

  /** A program that does not come to its end: some pages are done, one has only some of its bits cleared. */
  tearProgram(offset: number, bytes: Uint8Array, noise: Noise): void {
    if (bytes.length === 0) return;
    const at = offset + noise.below(bytes.length);
    const pageStart = Math.max(offset, at - (at % this.pageSize));
    const pageEnd = Math.min(offset + bytes.length, at - (at % this.pageSize) + this.pageSize);
    const torn = this.scratch.subarray(0, pageEnd - pageStart);
    this.store.read(pageStart, torn);
    for (let i = 0; i < torn.length; i++) {
      torn[i] = (torn[i] as number) & ((bytes[pageStart - offset + i] as number) | noise.next());
    }
    this.store.write(offset, bytes.subarray(0, pageStart - offset));
    this.store.write(pageStart, torn);
    this.#stick(offset, pageEnd - offset);
    this.noteProgrammed(offset, pageEnd - offset);
  }

  /**
   * The content as it would be without the bits stuck at 0. Silicon does not refuse to program over them, so
   * neither may the check: the fault is to be found by reading back.
   */
  protected unstick(offset: number, content: Uint8Array): void {
    for (const { offset: at, mask, value } of this.#stuck) {
      const index = at - offset;
      if (value === 0 && index >= 0 && index < content.length) {
        content[index] = (content[index] as number) | mask;
      }
    }
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
