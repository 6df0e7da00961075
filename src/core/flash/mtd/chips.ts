import { SluiceError } from '../../errors.js';
import type { Partition } from '../device.js';
import type { MtdFacts } from '../mtd-syscalls.js';

/** The places of one MTD: see `Partition`. */
export type Places = Required<Pick<Partition, 'place' | 'perhaps'>>;

/**
 * How the MTDs of a machine lie to each other, as far as the kernel tells. With CONFIG_MTD_PARTITIONED_MASTER a
 * partition lies in the sysfs folder of its chip; without it, chip and partitions stand side by side (or the chip is
 * not there at all), and only guesses are left.
 */
export class Chips<E extends MtdFacts> {
  readonly #all: readonly E[];

  constructor(all: readonly E[]) {
    this.#all = all;
  }

  /** Everything that lies in `entry`, near and far. */
  within(entry: E): E[] {
    return this.#all.filter((other) => other !== entry && this.#chain(other).includes(entry));
  }

  /** Where on its chip it starts, for all that is told. */
  startOf(entry: E): number {
    const { top, from } = this.#top(entry);
    return (top.offset ?? 0) + from;
  }

  places(entry: E): Places {
    const { top, from } = this.#top(entry);
    return {
      place: { chip: `mtd${top.index}`, offset: from },
      perhaps: this.#guesses(top).map(({ chip, offset }) => ({ chip, offset: offset + from })),
    };
  }

  /**
   * The MTD that is locked for a session on `entry`: one for all that lie, or may lie, on the same chip, as there is
   * one session a chip.
   */
  lockOf(entry: E): E {
    const { top } = this.#top(entry);
    const kin = this.#sameChip(top);
    return kin.some((other) => !this.#isChip(other)) ? (kin[0] as E) : top;
  }

  #guesses(top: E): Places['perhaps'] {
    if (this.#isChip(top)) return [];
    const group = `in ${top.siblingsOf}, ${shape(top)}`;
    // Kernels before 4.1: anything may be anywhere.
    if (top.offset === null) return [{ chip: group, offset: 0 }];
    const { offset, size } = top;
    const chips = this.#sameChip(top).filter((other) => this.#isChip(other) && offset + size <= other.size);
    return [group, ...chips.map(({ index }) => `mtd${index}`)].map((chip) => ({ chip, offset }));
  }

  /** All that may be on one chip with `top`: of the same shape, side by side with it; ascending by index. */
  #sameChip(top: E): E[] {
    return this.#all.filter((other) => {
      return other.parent === null && other.siblingsOf === top.siblingsOf && shape(other) === shape(top);
    });
  }

  /** Whether it is known to be no partition. */
  #isChip({ offset }: E): boolean {
    return offset === null && this.#all.some((other) => other.offset !== null);
  }

  #top(entry: E): { top: E; from: number } {
    const chain = this.#chain(entry);
    let from = 0;
    for (const { index, offset, parent } of chain.slice(0, -1)) {
      if (offset === null) {
        throw new SluiceError(
          'ERR_FLASH_NO_DEVICE',
          `the kernel does not say where in mtd${parent} mtd${index} lies`,
        );
      }
      from += offset;
    }
    return { top: chain.at(-1) as E, from };
  }

  /** The MTD, what it lies in, what that lies in, ... */
  #chain(entry: E): E[] {
    const chain: E[] = [];
    let next: E | undefined = entry;
    while (next !== undefined && !chain.includes(next)) {
      chain.push(next);
      const { parent }: E = next;
      next = this.#all.find(({ index }) => index === parent);
    }
    return chain;
  }
}

function shape({ type, eraseSize, writeSize }: MtdFacts): string {
  return `${type} ${eraseSize} ${writeSize}`;
}
