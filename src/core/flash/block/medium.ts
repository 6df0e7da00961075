import type { Match } from '../device.js';

/**
 * The bytes under a `block:` address. Ranges are checked before; errors are those of the system, or SluiceErrors
 * where more is known.
 *
 * What a medium must see to: that what was written and not yet brought to the device stays below
 * `WRITE_BACK`, as the page cache of a board is memory that others need; and, as far as it can, that what was
 * written is read back from the device and not from that cache.
 */
export interface Medium {
  /** Bytes. */
  readonly size: number;
  readonly logicalBlock: number;
  read(offset: number, into: Uint8Array): Promise<void>;
  compare?(offset: number, bytes: Uint8Array): Promise<Match>;
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** Makes a range read as zeros without sending them; false where the device cannot. */
  zero?(offset: number, length: number): Promise<boolean>;
  /** Everything written survives a power cut; what is read next comes from the device. */
  sync(): Promise<void>;
  /**
   * Looks whether the path still leads to what was opened, and its size is the same.
   * @throws SluiceError ERR_FLASH_REPLACED
   */
  confirm(): void;
  /** What else uses it, for a message. */
  users(): string | null;
  close(): Promise<void>;
}

/** Bytes that may be written and not yet on the device: enough for it to work in one go. */
export const WRITE_BACK = 1024 * 1024;
