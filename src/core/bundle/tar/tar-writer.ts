/**
 * Tar, encoded: plain ustar without owners and times, so that packing the same files twice gives the same
 * bytes.
 *
 * @packageDocumentation
 */
import { fromLatin1 } from '../../bytes.js';
import { SluiceError } from '../../errors.js';
import { TAR_BLOCK, TAR_FIELDS, tarChecksum, USTAR_MAGIC } from './header.js';
import { TAR_LIMITS } from './limits.js';
import { memberName } from './name.js';

/** GNU tar writes records of 20 blocks and pads the last one; tape-minded readers expect whole records. */
const TAR_RECORD = 20 * TAR_BLOCK;

/** Eleven octal digits, what the size field holds besides its NUL. */
const MAX_OCTAL_SIZE = 2 ** 33 - 1;

/** Read and write for the owner, read for the others: what matters when someone unpacks it as root. */
const MODE = 0o644;

/**
 * The header of a plain file.
 * @throws SluiceError ERR_BUNDLE_TAR_NAME, ERR_BUNDLE_TAR_NUMBER for a size that is not from 0 to 2^33 - 1
 */
export function tarHeader(name: string, size: number): Uint8Array {
  if (!Number.isSafeInteger(size) || size < 0 || size > MAX_OCTAL_SIZE) {
    throw new SluiceError('ERR_BUNDLE_TAR_NUMBER', `a tar header cannot say that ${name} has ${size} bytes`);
  }
  const block = new Uint8Array(TAR_BLOCK);
  put(block, 'name', memberName(name, TAR_LIMITS.name));
  putOctal(block, 'mode', MODE);
  putOctal(block, 'uid', 0);
  putOctal(block, 'gid', 0);
  putOctal(block, 'size', size);
  putOctal(block, 'mtime', 0);
  put(block, 'type', '0');
  put(block, 'magic', USTAR_MAGIC);
  putOctal(block, 'deviceMajor', 0);
  putOctal(block, 'deviceMinor', 0);
  put(block, 'checksum', `${tarChecksum(block).toString(8).padStart(6, '0')}\0 `);
  return block;
}

/** The zeros that fill up the last block of a member of `size` bytes. */
export function tarPadding(size: number): Uint8Array {
  return new Uint8Array(-size & (TAR_BLOCK - 1));
}

/** What ends an archive of which `totalBytes` are written: two zero blocks and zeros up to a whole record. */
export function tarEnd(totalBytes: number): Uint8Array {
  const end = Math.ceil((totalBytes + 2 * TAR_BLOCK) / TAR_RECORD) * TAR_RECORD;
  return new Uint8Array(end - totalBytes);
}

function put(block: Uint8Array, field: keyof typeof TAR_FIELDS, text: string): void {
  block.set(fromLatin1(text), TAR_FIELDS[field][0]);
}

function putOctal(block: Uint8Array, field: keyof typeof TAR_FIELDS, value: number): void {
  const [from, to] = TAR_FIELDS[field];
  put(block, field, value.toString(8).padStart(to - from - 1, '0'));
}
