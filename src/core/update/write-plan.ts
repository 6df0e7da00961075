import { partitionOf } from '../bundle/image-name.js';
import type { BlockIndex, ImageIndex } from '../bundle/block-index.js';
import { SluiceError } from '../errors.js';
import type { FlashTarget } from '../flash/device.js';
import { quoteName } from '../text.js';
import type { Companions } from '../trust/trust.js';
import type { BufferPair } from './receive/block-assembler.js';
import { AliasedBlocks } from './plan/aliased-blocks.js';
import type { Slice } from './receive/image-stream.js';
import { NO_CHANGE_LOG } from './write/change-log.js';
import type { ImageWriter, ImageWriterOptions } from './write/image-writer.js';
import type { Journal } from './resume/journal.js';
import { InUseCheck, type Candidate } from './plan/in-use-check.js';
import { PartitionWriter } from './write/partition-writer.js';
import { Routes, type Route } from './plan/routes.js';
import { VolumeWriter } from './write/volume-writer.js';

/** What a plan works with. */
export interface WritePlanOptions extends Omit<ImageWriterOptions, 'changeLog' | 'aboutToChange'> {
  /** Partitions to write; null for all that the bundle has images for. */
  readonly only: readonly string[] | null;
  /** Partitions that are written whatever else uses them. */
  readonly forceMounted: readonly string[];
  /** Erase blocks that a check has found to change, by partition; for progress only. */
  readonly changes?: ReadonlyMap<string, number>;
}

/** A plan with its writers: which slices of an image go where, each partition looked at before it is written. */
export class WritePlan {
  readonly #target: FlashTarget;
  readonly #plan: Routes;
  readonly #occupancy: InUseCheck;
  readonly #options: WritePlanOptions;
  readonly #routes = new Map<string, readonly Route[]>();
  readonly #slices = new Map<string, Slice[]>();
  readonly #writers: ImageWriter[] = [];
  /** The journal of the session, null without one; set before the first image. */
  journal: Journal | null = null;

  /** @throws SluiceError ERR_USAGE_PARTITION */
  constructor(target: FlashTarget, options: WritePlanOptions) {
    this.#target = target;
    this.#plan = new Routes(target, options.only);
    this.#occupancy = new InUseCheck(target, options.forceMounted, options.observer);
    this.#options = options;
  }

  /** All writers, in the order of their images. */
  get writers(): readonly ImageWriter[] {
    return this.#writers;
  }

  /**
   * Plans every image of an index at once, so that one that does not fit, one that is missing, a partition that is
   * in use, or a NAND with too few good blocks is refused before the first erase of any partition.
   */
  async prepare(index: BlockIndex): Promise<void> {
    const images = [...index.images.values()];
    const candidates = images.flatMap(({ member, size, blockSize }) =>
      this.#candidates(member, this.#routesOf(member, size, blockSize)),
    );
    this.#plan.finish();
    await this.#occupancy.assertFree(candidates);
    for (const index of images) await this.slices(index.member, index.size, index.blockSize, { index });
    this.#options.observer.planned?.();
  }

  /**
   * Checks at once that the partitions are free that images may come for; names that the flash does not have are left
   * out. For bundles that do not say ahead which images they have.
   * @throws SluiceError ERR_BUSY_IN_USE
   */
  async foresee(members: readonly string[]): Promise<void> {
    await this.#occupancy.assertFree(members.flatMap((member) => this.#candidates(member, [])));
  }

  /**
   * The slices of one image; empty when none of it was asked for.
   * @param blockSize - bytes at which it may be cut
   * @param known - proven digests of its blocks, or if there are none, which images may come with it: a partition
   *   that was asked for and can get none of them, or must get one and cannot be written, is refused now
   */
  async slices(
    member: string,
    size: number | null,
    blockSize: number,
    known: { readonly index?: ImageIndex; readonly companions?: Companions },
  ): Promise<Slice[]> {
    const planned = this.#slices.get(member);
    if (planned !== undefined) return planned;
    const slices: Slice[] = [];
    const routes = this.#routesOf(member, size, blockSize);
    await this.#occupancy.assertFree(this.#candidates(member, routes));
    if (known.companions && routes.length > 0 && this.#writers.length === 0)
      await this.#assertWritable(known.companions);
    for (const route of routes) {
      const { partition, offset, length } = route;
      const { eraseSize } = partition.device.geometry;
      const sink = await this.#open(route, member, known.index ?? null);
      const use = this.#occupancy.useOf(partition.name);
      if (use !== null) sink.receipt.inUse = use;
      this.#writers.push(sink);
      slices.push({ sink, offset, length, eraseSize });
      const changes = this.#options.changes?.get(partition.name) ?? null;
      this.#options.observer.image?.(member, partition.name, blocksOf(route), changes);
    }
    this.#slices.set(member, slices);
    return slices;
  }

  /** Looks at the partitions that the bundle must write besides, or is refused at its end. */
  async #assertWritable(companions: Companions): Promise<void> {
    for (const { device, offset, size } of this.#plan.foresee(companions)) {
      const { eraseSize } = device.geometry;
      await (device.rewrite?.length() ?? device.unlock(offset / eraseSize, size / eraseSize));
    }
  }

