import { SluiceError } from '../../errors.js';
import { quoteName } from '../../text.js';
import type { FlashTarget } from '../../flash/device.js';

/**
 * Checks names that the user has given.
 * @throws SluiceError ERR_USAGE_PARTITION when the flash has no partition of one of the names
 */
export function requirePartitions(target: FlashTarget, names: readonly string[]): void {
  const unknown = names.find((name) => !target.partitions.has(name));
  if (unknown === undefined) return;
  throw new SluiceError(
    'ERR_USAGE_PARTITION',
    `${target.address} has no partition ${quoteName(unknown)}; it has ${[...target.partitions.keys()].map(quoteName).join(', ')}`,
    { partition: unknown },
  );
}
