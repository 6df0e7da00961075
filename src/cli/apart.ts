import { fstatSync, statSync, type Stats } from 'node:fs';
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
  const one = found(() => (source === '-' ? fstatSync(0) : statSync(source)));
  const other = found(() => statSync(path));
  if (one === null || other === null) return;
  const same = other.isBlockDevice()
    ? one.isBlockDevice() && one.rdev === other.rdev
    : one.dev === other.dev && one.ino === other.ino;
  if (same) throw new SluiceError('ERR_USAGE_ARGUMENT', `${path} is the bundle, and cannot be its flash too`);
}

/** What cannot be looked at is told by who opens it. */
function found(look: () => Stats): Stats | null {
  try {
    return look();
  } catch {
    return null;
  }
}
