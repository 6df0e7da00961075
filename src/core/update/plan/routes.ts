import { cutImage, type ChipRange } from '../../bundle/split-image.js';
import { imageOf, partitionOf, WHOLE_CHIP } from '../../bundle/image-name.js';
import { SluiceError } from '../../errors.js';
import type { FlashTarget, Partition } from '../../flash/device.js';
import { requirePartitions } from './known-partitions.js';
import { covers, mayOverlap, chipRange } from '../../flash/overlap.js';

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
export class Routes {
  readonly #target: FlashTarget;
  readonly #only: ReadonlySet<string> | null;
  readonly #served = new Set<string>();
  readonly #taken: Partition[] = [];

  /**
   * @param only - partitions to write; null for all that the bundle has images for
   * @throws SluiceError ERR_USAGE_PARTITION when `only` names one that the flash does not have
   */
  constructor(target: FlashTarget, only: readonly string[] | null) {
    this.#target = target;
    this.#only = only === null ? null : new Set(only);
    requirePartitions(target, only ?? []);
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
    if (partition === undefined) this.#fitsSomewhere(member, size);
    else this.#fits(member, size, partition);
    if (name === WHOLE_CHIP && partition !== undefined && size !== null) {
      const parts = this.#partsOf(partition);
      if (!wanted)
        return this.#cut(
          partition,
          parts.filter((part) => this.#only?.has(part.name) === true),
          size,
          unit,
        );
      if (tiles(parts, partition)) {
        this.#served.add(name);
        return this.#cut(partition, parts, size, unit);
      }
      this.#refuseDrift(partition);
    }
    if (!wanted) return [];
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
    const served = this.#served;
    const missing = this.#only === null ? [] : [...this.#only].filter((name) => !served.has(name));
    if (served.size > 0 && missing.length === 0) return;
    throw new SluiceError(
      'ERR_BUNDLE_EMPTY',
      missing.length === 0 ? 'the bundle has no image' : `the bundle has no image for ${missing.join(', ')}`,
    );
  }

  /** The partitions that lie on the whole chip. */
  #partsOf(chip: Partition): Partition[] {
    return [...this.#target.partitions.values()].filter(
      (partition) => partition !== chip && covers(chip, partition),
    );
  }

  /**
   * Each part gets its own gate, and on NAND its own count of good blocks: written as one piece, a bad block would
   * move every partition behind it.
   */
  #cut(chip: Partition, parts: readonly Partition[], size: number, unit: number): Route[] {
    const start = chipRange(chip).offset;
    const rangeOf = (part: Partition): ChipRange => {
      return { name: part.name, offset: chipRange(part).offset - start, size: part.size };
    };
    const ranges = [...this.#partsOf(chip), chip].map(rangeOf);
    const names = parts.map(({ name }) => name);
    const cuts = cutImage(ranges, size, names, unit);
    // All of the chip: no other image of the bundle may have a part of it.
    if (cuts.length > 0) this.#claim(chip);
    return cuts.map(({ partition, start, end }) => {
      this.#served.add(partition);
      const target = this.#target.partitions.get(partition) as Partition;
      return { partition: target, offset: start, length: end - start };
    });
  }

  #refuseDrift(chip: Partition): void {
    if (chip.device.geometry.type !== 'nand') return;
    throw new SluiceError(
      'ERR_BUNDLE_LAYOUT',
      `the partitions do not cover ${chip.name}, and on NAND a whole-chip image cannot be written in one piece`,
      { member: imageOf(chip.name), partition: chip.name },
    );
  }

  /** An image for no partition here must not keep the board reading for longer than any image of its own could. */
  #fitsSomewhere(member: string, size: number | null): void {
    const largest = Math.max(0, ...[...this.#target.partitions.values()].map((partition) => partition.size));
    if (size === null || size <= largest) return;
    throw new SluiceError(
      'ERR_BUNDLE_TOO_BIG',
      `${member} has ${size} bytes, more than any partition of ${this.#target.address}`,
      { member },
    );
  }

  #fits(member: string, size: number | null, partition: Partition): void {
    if (size === null || size <= partition.size) return;
    throw new SluiceError(
      'ERR_BUNDLE_TOO_BIG',
      `${member} has ${size} bytes and partition ${partition.name} has ${partition.size}`,
      { member, partition: partition.name },
    );
  }

  #take(route: Route): Route {
    this.#claim(route.partition);
    this.#served.add(route.partition.name);
    return route;
  }

  /** Two images over the same flash would undo each other. */
  #claim(partition: Partition): void {
    const clash = this.#taken.find((taken) => mayOverlap(taken, partition));
    if (clash !== undefined) {
      const { name } = partition;
      const sure = chipRange(clash).chip === chipRange(partition).chip;
      throw new SluiceError(
        'ERR_BUNDLE_LAYOUT',
        `the bundle has images for ${clash.name} and for ${name}, which ${sure ? 'lie' : 'may lie'} over each other`,
        { partition: name },
      );
    }
    this.#taken.push(partition);
  }
}

/** Whether the parts, which are in the order of their offsets, cover the whole without gap or overlap. */
function tiles(parts: readonly Partition[], whole: Partition): boolean {
  const start = chipRange(whole).offset;
  let at = start;
  for (const part of parts) {
    if (chipRange(part).offset !== at) return false;
    at += part.size;
  }
  return at === start + whole.size;
}
