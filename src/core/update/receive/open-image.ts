import { partitionOf } from '../../bundle/image-name.js';
import type { FlashTarget } from '../../flash/device.js';
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
  readonly buffers: BufferPair;
}

/**
 * Begins an image, in the blocks of its index, else of its partition.
 * @param slicesOf - where it goes, when it is cut at so many bytes
 */
export async function openImage(
  image: Pick<ImageStreamOptions, 'member' | 'size' | 'proof' | 'collect'>,
  { platform, trust, target, buffers }: ImageTaker,
  slicesOf: (blockSize: number) => Promise<readonly Slice[]>,
): Promise<ImageStream> {
  const partition = target?.partitions.get(partitionOf(image.member));
  const blockSize = image.proof?.index.blockSize ?? partition?.device.geometry.eraseSize ?? DEFAULT_BLOCK;
  const slices = await slicesOf(blockSize);
  const limit = partition?.size ?? Number.POSITIVE_INFINITY;
  return new ImageStream({ ...image, limit, platform, buffers, hashes: trust.hashes(), blockSize, slices });
}
