import type { Geometry } from '../device.js';

/**
 * Bytes of an "erase block". The controller hides the real ones. 64 KiB is the usual block size of an index, large
 * enough to keep eMMC near its sequential rate and small enough to leave unchanged data alone.
 */
const MAX_BLOCK_SIZE = 64 * 1024;

/**
 * Limits the number of blocks below 64 KiB: each block costs an operation and 8 bytes of memory for its fingerprint,
 * 1 MiB in total.
 */
const MAX_SMALL_BLOCKS = 128 * 1024;

/**
 * The geometry of a device of `size` bytes. Images are often as large as the whole device, so the blocks are made
 * small enough to cover it. If that needs too many blocks, they stay large, and the last bytes of the device (less
 * than one block) cannot be written. The size is 0 if the device is smaller than a logical block.
 */
export function blockGeometry(size: number, logicalBlock: number): Geometry {
  const sizes: number[] = [];
  for (let bytes = Math.max(MAX_BLOCK_SIZE, logicalBlock); bytes >= logicalBlock; bytes /= 2)
    sizes.push(bytes);
  const eraseSize =
    sizes.find(
      (bytes) => size % bytes === 0 && size / bytes <= Math.max(MAX_SMALL_BLOCKS, size / MAX_BLOCK_SIZE),
    ) ??
    sizes.find((bytes) => bytes <= size) ??
    logicalBlock;
  return { type: 'block', size: size - (size % eraseSize), eraseSize, writeSize: logicalBlock };
}
