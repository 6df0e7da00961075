import { SluiceError } from '../errors.js';
import type { Abort } from '../platform.js';
import type { FlashTarget } from './device.js';

/** The kinds of flash address and what is behind each. */
export const ADDRESS_FORMS = 'sim:PATH, mtd:, mtd:NAME, ubi:NAME, block:PATH';

/**
 * Opens a flash address (design, section 6). The driver is loaded when it is needed.
 * @throws SluiceError ERR_USAGE_FLASH_ADDRESS, ERR_FLASH_UNSUPPORTED, and what the driver throws
 */
export async function openFlash(address: string, options: { signal?: Abort } = {}): Promise<FlashTarget> {
  const [, kind, rest] = /^([a-z]+):(.*)$/s.exec(address) ?? [];
  switch (kind) {
    case 'sim': {
      if (rest === undefined || rest === '') break;
      const { openSimTarget } = await import('./sim/target.js');
      return openSimTarget(rest, options);
    }
    case 'mtd':
    case 'ubi':
    case 'block':
      throw new SluiceError('ERR_FLASH_UNSUPPORTED', `${address}: this build has no driver for ${kind}:`);
    default:
  }
  throw new SluiceError(
    'ERR_USAGE_FLASH_ADDRESS',
    `${address} is not a flash address; they are ${ADDRESS_FORMS}`,
  );
}
