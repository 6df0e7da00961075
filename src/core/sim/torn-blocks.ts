/**
 * What operations that did not come to their end have left: bits between 0 and 1, which read as either until their
 * block is erased. They may read as what is stored for a while: then no look at the block tells that it is torn.
 *
 * @packageDocumentation
 */
import type { Geometry } from '../flash/device.js';
import { JsonChecker } from '../json-check.js';
import { Noise } from './noise.js';

/** The unstable bits that one torn operation has left in a block. */
export interface TornBlock {
  readonly block: number;
  /** Numbers of the bits from the start of the block (byte * 8 + bit), ascending. */
  readonly bits: readonly number[];
  /** Reads of the block in which they read as what is stored, from when it was torn. */
  readonly quiet: number;
  /** Reads of the block since it was torn. */
  readonly reads: number;
  /** Chooses what they read as from then on. */
  readonly seed: number;
}

/** How long the bits of a torn block keep still: from not at all to longer than any session reads one block. */
const QUIET = [0, 0, 1, 2, 3, 4, 6, 10, 1000] as const;
/** Unstable bits of one torn operation at most; a page whose ECC cannot mend it has far fewer. */
const MAX_BITS = 64;
/** Torn operations that a block remembers; the oldest ones give way. */
const MAX_TEARS = 4;
/** Torn operations that a chip remembers at most; each cut leaves one, and each operation that fails. */
const MAX_TORN = 4096;
const MOST_READS = 0xffffffff;

/** What a read does with the flips of a page: an ECC may take them out again. */
export type Mend = (flips: number) => boolean;

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
   * Remembers that an operation on `block` was torn.
   * @param bits - those that are unstable now, by their numbers in the block
   */
  tear(block: number, bits: readonly number[], noise: Noise): void {
    if (bits.length === 0) return;
    const sorted = [...new Set(bits)].slice(0, MAX_BITS).sort((a, b) => a - b);
    const quiet = QUIET[noise.below(QUIET.length)] as number;
    this.#add(block, { bits: sorted, quiet, reads: 0, seed: noise.next() });
  }

  /** An erase that came to its end makes every bit of the block firm. */
  heal(block: number): void {
    this.#tears.delete(block);
  }

  /** Puts into what was read from `offset` what the unstable bits read as this time. */
  read(offset: number, into: Uint8Array, mend: Mend): void {
    if (this.#tears.size === 0 || into.length === 0) return;
    const { eraseSize } = this.#geometry;
    const last = Math.floor((offset + into.length - 1) / eraseSize);
    for (let block = Math.floor(offset / eraseSize); block <= last; block++) {
      for (const tear of this.#tears.get(block) ?? [])
        this.#shake(tear, block * eraseSize - offset, into, mend);
    }
  }

  /** Sets the unstable bits in a copy of what is stored from `offset` on, as a program may find them set. */
  loosen(offset: number, content: Uint8Array): void {
    const { eraseSize } = this.#geometry;
    const block = Math.floor(offset / eraseSize);
    for (const { bits } of this.#tears.get(block) ?? []) {
      for (const bit of bits) {
        const at = block * eraseSize + (bit >>> 3) - offset;
        if (at >= 0 && at < content.length) content[at] = (content[at] as number) | (1 << (bit & 7));
      }
    }
  }

  /** Whether any of the bytes has an unstable bit; the range is in one block. */
  meets(offset: number, length: number): boolean {
    const { eraseSize } = this.#geometry;
    const start = offset % eraseSize;
    const tears = this.#tears.get(Math.floor(offset / eraseSize)) ?? [];
    return tears.some(({ bits }) => bits.some((bit) => bit >>> 3 >= start && bit >>> 3 < start + length));
  }

  /** All of them, by their blocks. */
  list(): TornBlock[] {
    return [...this.#tears]
      .sort(([a], [b]) => a - b)
      .flatMap(([block, tears]) => tears.map((tear) => ({ block, ...tear })));
  }

  #add(block: number, tear: Tear): void {
    const tears = [...(this.#tears.get(block) ?? []), tear];
    this.#tears.set(block, tears.slice(-MAX_TEARS));
    const [oldest] = this.#tears.keys();
    if (this.#tears.size > MAX_TORN / MAX_TEARS && oldest !== undefined) this.#tears.delete(oldest);
  }

  /** @param start - of the block, in `into` */
  #shake(tear: Tear, start: number, into: Uint8Array, mend: Mend): void {
    tear.reads = Math.min(tear.reads + 1, MOST_READS);
    if (tear.reads <= tear.quiet) return;
    const noise = new Noise(tear.seed + Math.imul(tear.reads, 0x9e3779b1));
    const { writeSize } = this.#geometry;
    const flips: number[] = [];
    let page = -1;
    const settle = (): void => {
      if (flips.length > 0 && !mend(flips.length)) {
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
      if (own !== page) settle();
      page = own;
      if (flipped) flips.push(bit);
    }
    settle();
  }
}

interface Tear {
  readonly bits: readonly number[];
  readonly quiet: number;
  reads: number;
  readonly seed: number;
}

/** Reads torn blocks from parsed JSON; what is wrong with them is noted in `strict`. */
export function readTorn(
  strict: JsonChecker,
  value: unknown,
  place: string,
  geometry: Geometry,
): TornBlock[] {
  const blocks = Math.floor(geometry.size / geometry.eraseSize);
  return strict.list(value, place, MAX_TORN).map((item, index) => {
    const at = `${place}[${index}]`;
    const fields = strict.fields(item, at, ['block', 'bits', 'quiet', 'reads', 'seed']);
    const integer = (name: string, most: number): number =>
      strict.integer(fields[name], `${at}.${name}`, 0, most);
    const bits = strict
      .list(fields['bits'], `${at}.bits`, MAX_BITS)
      .map((bit, nth) => strict.integer(bit, `${at}.bits[${nth}]`, 0, geometry.eraseSize * 8 - 1));
    if (bits.some((bit, nth) => nth > 0 && bit <= (bits[nth - 1] as number))) {
      strict.report(`${at}.bits`, 'must ascend, each bit once');
    }
    return {
      block: integer('block', blocks - 1),
      bits,
      quiet: integer('quiet', MOST_READS),
      reads: integer('reads', MOST_READS),
      seed: integer('seed', 0xffffffff),
    };
  });
}
