/** A chip as a boot loader sees it: each partition as its good blocks, one after the other. */
import { partitionIn, same } from '../../kit/update-kit.js';
import type { Remains } from './board.js';
import type { Scenario } from './scenario.js';

/** The good blocks of a partition of a board that is off. */
export class View {
  readonly #remains: Remains;
  readonly #eraseSize: number;
  /** Numbers of its good blocks on the chip. */
  readonly good: readonly number[];

  constructor({ layout, eraseSize }: Scenario, remains: Remains, partition: string) {
    const { offset, size } = partitionIn(layout, partition);
    const bad = new Set([...remains.chip.factoryBad, ...remains.chip.grownBad]);
    this.#remains = remains;
    this.#eraseSize = eraseSize;
    this.good = Array.from({ length: size / eraseSize }, (_, index) => offset / eraseSize + index).filter(
      (block) => !bad.has(block),
    );
  }

  get count(): number {
    return this.good.length;
  }

  /** What block `index` holds; nothing behind the last one. */
  block(index: number): Uint8Array {
    const block = this.good[index];
    if (block === undefined) return new Uint8Array(0);
    return this.#remains.bytes.subarray(block * this.#eraseSize, (block + 1) * this.#eraseSize);
  }

  /** Whether block `index` has unstable bits. */
  isTorn(index: number): boolean {
    return this.#remains.chip.torn.some(({ block }) => block === this.good[index]);
  }

  /** Whether the blocks from `from` on hold what `image` has there, and nothing of it is unstable. */
  holds(image: Uint8Array, from: number, firm: boolean): boolean {
    for (let index = from; index < image.length / this.#eraseSize; index++) {
      const wanted = image.subarray(index * this.#eraseSize, (index + 1) * this.#eraseSize);
      if (!same(this.block(index), wanted) || (firm && this.isTorn(index))) return false;
    }
    return true;
  }
}

/** Whether two boards that are off hold the same in a block of the chip. */
export function sameBlock(a: Remains, b: Remains, block: number, eraseSize: number): boolean {
  const [from, to] = [block * eraseSize, (block + 1) * eraseSize];
  return same(a.bytes.subarray(from, to), b.bytes.subarray(from, to));
}
