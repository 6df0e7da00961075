/**
 * What interrupted operations left: bits between 0 and 1, which read as either until their block is erased. At first
 * they may read as what is stored; then no read shows that the block is torn.
 *
 * @packageDocumentation
 */
import type { Geometry } from '../flash/device.js';
import { JsonChecker } from '../json-check.js';
import { Noise } from './noise.js';

/** The unstable bits that one torn operation left in a block. */
export interface TornBlock {
  readonly block: number;
  /** Numbers of the bits from the start of the block (byte * 8 + bit), ascending. */
  readonly bits: readonly number[];
  /** How many reads of the block, since it was torn, return what is stored. */
  readonly quiet: number;
  /** Reads of the block since it was torn. */
  readonly reads: number;
  /** Seed that chooses what later reads return. */
  readonly seed: number;
}

/** Choices for `quiet`: from none to more reads than any session makes of one block. */
const QUIET_READS = [0, 0, 1, 2, 3, 4, 6, 10, 1000] as const;
/** A page that the ECC cannot correct needs far fewer. */
const MAX_UNSTABLE_BITS = 64;
/** The oldest tears of a block are dropped. */
const MAX_TEARS_PER_BLOCK = 4;
/** Each power cut and each failed operation leaves one. */
const MAX_TEARS_PER_CHIP = 4096;
const MAX_READS = 0xffffffff;

/** Whether an ECC corrects this number of flips in one page. */
export type CorrectFlips = (flips: number) => boolean;

/** The torn blocks of a chip. */
export class TornBlocks {
  readonly #geometry: Geometry;
  readonly #tears = new Map<number, Tear[]>();

  constructor(geometry: Geometry, torn: readonly TornBlock[] = []) {
    this.#geometry = geometry;
    for (const { block, bits, quiet, reads, seed } of torn) {
      this.#add(block, { bits, quiet, reads, seed });
    }
  }

  /**
   * Records that an operation on `block` was torn.
   * @param bits - numbers of the unstable bits in the block
   */
  tear(block: number, bits: readonly number[], noise: Noise): void {
    if (bits.length === 0) return;
    const sorted = [...new Set(bits)].slice(0, MAX_UNSTABLE_BITS).sort((a, b) => a - b);
    const quiet = QUIET_READS[noise.below(QUIET_READS.length)] as number;
    this.#add(block, { bits: sorted, quiet, reads: 0, seed: noise.next() });
  }

  /** Records that the block was erased: all its bits are stable. */
  erased(block: number): void {
    this.#tears.delete(block);
  }

  /** Replaces the unstable bits in bytes read from `offset` with what this read returns for them. */
  read(offset: number, into: Uint8Array, correct: CorrectFlips): void {
    if (this.#tears.size === 0 || into.length === 0) return;
    const { eraseSize } = this.#geometry;
    const last = Math.floor((offset + into.length - 1) / eraseSize);
    for (let block = Math.floor(offset / eraseSize); block <= last; block++) {
      for (const tear of this.#tears.get(block) ?? [])
        this.#flipUnstableBits(tear, block * eraseSize - offset, into, correct);
    }
  }

  /** Sets the unstable bits in a copy of what is stored from `offset`: a program may find them set. */
  setUnstableBits(offset: number, content: Uint8Array): void {
    const { eraseSize } = this.#geometry;
    const block = Math.floor(offset / eraseSize);
    for (const { bits } of this.#tears.get(block) ?? []) {
      for (const bit of bits) {
        const at = block * eraseSize + (bit >>> 3) - offset;
        if (at >= 0 && at < content.length) content[at] = (content[at] as number) | (1 << (bit & 7));
      }
    }
  }

  /** Whether any byte of the range, which is in one block, has unstable bits. */
  hasUnstableBits(offset: number, length: number): boolean {
    const { eraseSize } = this.#geometry;
    const start = offset % eraseSize;
    const tears = this.#tears.get(Math.floor(offset / eraseSize)) ?? [];
    return tears.some(({ bits }) => bits.some((bit) => bit >>> 3 >= start && bit >>> 3 < start + length));
  }

  /** All tears, ascending by block. */
  list(): TornBlock[] {
    return [...this.#tears]
      .sort(([a], [b]) => a - b)
      .flatMap(([block, tears]) => tears.map((tear) => ({ block, ...tear })));
  }

  #add(block: number, tear: Tear): void {
    const tears = [...(this.#tears.get(block) ?? []), tear];
    this.#tears.set(block, tears.slice(-MAX_TEARS_PER_BLOCK));
    const [oldest] = this.#tears.keys();
    if (this.#tears.size > MAX_TEARS_PER_CHIP / MAX_TEARS_PER_BLOCK && oldest !== undefined)
      this.#tears.delete(oldest);
  }

  /** @param start - offset of the block in `into`; negative if `into` starts inside the block */
  #flipUnstableBits(tear: Tear, start: number, into: Uint8Array, correct: CorrectFlips): void {
    tear.reads = Math.min(tear.reads + 1, MAX_READS);
    if (tear.reads <= tear.quiet) return;
    const noise = new Noise(tear.seed + Math.imul(tear.reads, 0x9e3779b1));
    const { writeSize } = this.#geometry;
    const flips: number[] = [];
    let page = -1;
    const applyFlips = (): void => {
      if (flips.length > 0 && !correct(flips.length)) {
        for (const bit of flips) {
          const at = start + (bit >>> 3);
          if (at >= 0 && at < into.length) into[at] = (into[at] as number) ^ (1 << (bit & 7));
        }
      }
      flips.length = 0;
    };
    for (const bit of tear.bits) {
      const flipped = (noise.next() & 1) === 1;
      const at = start + (bit >>> 3);
      if (at < 0 || at >= into.length) continue;
      const own = Math.floor((bit >>> 3) / writeSize);
      if (own !== page) applyFlips();
      page = own;
      if (flipped) flips.push(bit);
    }
    applyFlips();
  }
}

interface Tear {
  readonly bits: readonly number[];
  readonly quiet: number;
  reads: number;
  readonly seed: number;
}

/** Reads torn blocks from parsed JSON and reports their mistakes to `strict`. */
export function readTorn(
  strict: JsonChecker,
  value: unknown,
  place: string,
  geometry: Geometry,
): TornBlock[] {
  const blocks = Math.floor(geometry.size / geometry.eraseSize);
  return strict.list(value, place, MAX_TEARS_PER_CHIP).map((item, index) => {
    const at = `${place}[${index}]`;
    const fields = strict.fields(item, at, ['block', 'bits', 'quiet', 'reads', 'seed']);
    const integer = (name: string, most: number): number =>
      strict.integer(fields[name], `${at}.${name}`, 0, most);
    const bits = strict
      .list(fields['bits'], `${at}.bits`, MAX_UNSTABLE_BITS)
      .map((bit, nth) => strict.integer(bit, `${at}.bits[${nth}]`, 0, geometry.eraseSize * 8 - 1));
    if (bits.some((bit, nth) => nth > 0 && bit <= (bits[nth - 1] as number))) {
      strict.report(`${at}.bits`, 'must ascend, each bit once');
    }
    return {
      block: integer('block', blocks - 1),
      bits,
      quiet: integer('quiet', MAX_READS),
      reads: integer('reads', MAX_READS),
      seed: integer('seed', 0xffffffff),
    };
  });
}
