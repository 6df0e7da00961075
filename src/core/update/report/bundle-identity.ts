import { fromLatin1, toHex } from '../../bytes.js';
import type { Platform } from '../../platform.js';

/** One image as the identity sees it. */
export interface ImageFact {
  readonly member: string;
  /** Bytes. */
  readonly size: number;
  /** Of the whole image, 32 bytes. */
  readonly sha256: Uint8Array;
}

/**
 * Identity of a bundle: what it would write, not how it is packed, so that a stock tarball and the proven one
 * made of it are the same update. SHA-256 over lines of text (docs/formats.md), images sorted by name.
 * @returns `sha256:` and 64 hex digits
 */
export function identityOf(
  platform: Platform,
  machine: string | null,
  version: string | null,
  images: Iterable<ImageFact>,
): string {
  const rows = [...images].map(({ member, size, sha256 }) => `${member} ${size} ${toHex(sha256)}\n`);
  rows.sort();
  const hasher = platform.hasher('sha256');
  hasher.update(
    fromLatin1(`sluice-identity 1\nmachine ${machine ?? '-'}\nversion ${version ?? '-'}\n${rows.join('')}`),
  );
  return `sha256:${toHex(hasher.digest())}`;
}
