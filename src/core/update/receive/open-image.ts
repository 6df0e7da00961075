import { partitionOf, WHOLE_CHIP } from '../../bundle/image-name.js';
import type { FlashTarget } from '../../flash/device.js';
import { wholeChip } from '../plan/whole-chip.js';
import type { Platform } from '../../platform.js';
import type { Trust } from '../../trust/trust.js';
import type { BufferPair } from './block-assembler.js';
import { ImageStream, type ImageStreamOptions, type Slice } from './image-stream.js';

/** Bytes of a block where neither an index nor a partition says how large they are (the layouts here: 64 KiB NOR). */
const DEFAULT_BLOCK = 64 * 1024;

/** Who takes images in. */
export interface ImageTaker {
  readonly platform: Platform;
  readonly trust: Trust;
  /** Null when no flash is at hand. */
  readonly target: FlashTarget | null;
  /** Partitions to write; null for all. */
  readonly only?: readonly string[] | null | undefined;
  readonly buffers: BufferPair;
}

/**
 * Begins an image, in the blocks of its index, else of its partition.
 * @param slicesOf - where it goes, when it is cut at so many bytes
 */
export async function openImage(
  image: Pick<ImageStreamOptions, 'member' | 'size' | 'proof' | 'collect'>,
  { platform, trust, target, only = null, buffers }: ImageTaker,
  slicesOf: (blockSize: number) => Promise<readonly Slice[]>,
): Promise<ImageStream> {
  const name = partitionOf(image.member);
  const partition = target?.partitions.get(name);
  // The image of the whole chip may be cut into what was asked for.
  const leftOut = only !== null && !only.includes(name) && name !== WHOLE_CHIP;
  const chip = target === null || name !== WHOLE_CHIP ? null : wholeChip(target);
  const { device } = partition ?? chip?.parts[0]?.partition ?? {};
  const blockSize = image.proof?.index.blockSize ?? device?.geometry.eraseSize ?? DEFAULT_BLOCK;
  const slices = await slicesOf(blockSize);
  const limit = (leftOut ? undefined : partition?.size) ?? Number.POSITIVE_INFINITY;
  const hashes = trust.hashes();
  return new ImageStream({ ...image, limit, leftOut, platform, buffers, hashes, blockSize, slices });
}
