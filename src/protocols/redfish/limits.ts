import type { UpdateService } from '../../service/update-service.js';

/** Bytes of a bundle besides its images and their index: headers, manifest, keys, signatures, padding of tar. */
const ENVELOPE_BYTES = 256 * 1024;

/** Bytes of the index for an erase block: a hex digest, a line break, and a share of the rest. */
const INDEX_BYTES_PER_BLOCK = 80;

/** Gzip adds at most 5 bytes to 16 KiB of data that it cannot compress; this allows 8. */
const BYTES_PER_GZIP_BYTE = 2048;

/** Size of the largest possible bundle for this flash, in bytes: images for all of it, and the envelope. */
export function bundleLimit({ flashSize }: UpdateService): number {
  const { bytes, blocks } = flashSize;
  const plain = bytes + blocks * INDEX_BYTES_PER_BLOCK + ENVELOPE_BYTES;
  return plain + Math.ceil(plain / BYTES_PER_GZIP_BYTE);
}
