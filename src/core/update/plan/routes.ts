import { cutImage } from '../../bundle/split-image.js';
import { imageOf, partitionOf, WHOLE_CHIP } from '../../bundle/image-name.js';
import { SluiceError } from '../../errors.js';
import type { FlashTarget, Partition } from '../../flash/device.js';
import type { Companions } from '../../trust/trust.js';
import { quoteName } from '../../text.js';
import { requirePartitions } from './known-partitions.js';
import { mayOverlap, chipRange } from '../../flash/overlap.js';
import { wholeChip, type WholeChip } from './whole-chip.js';

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
 * name is the name of the partition; `image-bmc` is the whole chip, and is cut if its parts make it up or only parts are
 * wanted. What is left out is not measured against the flash.
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
    const chip = name === WHOLE_CHIP && size !== null ? wholeChip(this.#target) : null;
    if (chip !== null && size !== null && (chip.tiled || !wanted)) {
      if (wanted) this.#served.add(name);
      const { parts } = chip;
      const names = parts
        .map(({ partition }) => partition.name)
        .filter((part) => wanted || this.#only?.has(part));
      return names.length === 0 ? [] : this.#cut(chip, names, size, unit);
    }
    if (!wanted) return [];
    if (partition === undefined) throw this.#noPartition(member);
    this.#fits(member, size, partition);
    if (chip !== null) this.#refuseDrift(partition);
    return [this.#take({ partition, offset: 0, length: size })];
  }

  /**
   * Called at the end of the bundle.
   * @throws SluiceError ERR_BUNDLE_EMPTY when a partition that was asked for got no image
   */
  finish(): void {
    const missing = this.#missing;
    if (this.#served.size > 0 && missing.length === 0) return;
    throw noImage(missing);
  }

  /**
   * The partitions that must get an image, if those that may follow are known by name only.
   * @throws SluiceError ERR_BUNDLE_EMPTY when one that was asked for can get none of them, ERR_BUNDLE_NO_PARTITION when
   *   the flash lacks one
   */
  foresee({ required, allows }: Companions): Partition[] {
    const never = this.#missing.filter((name) => {
      const wanted = this.#target.partitions.get(name) as Partition;
      if (this.#taken.some((taken) => mayOverlap(taken, wanted))) return true;
      return !allows(imageOf(name)) && !allows(imageOf(WHOLE_CHIP));
    });
    if (never.length > 0) throw noImage(never);
    return (this.#only === null ? required : [...this.#only].map(imageOf)).map((member) => {
      const partition = this.#target.partitions.get(partitionOf(member));
      if (partition === undefined) throw this.#noPartition(member);
      return partition;
    });
  }

  /** The partitions that were asked for and have no image so far. */
  get #missing(): string[] {
    return [...(this.#only ?? [])].filter((name) => !this.#served.has(name));
  }

  #noPartition(member: string): SluiceError {
    const name = partitionOf(member);
    const { address } = this.#target;
    return new SluiceError(
      'ERR_BUNDLE_NO_PARTITION',
      name === WHOLE_CHIP
        ? `${member} is for the whole chip, and ${address} shows neither the chip (${name}) nor partitions that make it up`
        : `${quoteName(member)} is for partition ${quoteName(name)}, and ${address} has none of that name`,
      { member, partition: name },
    );
  }

  /**
   * Each part gets its own gate, and on NAND its own count of good blocks: written as one piece, a bad block would
   * move every partition behind it.
   */
  #cut({ itself, parts }: WholeChip, wanted: readonly string[], size: number, unit: number): Route[] {
    const ranges = parts.map(({ partition: { name, size }, offset }) => ({ name, offset, size }));
    const whole = itself === null ? [] : [{ name: itself.name, offset: 0, size: itself.size }];
    const cuts = cutImage([...ranges, ...whole], size, wanted, unit);
    // All of the chip: no other image of the bundle may have a part of it.
    if (cuts.length > 0) {
      const taken = itself === null ? parts.map(({ partition }) => partition) : [itself];
      for (const partition of taken) this.#claim(partition);
    }
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

  #fits(member: string, size: number | null, partition: Partition): void {
    if (size === null || size <= partition.size) return;
    throw new SluiceError(
      'ERR_BUNDLE_TOO_BIG',
      `${quoteName(member)} has ${size} bytes and partition ${quoteName(partition.name)} has ${partition.size}`,
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
        `the bundle has images for ${quoteName(clash.name)} and for ${quoteName(name)}, which ${sure ? 'lie' : 'may lie'} over each other`,
        { partition: name },
      );
    }
    this.#taken.push(partition);
  }
}

function noImage(missing: readonly string[]): SluiceError {
  const which = missing.length === 0 ? '' : ` for ${missing.map(quoteName).join(', ')}`;
  return new SluiceError('ERR_BUNDLE_EMPTY', `the bundle has no image${which}`);
}
