import type { UpdateService } from '../../service/update-service.js';

/** Bytes of a bundle besides its images and their index: headers, manifest, keys, signatures, filler of tar. */
const ENVELOPE_BYTES = 256 * 1024;

/** Bytes of the index for one erase block: a digest in hex and its line break, and what stands around them. */
const INDEX_BYTES_PER_BLOCK = 80;

/** What gzip may add to a bundle that it cannot make smaller: 5 bytes in 16 KiB, taken large. */
const BYTES_PER_GZIP_BYTE = 2048;

/** The largest bundle that can be meant for this flash, in bytes: an image for all of it, and what is around. */
export function bundleLimit({ flashSize }: UpdateService): number {
  const { bytes, blocks } = flashSize;
  const plain = bytes + blocks * INDEX_BYTES_PER_BLOCK + ENVELOPE_BYTES;
  return plain + Math.ceil(plain / BYTES_PER_GZIP_BYTE);
}
