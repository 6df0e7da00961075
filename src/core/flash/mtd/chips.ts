import { SluiceError } from '../../errors.js';
import type { Partition } from '../device.js';
import type { MtdFacts } from '../mtd-syscalls.js';

/** Where an MTD is: see `Partition`. */
export type Places = Required<Pick<Partition, 'place' | 'possiblePlaces'>>;

/**
 * Which MTDs of a machine are on the same chip, as far as the kernel reports it. With CONFIG_MTD_PARTITIONED_MASTER
 * the sysfs folder of a partition is in that of its chip. Without it, chip and partitions are side by side, or the
 * chip is missing, and only guesses are left.
 */
export class Chips<E extends MtdFacts> {
  readonly #all: readonly E[];

  constructor(all: readonly E[]) {
    this.#all = all;
  }

  /** All partitions of `entry`, and their partitions. */
  within(entry: E): E[] {
    return this.#all.filter((other) => other !== entry && this.#ancestry(other).includes(entry));
  }

  /** Bytes from the start of the chip, as far as known. */
  startOf(entry: E): number {
    const { top, from } = this.#top(entry);
    return (top.offset ?? 0) + from;
  }

  places(entry: E): Places {
    const { top, from } = this.#top(entry);
    return {
      place: { chip: `mtd${top.index}`, offset: from },
      possiblePlaces: this.#possiblePlaces(top).map(({ chip, offset }) => ({ chip, offset: offset + from })),
    };
  }

  /**
   * The MTD to lock for a session on `entry`: the same one for all MTDs that are, or may be, on the same chip, as only
   * one session can run on a chip.
   */
  lockOf(entry: E): E {
    const { top } = this.#top(entry);
    const candidates = this.#sameChip(top);
    return candidates.some((other) => !this.#isChip(other)) ? (candidates[0] as E) : top;
  }

  #possiblePlaces(top: E): Places['possiblePlaces'] {
    if (this.#isChip(top)) return [];
    const group = `in ${top.siblingsOf}, ${shape(top)}`;
    // Kernels before 4.1 do not report offsets.
    if (top.offset === null) return [{ chip: group, offset: 0 }];
    const { offset, size } = top;
    const chips = this.#sameChip(top).filter((other) => this.#isChip(other) && offset + size <= other.size);
    return [group, ...chips.map(({ index }) => `mtd${index}`)].map((chip) => ({ chip, offset }));
  }

  /** All MTDs that may be on the same chip as `top`: same shape and folder, ascending by index. */
  #sameChip(top: E): E[] {
    return this.#all.filter((other) => {
      return other.parent === null && other.siblingsOf === top.siblingsOf && shape(other) === shape(top);
    });
  }

  /** Whether the MTD is known to be a whole chip. */
  #isChip({ offset }: E): boolean {
    return offset === null && this.#all.some((other) => other.offset !== null);
  }

  #top(entry: E): { top: E; from: number } {
    const chain = this.#ancestry(entry);
    let from = 0;
    for (const { index, offset, parent } of chain.slice(0, -1)) {
      if (offset === null) {
        throw new SluiceError(
          'ERR_FLASH_NO_DEVICE',
          `the kernel does not report the offset of mtd${index} in mtd${parent}`,
        );
      }
      from += offset;
    }
    return { top: chain.at(-1) as E, from };
  }

  /** The MTD, its parent, the parent of that, up to the chip. */
  #ancestry(entry: E): E[] {
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
