import type { Abort } from '../../../core/platform.js';

/** Takes bytes. They are valid until the promise settles: the source reuses its buffer. */
export type Take = (bytes: Uint8Array) => Promise<void>;

/** Where a bundle is read from. */
export interface Source {
  /** For messages. */
  readonly name: string;
  /** Bytes; null if unknown. */
  readonly size: number | null;
  /** Whether `pump` can be called again and then starts from the first byte. */
  readonly rereadable: boolean;
  /**
   * Passes all bytes to `take`, one call at a time. Returns early if `until` returns true.
   * @throws SluiceError ERR_SOURCE_*, and the errors of `take`
   */
  pump(take: Take, options?: { signal?: Abort; until?: () => boolean }): Promise<void>;
  close(): void;
}
