import { fstatSync, statSync } from 'node:fs';
import { SluiceError } from '../errors.js';
import { parseBlockAddress } from '../flash/block/address.js';

/**
 * A bundle that is a file or device which is to be written itself would be overwritten while it is read.
 * @param source - as the command takes it
 * @param flash - its address
 * @throws SluiceError ERR_USAGE_ARGUMENT
 */
export function requireApart(source: string, flash: string): void {
  if (!flash.startsWith('block:')) return;
  const { path } = parseBlockAddress(flash.slice('block:'.length));
  const known = { throwIfNoEntry: false } as const;
  const [one, other] = [source === '-' ? fstatSync(0) : statSync(source, known), statSync(path, known)];
  if (one === undefined || other === undefined) return;
  const same = other.isBlockDevice()
    ? one.isBlockDevice() && one.rdev === other.rdev
    : one.dev === other.dev && one.ino === other.ino;
  if (same) throw new SluiceError('ERR_USAGE_ARGUMENT', `${path} is the bundle, and cannot be its flash too`);
}