  async #open(route: Route, member: string, index: ImageIndex | null): Promise<ImageWriter> {
    const { partition, length } = route;
    const { rewrite, name } = partition.device;
    const aboutToChange = (): Promise<void> => this.#occupancy.recheck(partition);
    const options = { ...this.#options, changeLog: this.journal ?? NO_CHANGE_LOG, aboutToChange };
    if (rewrite === undefined) {
      const digest = partition.name !== partitionOf(member);
      return PartitionWriter.open(partition, blocksOf(route), { ...options, digest });
    }
    if (length !== null) {
      // It is all of its device, so nothing is cut out of an image for it.
      const image = { size: length, index };
      return VolumeWriter.open(partition, rewrite, image, options);
    }
    throw new SluiceError(
      'ERR_SOURCE_SIZE',
      `partition ${quoteName(partition.name)} (${name}) can only be written as a whole, and how many bytes will come is not known`,
      { partition: partition.name },
    );
  }

  #routesOf(member: string, size: number | null, blockSize: number): readonly Route[] {
    const routes = this.#routes.get(member) ?? this.#plan.routes(member, size, blockSize);
    this.#routes.set(member, routes);
    return routes;
  }

  /** The partition that an image is for, if it was asked for, and those that it is cut into. */
  #candidates(member: string, routes: readonly Route[]): Candidate[] {
    const { only } = this.#options;
    const name = partitionOf(member);
    const own = only === null || only.includes(name) ? this.#target.partitions.get(name) : undefined;
    const whole = own?.name;
    return [
      ...(own === undefined ? [] : [{ partition: own }]),
      ...routes.map(({ partition }) => ({ partition, whole })),
    ];
  }

  /** @throws SluiceError ERR_BUNDLE_EMPTY */
  finish(): void {
    this.#plan.finish();
  }

  /** Frees what lies behind the images: see PartitionWriter.clearBehind. */
  async clearBehind(): Promise<void> {
    for (const writer of this.#writers) await writer.clearBehind();
  }

  /**
   * Reads back once more what was changed, and what may have been if addressing wraps: see PartitionWriter.recheck.
   * Unchanged blocks that no write can have hit are not read again.
   */
  async recheck(buffers: BufferPair): Promise<void> {
    const hasWritten = new AliasedBlocks();
    for (const writer of this.#writers) {
      for (const offset of writer.changedOffsets()) hasWritten.add(writer.partition, offset);
    }
    await this.#recheck(buffers, hasWritten);
  }

  /** Reads every block of the images once more, the unchanged ones too, but for those that are held. */
  async recheckAll(buffers: BufferPair): Promise<void> {
    await this.#recheck(buffers, { mayAffect: () => true });
  }

  /**
   * Writes the held blocks of all partitions and reads them once more and, if addressing wraps, also what they
   * may have overwritten after `recheck` passed.
   *
   * Volumes that are written as a whole come first: only their open gates show whether they read back right, and one
   * that does not must leave the others shut, or a boot loader would start that finds no kernel. A block of raw flash
   * was read back before its gate opens; little is left to fail.
   */
  async openGates(buffers: BufferPair): Promise<void> {
    for (const { partition, willWrite: changes } of this.#writers)
      if (changes) await this.#occupancy.recheck(partition);
    const gates = new AliasedBlocks();
    const others = this.#writers.filter((writer) => writer instanceof PartitionWriter);
    await this.journal?.recordBeforeGates(
      others.flatMap(({ partition, gateBlock: block }) => (block === null ? [] : [{ partition, block }])),
    );
    for (const writer of [...this.#volumes, ...others]) {
      const offset = await writer.openGate();
      if (offset !== null) gates.add(writer.partition, offset);
    }
    await this.#recheck(buffers, gates);
    for (const { partition } of this.#writers) this.journal?.settleImage(partition);
  }

  /** Warns of partitions that cannot be read after a failure. */
  async tellUnreadable(): Promise<void> {
    for (const volume of this.#volumes) {
      // If the device gives no answer, it counts as unreadable.
      if (!(await volume.isUnreadable().catch(() => true))) continue;
      const what = 'cannot be read until an update of it is brought to its end';
      this.#options.observer.warn?.(`partition ${quoteName(volume.partition.name)} ${what}`);
    }
  }

  /** Everything written so far survives a power cut when this resolves. */
  async sync(): Promise<void> {
    for (const device of new Set(this.#writers.map((writer) => writer.partition.device))) await device.sync();
  }

  /** Whether any flash was changed or will be, the held blocks too. */
  get willWrite(): boolean {
    return this.#writers.some((writer) => writer.willWrite);
  }

  /** Whether any flash was changed, or may have been. */
  get changed(): boolean {
    return this.#writers.some((writer) => writer.hasWritten);
  }

  async #recheck(buffers: BufferPair, changed: Pick<AliasedBlocks, 'mayAffect'>): Promise<void> {
    for (const writer of this.#writers) {
      buffers.ensure(writer.partition.device.geometry.eraseSize);
      await writer.recheck(buffers.current, (offset) => changed.mayAffect(writer.partition, offset));
    }
  }

  /** Those writers that write all of a device. */
  get #volumes(): VolumeWriter[] {
    return this.#writers.filter((writer) => writer instanceof VolumeWriter);
  }

  /** Milliseconds spent in flash operations. */
  get flashTime(): number {
    return this.#writers.reduce((sum, writer) => sum + writer.flashTime, 0);
  }
}

/** Erase blocks that an image takes; 0 if it is not known. */
const blocksOf = ({ partition, length }: Route): number =>
  Math.ceil((length ?? 0) / partition.device.geometry.eraseSize);
