import { SluiceError } from '../core/errors.js';
import { parseBlockAddress } from '../host/node/flash/block/address.js';
import { nodeAt } from '../host/node/fs/node-files.js';

/**
 * Refuses a bundle that is the file or device to be written: it would be overwritten while it is read.
 * @param source - the SOURCE argument of the command
 * @param flash - its address
 * @throws SluiceError ERR_USAGE_ARGUMENT
 */
export function assertSourceIsNotTarget(source: string, flash: string): void {
  if (!flash.startsWith('block:')) return;
  const { path } = parseBlockAddress(flash.slice('block:'.length));
  const [bundle, medium] = [nodeAt(source === '-' ? '/proc/self/fd/0' : source), nodeAt(path)];
  if (medium === null || bundle?.kind !== medium.kind || bundle.id !== medium.id) return;
  throw new SluiceError('ERR_USAGE_ARGUMENT', `${path} is both the bundle and the flash`);
}
