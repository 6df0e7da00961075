import type { Geometry } from '../device.js';

/**
 * What stands for an erase block. There is none that could be seen: the flash behind a block device is managed by
 * its controller. 64 KiB is what block indexes are made in, large enough to keep eMMC near its sequential rate and
 * small enough to leave what is right alone.
 */
const LARGEST = 64 * 1024;

/**
 * As each block costs memory (its fingerprint, 8 bytes) and an operation, there are no more of them than this when
 * they are made smaller: 1 MiB.
 */
const MOST_BLOCKS = 128 * 1024;

/**
 * The geometry of so many bytes. Images are often as large as the whole device, so the blocks are made as small as
 * it takes to cover it; where that would take too many of them, they stay large and the tail (less than one of
 * them) cannot be written. The size is 0 where it has not even one logical block.
 */
export function blockGeometry(size: number, logicalBlock: number): Geometry {
  const sizes: number[] = [];
  for (let bytes = Math.max(LARGEST, logicalBlock); bytes >= logicalBlock; bytes /= 2) sizes.push(bytes);
  const eraseSize =
    sizes.find((bytes) => size % bytes === 0 && size / bytes <= Math.max(MOST_BLOCKS, size / LARGEST)) ??
    sizes.find((bytes) => bytes <= size) ??
    logicalBlock;
  return { type: 'block', size: size - (size % eraseSize), eraseSize, writeSize: logicalBlock };
}
