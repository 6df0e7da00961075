import type { Match } from '../device.js';

/**
 * The bytes under a `block:` address. Callers have checked the ranges. Errors are system errors, or SluiceErrors if
 * more is known.
 *
 * An implementation must keep less than `MAX_DIRTY_BYTES` in the page cache, because memory of a board is scarce, and
 * should read back from the device and not from the page cache.
 */
export interface Medium {
  /** Bytes. */
  readonly size: number;
  readonly logicalBlock: number;
  read(offset: number, into: Uint8Array): Promise<void>;
  compare?(offset: number, bytes: Uint8Array): Promise<Match>;
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** Makes a range read as zeros without sending zeros; false if the device cannot. */
  zero?(offset: number, length: number): Promise<boolean>;
  /** Resolves when everything written would survive a power cut. Later reads come from the device. */
  sync(): Promise<void>;
  /**
   * Checks that the path still leads to the device that was opened, and that its size is unchanged.
   * @throws SluiceError ERR_FLASH_REPLACED
   */
  confirm(): void;
  /** What else uses the device, for a message; null if nothing does. */
  users(): string | null;
  close(): Promise<void>;
}

/** Enough for a device to write in one request. */
export const MAX_DIRTY_BYTES = 1024 * 1024;
