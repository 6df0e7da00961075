import { cutImage } from '../bundle/cut.js';
import { partitionOf } from '../bundle/members.js';
import { SluiceError } from '../errors.js';
import type { FlashTarget, Partition } from '../flash/device.js';

/** The partition that stands for the whole chip, and so the member that can be cut. */
const WHOLE_CHIP = 'bmc';

/** A range of an image and the partition whose start it belongs to. */
export interface Route {
  readonly partition: Partition;
  /** Bytes from the start of the image. */
  readonly offset: number;
  /** Bytes; null for an image whose size is not known in advance. */
  readonly length: number | null;
}

/**
 * Decides which members go to which partitions, before any byte of them is written: the suffix of the member's
 * name is the name of the partition; `image-bmc` is the whole chip, and is cut when only parts are wanted.
 */
export class Plan {
  readonly #target: FlashTarget;
  readonly #only: ReadonlySet<string> | null;
  readonly #taken: { name: string; device: unknown; from: number; to: number }[] = [];

  /**
   * @param only - partitions to write; null for all that the bundle has images for
   * @throws SluiceError ERR_USAGE_PARTITION when `only` names one that the flash does not have
   */
  constructor(target: FlashTarget, only: readonly string[] | null) {
    this.#target = target;
    this.#only = only === null ? null : new Set(only);
    for (const name of only ?? []) {
      if (target.partitions.has(name)) continue;
      throw new SluiceError(
        'ERR_USAGE_PARTITION',
        `${target.address} has no partition ${name}; it has ${[...target.partitions.keys()].join(', ')}`,
        { partition: name },
      );
    }
  }

  /**
   * Where the image goes; empty when none of it was asked for.
   * @param size - bytes, null when not known in advance
   * @param unit - bytes at which the image may be cut
   * @throws SluiceError ERR_BUNDLE_NO_PARTITION, ERR_BUNDLE_TOO_BIG, ERR_BUNDLE_LAYOUT
   */
  routes(member: string, size: number | null, unit: number): Route[] {
    const name = partitionOf(member);
    const partition = this.#target.partitions.get(name);
    const wanted = this.#only === null || this.#only.has(name);
    if (partition !== undefined) this.#fits(member, size, partition);
    if (!wanted) {
      return name === WHOLE_CHIP && size !== null && partition !== undefined
        ? this.#cut(partition, size, unit)
        : [];
    }
    if (partition === undefined) {
      throw new SluiceError(
        'ERR_BUNDLE_NO_PARTITION',
        `${member} is for partition ${name}, and ${this.#target.address} has none of that name`,
        { member, partition: name },
      );
    }
    return [this.#take({ partition, offset: 0, length: size })];
  }

  /**
   * Called at the end of the bundle.
   * @throws SluiceError ERR_BUNDLE_EMPTY when a partition that was asked for got no image
   */
  finish(): void {
    const served = new Set(this.#taken.map((range) => range.name));
    const missing = this.#only === null ? [] : [...this.#only].filter((name) => !served.has(name));
    if (served.size > 0 && missing.length === 0) return;
    throw new SluiceError(
      'ERR_BUNDLE_EMPTY',
      missing.length === 0 ? 'the bundle has no image' : `the bundle has no image for ${missing.join(', ')}`,
    );
  }

  #cut(chip: Partition, size: number, unit: number): Route[] {
    const ranges = [...this.#target.partitions.values()]
      .filter((partition) => partition !== chip && partition.device === chip.device)
      .map(({ name, offset, size }) => ({ name, offset: offset - chip.offset, size }));
    const wanted = ranges.filter(({ name }) => this.#only?.has(name) === true).map(({ name }) => name);
    return cutImage(ranges, size, wanted, unit).map(({ partition, start, end }) => {
      const target = this.#target.partitions.get(partition) as Partition;
      return this.#take({ partition: target, offset: start, length: end - start });
    });
  }

  #fits(member: string, size: number | null, partition: Partition): void {
    if (size === null || size <= partition.size) return;
    throw new SluiceError(
      'ERR_BUNDLE_TOO_BIG',
      `${member} has ${size} bytes and partition ${partition.name} has ${partition.size}`,
      { member, partition: partition.name },
    );
  }

  /** Two images over the same flash would undo each other. */
  #take(route: Route): Route {
    const { name, device, offset, size } = route.partition;
    const clash = this.#taken.find(
      (range) => range.device === device && range.from < offset + size && offset < range.to,
    );
    if (clash !== undefined) {
      throw new SluiceError(
        'ERR_BUNDLE_LAYOUT',
        `the bundle has images for ${clash.name} and for ${name}, which lie over each other`,
        { partition: name },
      );
    }
    this.#taken.push({ name, device, from: offset, to: offset + size });
    return route;
  }
}
