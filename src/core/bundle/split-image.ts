/**
 * image-bmc holds a whole chip. Cutting it says which of its bytes belong to which partition, so that a part
 * of the chip can be written from it.
 *
 * @packageDocumentation
 */
import { SluiceError } from '../errors.js';
import { WHOLE_CHIP_IMAGE } from './image-name.js';

/** Where a partition lies on the chip; bytes. */
export interface ChipRange {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

/** Bytes of the image that go to the start of a partition. */
export interface ImageCut {
  readonly partition: string;
  /** First byte in the image. */
  readonly start: number;
  /** The byte after the last one. */
  readonly end: number;
}

/**
 * Cuts an image of the whole chip along the wanted partitions; the cuts come in ascending order. A cut is
 * shorter than its partition where the image ends early, and absent where the image ends before it.
 *
 * @param partitions - all partitions of the chip; one that covers others (`bmc`) may be among them
 * @param imageSize - bytes of the image
 * @param wanted - names of the partitions to write
 * @param blockSize - bytes of the blocks by which the image is proven; a block must not be for two partitions
 * @throws SluiceError ERR_USAGE_PARTITION for a name that is not there, ERR_BUNDLE_TOO_BIG when the image goes
 * beyond the chip, ERR_BUNDLE_LAYOUT when wanted partitions overlap or do not start and end at blocks
 */
export function cutImage(
  partitions: Iterable<ChipRange>,
  imageSize: number,
  wanted: Iterable<string>,
  blockSize: number,
): ImageCut[] {
  const all = [...partitions];
  checkImageFits(all, imageSize);
  const cuts: ImageCut[] = [];
  let previous: ChipRange | null = null;
  for (const range of chosen(all, wanted)) {
    if (previous !== null && range.offset < previous.offset + previous.size) {
      throw layout(`the partitions ${previous.name} and ${range.name} overlap`, range);
    }
    previous = range;
    if (range.offset >= imageSize) continue;
    const end = Math.min(imageSize, range.offset + range.size);
    checkEdge(range, range.offset, 'starts', blockSize);
    // The image's own end may be anywhere: its last block is short.
    if (end < imageSize) checkEdge(range, end, 'ends', blockSize);
    cuts.push({ partition: range.name, start: range.offset, end });
  }
  return cuts;
}

function checkImageFits(partitions: readonly ChipRange[], imageSize: number): void {
  const chipEnd = Math.max(0, ...partitions.map(({ offset, size }) => offset + size));
  if (imageSize <= chipEnd) return;
  throw new SluiceError(
    'ERR_BUNDLE_TOO_BIG',
    `${WHOLE_CHIP_IMAGE} has ${imageSize} bytes, but the partitions of this flash end at ${chipEnd}`,
    { member: WHOLE_CHIP_IMAGE },
  );
}

function chosen(partitions: readonly ChipRange[], wanted: Iterable<string>): ChipRange[] {
  const ranges = [...new Set(wanted)].map((name) => {
    const range = partitions.find((partition) => partition.name === name);
    if (range !== undefined) return range;
    const known = partitions.map((partition) => partition.name).join(', ');
    throw new SluiceError('ERR_USAGE_PARTITION', `there is no partition ${name}; there are ${known}`, {
      partition: name,
    });
  });
  return ranges.sort((a, b) => a.offset - b.offset);
}

function checkEdge(range: ChipRange, at: number, verb: string, blockSize: number): void {
  if (at % blockSize === 0) return;
  throw layout(`the partition ${range.name} ${verb} at ${at}, inside a block of ${blockSize} bytes`, range);
}

function layout(what: string, range: ChipRange): SluiceError {
  return new SluiceError('ERR_BUNDLE_LAYOUT', `${WHOLE_CHIP_IMAGE} cannot be cut: ${what}`, {
    member: WHOLE_CHIP_IMAGE,
    partition: range.name,
  });
}
