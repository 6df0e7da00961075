import { systemError } from '../native/fake-binding.js';

/** A chip; sizes in bytes. Two nodes with the same object are on the same chip. */
export interface ChipSpec {
  readonly type: 'ram' | 'rom' | 'nor' | 'nand' | 'dataflash' | 'mlc-nand' | 'ubi';
  readonly size: number;
  readonly eraseSize: number;
  readonly writeSize: number;
  readonly oobSize?: number;
  readonly flags?: number;
  /** Numbers of blocks that left the factory bad. */
  readonly bad?: readonly number[];
  /** Whether it has locks, and is locked at power-up. */
  readonly locks?: boolean;
  /** Its driver has no erase. */
  readonly noErase?: boolean;
  readonly content?: Uint8Array;
}

/** 0: `have` equals `wanted`; 1: clearing bits makes it equal; 2: a bit would have to be set. */
export function compareBytes(have: Uint8Array, wanted: Uint8Array): 0 | 1 | 2 {
  let match: 0 | 1 = 0;
  for (const [i, fresh] of wanted.entries()) {
    const old = have[i] as number;
    if (old === fresh) continue;
    if ((~old & fresh) !== 0) return 2;
    match = 1;
  }
  return match;
}

/** What the driver of a raw flash chip does. */
export class MemoryChip {
  readonly bytes: Uint8Array;
  readonly violations: string[] = [];
  /** Blocks whose next erases or programs fail with EIO; `Infinity` for ever. */
  readonly failing = new Map<string, number>();
  /** Blocks whose locks do not go away. */
  readonly stuckLocks = new Set<number>();
  eccFailed = 0;
  readonly #spec: ChipSpec;
  readonly #bad: Set<number>;
  readonly #locked = new Set<number>();
  /** Offsets of pages that were programmed since they were erased. */
  readonly #programmed = new Set<number>();

  constructor(spec: ChipSpec) {
    this.#spec = spec;
    this.bytes = spec.content?.slice() ?? new Uint8Array(spec.size).fill(0xff);
    this.#bad = new Set(spec.bad);
    for (const block of this.#bad) this.bytes.fill(0, block * spec.eraseSize, (block + 1) * spec.eraseSize);
    for (let at = 0; at < spec.size; at += spec.writeSize) {
      if (this.#isNand && this.bytes.subarray(at, at + spec.writeSize).some((byte) => byte !== 0xff)) {
        this.#programmed.add(at);
      }
    }
    if (spec.locks === true)
      for (let block = 0; block < spec.size / spec.eraseSize; block++) this.#locked.add(block);
  }

  get bad(): readonly number[] {
    return [...this.#bad].sort((a, b) => a - b);
  }

  read(offset: number, into: Uint8Array): void {
    this.#fail('read', offset);
    into.set(this.bytes.subarray(offset, offset + into.length));
  }

  erase(offset: number, length: number): void {
    const { eraseSize, noErase } = this.#spec;
    if (noErase === true) throw Object.assign(new Error('unknown error 524'), { code: 'E524', errno: -524 });
    if (offset % eraseSize !== 0 || length % eraseSize !== 0) throw systemError('EINVAL', 'MEMERASE64');
    for (let at = offset; at < offset + length; at += eraseSize) {
      const block = at / eraseSize;
      if (this.#locked.has(block)) throw systemError('EIO', 'MEMERASE64');
      if (this.#bad.has(block)) {
        this.violations.push(`erase of bad block ${block}`);
        throw systemError('EIO', 'MEMERASE64');
      }
      this.#fail('erase', at);
      this.bytes.fill(0xff, at, at + eraseSize);
      for (const page of this.#programmed)
        if (page >= at && page < at + eraseSize) this.#programmed.delete(page);
    }
  }

  program(offset: number, bytes: Uint8Array): void {
    const { eraseSize, writeSize, type } = this.#spec;
    if (offset % writeSize !== 0 || bytes.length % writeSize !== 0) throw systemError('EINVAL', 'pwrite');
    const block = Math.floor(offset / eraseSize);
    if (this.#locked.has(block)) throw systemError('EROFS', 'pwrite');
    if (this.#bad.has(block)) this.violations.push(`program of bad block ${block}`);
    this.#fail('write', offset);
    for (let at = 0; at < bytes.length; at += writeSize) {
      if (!this.#isNand) break;
      if (this.#programmed.has(offset + at)) this.violations.push(`page ${offset + at} is programmed twice`);
      this.#programmed.add(offset + at);
    }
    for (const [i, byte] of bytes.entries()) {
      const old = this.bytes[offset + i] as number;
      if (type !== 'ram' && (~old & byte) !== 0) this.violations.push(`a program sets bits at ${offset + i}`);
      this.bytes[offset + i] = type === 'ram' ? byte : old & byte;
    }
  }

  isBad(offset: number): boolean {
    // As kernels since 3.5 answer for what has no bad blocks.
    return this.#bad.has(Math.floor(offset / this.#spec.eraseSize));
  }

  markBad(offset: number): void {
    if (!this.#isNand) throw systemError('EOPNOTSUPP', 'MEMSETBADBLOCK');
    this.#bad.add(offset / this.#spec.eraseSize);
  }

  unlock(offset: number, length: number): void {
    for (const block of this.#blocks(offset, length))
      if (!this.stuckLocks.has(block)) this.#locked.delete(block);
  }

  /** Whether all of the range is locked. */
  isLocked(offset: number, length: number): boolean {
    return this.#blocks(offset, length).every((block) => this.#locked.has(block));
  }

  #blocks(offset: number, length: number): number[] {
    if (this.#spec.locks !== true) throw systemError('EOPNOTSUPP', 'MEMUNLOCK');
    const { eraseSize } = this.#spec;
    return Array.from({ length: length / eraseSize }, (_, index) => offset / eraseSize + index);
  }

  get #isNand(): boolean {
    return this.#spec.type === 'nand' || this.#spec.type === 'mlc-nand';
  }

  #fail(what: 'erase' | 'write' | 'read', offset: number): void {
    const block = Math.floor(offset / this.#spec.eraseSize);
    const left = this.failing.get(`${what} ${block}`) ?? 0;
    if (left <= 0) return;
    this.failing.set(`${what} ${block}`, left - 1);
    throw systemError('EIO', what);
  }
}
