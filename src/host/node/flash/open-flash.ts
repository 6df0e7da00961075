import { SluiceError } from '../../../core/errors.js';
import type { Abort } from '../../../core/platform.js';
import type { FlashTarget } from '../../../core/flash/device.js';

/** The kinds of flash address and what is behind each. */
export const ADDRESS_FORMS = 'sim:PATH, mtd:, mtd:NAME, ubi:, ubi:NAME, block:PATH, block:NAME=PATH';

/** Options of `openFlash`. */
export interface FlashOptions {
  readonly signal?: Abort;
  /** Whether it will be written. Without, real flash is opened for reading only. @default true */
  readonly write?: boolean;
  /** Partitions that are written even if they are mounted or otherwise in use. */
  readonly forceMounted?: readonly string[];
  /**
   * A further partition of this kind of flash: see FlashTarget.reserved. With the others it is opened under one lock,
   * which two openings of one chip would not share. Taken by sim: and mtd: only.
   */
  readonly reserve?: string;
}

/**
 * Opens a flash address (docs/flash.md). The driver is loaded when it is needed.
 * @throws SluiceError ERR_USAGE_FLASH_ADDRESS, ERR_FLASH_UNSUPPORTED, and what the driver throws
 */
export async function openFlash(address: string, options: FlashOptions = {}): Promise<FlashTarget> {
  const [, kind, rest] = /^([a-z]+):(.*)$/s.exec(address) ?? [];
  switch (kind) {
    case 'sim': {
      if (rest === undefined || rest === '') break;
      const { openSimTarget } = await import('./sim-file/target.js');
      return openSimTarget(rest, options);
    }
    case 'mtd': {
      const { openMtdTarget } = await import('./mtd/target.js');
      return openMtdTarget(rest ?? '', options);
    }
    case 'ubi': {
      const { openUbiTarget } = await import('./ubi/target.js');
      return openUbiTarget(rest ?? '', options);
    }
    case 'block': {
      if (rest === undefined || rest === '') break;
      const { openBlockTarget } = await import('./block/target.js');
      return openBlockTarget(rest, options);
    }
    default:
  }
  throw new SluiceError(
    'ERR_USAGE_FLASH_ADDRESS',
    `${address} is not a flash address; they are ${ADDRESS_FORMS}`,
  );
}
