import { SluiceError } from '../core/errors.js';
import { parseBlockAddress } from '../host/node/flash/block/address.js';
import { nodeAt } from '../host/node/fs/node-files.js';

/**
 * A bundle that is a file or device which is to be written itself would be overwritten while it is read.
 * @param source - as the command takes it
 * @param flash - its address
 * @throws SluiceError ERR_USAGE_ARGUMENT
 */
export function assertSourceIsNotTarget(source: string, flash: string): void {
  if (!flash.startsWith('block:')) return;
  const { path } = parseBlockAddress(flash.slice('block:'.length));
  const [bundle, medium] = [nodeAt(source === '-' ? '/proc/self/fd/0' : source), nodeAt(path)];
  if (medium === null || bundle?.kind !== medium.kind || bundle.id !== medium.id) return;
  throw new SluiceError('ERR_USAGE_ARGUMENT', `${path} is the bundle, and cannot be its flash too`);
}
