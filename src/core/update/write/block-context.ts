import { SluiceError } from '../../errors.js';
import type { Partition } from '../../flash/device.js';
import { chipRange } from '../../flash/overlap.js';
import { quoteName } from '../../text.js';

/** An erase block as messages name it: `erase block 24 of rofs (0x640000 of the chip)`. */
export function blockName(partition: Partition, block: number): string {
  const { type, size, eraseSize } = partition.device.geometry;
  const inPartition = block * eraseSize - partition.offset;
  const isOnChip = partition.place !== undefined || partition.size < size;
  const whole = isOnChip && (type === 'nor' || type === 'nand') ? 'chip' : 'device';
  const at = (chipRange(partition).offset + inPartition).toString(16);
  return `erase block ${inPartition / eraseSize} of ${quoteName(partition.name)} (0x${at} of the ${whole})`;
}

/**
 * A failure that belongs to a block, with the block named; any other as it is.
 * @param block - of the partition's device
 */
export function withBlockContext(error: SluiceError, partition: Partition, block: number): SluiceError {
  if (!error.row.wear) return error;
  const { device, name, offset } = partition;
  const prefix = `${device.name}: `;
  // The block says which device that is.
  const what = error.message.startsWith(prefix) ? error.message.slice(prefix.length) : error.message;
  return new SluiceError(error.code, `${blockName(partition, block)}: ${what}`, {
    partition: name,
    block: block - offset / device.geometry.eraseSize,
    errno: error.errno,
    cause: error,
  });
}
