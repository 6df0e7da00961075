import type { FlashTarget, Partition } from '../../flash/device.js';
import { covers, chipRange } from '../../flash/overlap.js';
import type { Suspects } from './journal-record.js';

/** One block of a chip, whichever partition it is reached through. */
interface SuspectBlock {
  readonly partition: string;
  /** Counted from the start of the partition. */
  readonly block: number;
  /** Of what it held before it may have been touched; null when that is not known. */
  readonly print: bigint | null;
}

/**
 * Erase blocks whose content cannot be trusted whatever it reads like: after a cut erase or program a block may read
 * correctly once and wrong later. Blocks are known by their place on the chip: two partitions may cover the same flash.
 */
export class SuspectBlocks {
  readonly #target: FlashTarget;
  readonly #chips = new Map<unknown, Map<number, SuspectBlock>>();
  /** Partitions of which any block may be torn. */
  readonly #whole = new Set<Partition>();
  /** In partitions that were not opened this time (`mtd:kernel`, where the last session had `mtd:`); null for all. */
  readonly #elsewhere = new Map<string, Set<number> | null>();

  constructor(target: FlashTarget) {
    this.#target = target;
  }

  /** Whether there is none. */
  get none(): boolean {
    if (this.#whole.size > 0 || this.#elsewhere.size > 0) return false;
    return [...this.#chips.values()].every((blocks) => blocks.size === 0);
  }

  /**
   * @param block - counted from the start of the partition; nothing is added if the flash has no such block
   * @param print - of what it held before it may have been touched
   */
  add(name: string, block: number, print: bigint | null = null): void {
    if (!this.#target.partitions.has(name)) {
      const others = this.#elsewhere.get(name);
      if (others !== null) this.#elsewhere.set(name, (others ?? new Set()).add(block));
      return;
    }
    const found = rawBlock(this.#target, name, block);
    if (found === null) return;
    const { chip, offset } = spotOf(found.partition, found.block);
    const blocks = this.#chips.get(chip) ?? new Map<number, SuspectBlock>();
    this.#chips.set(chip, blocks);
    blocks.set(offset, { partition: name, block, print });
  }

  /** All blocks of a partition. */
  addWhole(name: string): void {
    const partition = this.#target.partitions.get(name);
    if (partition === undefined) this.#elsewhere.set(name, null);
    else if (isRaw(partition)) this.#whole.add(partition);
  }

  /**
   * All flash, listed so that an image clears what it covers and no more: a partition as a whole if no smaller one lies
   * in it, what lies between smaller ones block by block.
   */
  addAll(): void {
    const all = [...this.#target.partitions.values()];
    for (const partition of all) {
      // Two names of the same range: neither is in the other.
      const inside = all.filter((other) => covers(partition, other) && !covers(other, partition));
      if (inside.length === 0) this.addWhole(partition.name);
      else for (const block of between(partition, inside)) this.add(partition.name, block);
    }
  }

  /** Partitions of which any block may be torn. */
  get wholes(): readonly Partition[] {
    return [...this.#whole];
  }

  /** @param block - of the partition's device */
  has(partition: Partition, block: number): boolean {
    const { chip, offset } = spotOf(partition, block);
    if (this.#chips.get(chip)?.has(offset) === true) return true;
    for (const whole of this.#whole) {
      const place = chipRange(whole);
      if (place.chip === chip && place.offset <= offset && offset < place.offset + whole.size) return true;
    }
    return false;
  }

  /** The print that `add` got for the block; null if the block is not listed by itself. */
  printOf(partition: Partition, block: number): bigint | null {
    const { chip, offset } = spotOf(partition, block);
    return this.#chips.get(chip)?.get(offset)?.print ?? null;
  }

  /**
   * The block is whole now, or out of use.
   * @returns whether it was listed by itself
   */
  settle(partition: Partition, block: number): boolean {
    const { chip, offset } = spotOf(partition, block);
    return this.#chips.get(chip)?.delete(offset) === true;
  }

  /** Clears the partition as a whole: its image is in flash, and nothing reads what is behind the image. */
  settleWhole(partition: Partition): void {
    const { chip, offset } = chipRange(partition);
    for (const whole of this.#whole) {
      const place = chipRange(whole);
      const inside = place.chip === chip && offset <= place.offset;
      if (inside && place.offset + whole.size <= offset + partition.size) this.#whole.delete(whole);
    }
  }

  /** Clears the single blocks of a partition. */
  settleBlocks(partition: Partition): void {
    const { chip, offset } = chipRange(partition);
    const blocks = this.#chips.get(chip) ?? new Map<number, SuspectBlock>();
    for (const place of blocks.keys()) {
      if (offset <= place && place < offset + partition.size) blocks.delete(place);
    }
  }

  /** Hands the single blocks over, except those that are in `but`. */
  moveTo(others: SuspectBlocks, but: SuspectBlocks): void {
    for (const [chip, blocks] of this.#chips) {
      for (const [offset, suspect] of blocks) {
        if (but.#chips.get(chip)?.has(offset) === true) continue;
        others.add(suspect.partition, suspect.block);
        blocks.delete(offset);
      }
    }
    for (const [name, blocks] of this.#elsewhere) {
      if (blocks === null) others.addWhole(name);
      else for (const block of blocks) others.add(name, block);
    }
    this.#elsewhere.clear();
  }

  /** As the journal lists them. */
  list(): Suspects[] {
    const found = new Map<string, number[] | null>();
    for (const [name, blocks] of this.#elsewhere) found.set(name, blocks === null ? null : [...blocks]);
    for (const blocks of this.#chips.values()) {
      for (const { partition, block } of blocks.values()) {
        const list = found.get(partition);
        if (list === undefined) found.set(partition, [block]);
        else list?.push(block);
      }
    }
    for (const { name } of this.#whole) found.set(name, null);
    return [...found].map(([partition, blocks]) => ({
      partition,
      blocks: blocks?.sort((a, b) => a - b) ?? null,
    }));
  }
}

/** Whether this flash is erased and programmed directly. UBI and block devices themselves prevent torn blocks. */
export function isRaw({ device }: Partition): boolean {
  return device.replace === undefined && device.rewrite === undefined;
}

/**
 * A block of raw flash that a record names; null when the flash has no such block.
 * @param block - counted from the start of the partition
 * @returns the block counted from the start of the partition's device
 */
export function rawBlock(
  { partitions }: FlashTarget,
  name: string,
  block: number,
): { partition: Partition; block: number } | null {
  const partition = partitions.get(name);
  if (partition === undefined || !isRaw(partition)) return null;
  const { eraseSize } = partition.device.geometry;
  if ((block + 1) * eraseSize > partition.size) return null;
  return { partition, block: partition.offset / eraseSize + block };
}

/** Blocks of a partition that lie in none of those inside it, counted from its start. */
function* between(partition: Partition, inside: readonly Partition[]): Iterable<number> {
  const { offset: start } = chipRange(partition);
  const { eraseSize } = partition.device.geometry;
  const ranges = inside.map((each) => ({ from: chipRange(each).offset - start, size: each.size }));
  for (let at = 0; at < partition.size; at += eraseSize) {
    if (!ranges.some(({ from, size }) => from <= at && at < from + size)) yield at / eraseSize;
  }
}

/** @param block - of the partition's device */
function spotOf(partition: Partition, block: number): { chip: unknown; offset: number } {
  const { chip, offset } = chipRange(partition);
  return { chip, offset: offset + block * partition.device.geometry.eraseSize - partition.offset };
}
