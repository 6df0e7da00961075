import type { Abort } from '../../../core/platform.js';

/** Takes bytes that it must be done with when its promise settles: the source reuses its buffer. */
export type Take = (bytes: Uint8Array) => Promise<void>;

/** Somewhere that a bundle comes from. */
export interface Source {
  /** For messages. */
  readonly name: string;
  /** Bytes, null when not known in advance. */
  readonly size: number | null;
  /** Whether `pump` may be called again and starts from the first byte. */
  readonly rereadable: boolean;
  /**
   * Hands every byte to `take`, one call at a time. Returns early when `until` says so.
   * @throws SluiceError ERR_SOURCE_*, and whatever `take` throws
   */
  pump(take: Take, options?: { signal?: Abort; until?: () => boolean }): Promise<void>;
  close(): void;
}
