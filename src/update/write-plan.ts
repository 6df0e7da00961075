import type { BlockIndex } from '../bundle/blocks.js';
import type { FlashTarget } from '../flash/device.js';
import { spotsOf, type ChipSpot } from '../flash/place.js';
import type { BufferPair } from './block-assembler.js';
import type { Slice } from './image-stream.js';
import { PartitionWriter, type PartitionWriterOptions } from './partition-writer.js';
import { Plan } from './plan.js';

/**
 * Span of a 3-byte address, which most SPI NOR chips start with. A driver that is not told of a larger chip
 * wraps here.
 */
const ADDRESS_SPAN = 16 * 1024 * 1024;

/** A plan with its writers: which slices of an image go where, each partition looked at before it is written. */
export class WritePlan {
  readonly #plan: Plan;
  readonly #options: PartitionWriterOptions;
  readonly #slices = new Map<string, Slice[]>();
  readonly #writers: PartitionWriter[] = [];

  constructor(target: FlashTarget, only: readonly string[] | null, options: PartitionWriterOptions) {
    this.#plan = new Plan(target, only);
    this.#options = options;
  }

  /** All writers, in the order of their images. */
  get writers(): readonly PartitionWriter[] {
    return this.#writers;
  }

  /**
   * Plans every image of an index at once, so that one that does not fit, one that is missing, or a NAND with too
   * few good blocks is refused before the first erase of any partition.
   */
  async prepare(index: BlockIndex): Promise<void> {
    for (const { member, size, blockSize } of index.images.values()) {
      if (!this.#slices.has(member)) await this.slices(member, size, blockSize);
    }
    this.#plan.finish();
  }

  /**
   * The slices of one image; empty when none of it was asked for.
   * @param blockSize - bytes at which it may be cut
   */
  async slices(member: string, size: number | null, blockSize: number): Promise<Slice[]> {
    const known = this.#slices.get(member);
    if (known !== undefined) return known;
    const slices: Slice[] = [];
    const routes = this.#plan.routes(member, size, blockSize);
    for (const { partition, offset, length } of routes) {
      const { eraseSize } = partition.device.geometry;
      const blocks = length === null ? 0 : Math.ceil(length / eraseSize);
      const digest = length !== size;
      const sink = await PartitionWriter.open(partition, blocks, { ...this.#options, digest });
      this.#writers.push(sink);
      slices.push({ sink, offset, length, eraseSize });
      this.#options.observer.image?.(member, partition.name, blocks);
    }
    this.#slices.set(member, slices);
    return slices;
  }

  /** @throws SluiceError ERR_BUNDLE_EMPTY */
  finish(): void {
    this.#plan.finish();
  }

  /** Reads everything back once more: see PartitionWriter.recheck. Nothing to do when nothing was changed. */
  async recheck(buffers: BufferPair): Promise<void> {
    if (!this.changed) return;
    for (const writer of this.#writers) await writer.recheck(bufferFor(writer, buffers));
  }

  /**
   * Writes the held blocks of all partitions. Where addressing wraps, one of them may have gone over another block
   * that `recheck` has found right, so those that would be hit are looked at again.
   */
  async openGates(buffers: BufferPair): Promise<void> {
    const gates: ChipSpot[] = [];
    for (const writer of this.#writers) {
      const offset = await writer.openGate();
      if (offset !== null) gates.push(...spotsIn(writer, offset));
    }
    for (const writer of this.#writers) {
      const wraps = (offset: number): boolean =>
        spotsIn(writer, offset).some((spot) =>
          gates.some(
            (gate) =>
              gate.chip === spot.chip &&
              gate.offset !== spot.offset &&
              (gate.offset - spot.offset) % ADDRESS_SPAN === 0,
          ),
        );
      await writer.recheck(bufferFor(writer, buffers), wraps);
    }
  }

  /** Everything written so far survives a power cut when this resolves. */
  async sync(): Promise<void> {
    for (const device of new Set(this.#writers.map((writer) => writer.partition.device))) await device.sync();
  }

  /** Whether any flash was changed, or may have been. */
  get changed(): boolean {
    return this.#writers.some((writer) => writer.changed);
  }

  /** Milliseconds spent in flash operations. */
  get flashTime(): number {
    return this.#writers.reduce((sum, writer) => sum + writer.flashTime, 0);
  }
}

function bufferFor(writer: PartitionWriter, buffers: BufferPair): Uint8Array {
  buffers.ensure(writer.partition.device.geometry.eraseSize);
  return buffers.current;
}

/** Where on its chip, or chips, an offset in a writer's device may be. */
function spotsIn({ partition }: PartitionWriter, offset: number): ChipSpot[] {
  return spotsOf(partition).map((spot) => ({
    chip: spot.chip,
    offset: spot.offset + offset - partition.offset,
  }));
}
