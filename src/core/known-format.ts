/**
 * Formats that are given by mistake, known by their first bytes: a message names what came in place of a tarball, and
 * what no partition is read from is not written to one.
 *
 * @packageDocumentation
 */
import { toLatin1 } from './bytes.js';
import { SluiceError } from './errors.js';

/** How many first bytes are enough to recognise every format. */
export const FORMAT_HEAD_BYTES = 64;

/** Where a format may be found: in no partition; in that of a kernel, which boot loaders unpack; in any. */
type Place = 'nowhere' | 'kernel' | 'any';

const FORMATS: readonly (readonly [magic: RegExp, what: string, place: Place])[] = [
  // A frame, or a skippable frame ahead of it (RFC 8878, 3.1).
  [/^(?:\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18)/, 'compressed with zstd', 'nowhere'],
  [/^\xfd7zXZ\0/, 'compressed with xz', 'nowhere'],
  [/^BZh[1-9](?:1AY&SY|\x17rE8P\x90)/, 'compressed with bzip2', 'nowhere'],
  [/^LZIP\x01/, 'compressed with lzip', 'nowhere'],
  [/^7z\xbc\xaf\x27\x1c/, 'a 7z archive', 'nowhere'],
  [/^PK(?:\x03\x04|\x05\x06)/, 'a zip archive', 'nowhere'],
  [/^(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body)[\s>]/i, 'HTML', 'nowhere'],
  [/^\x1f\x8b\x08/, 'compressed with gzip', 'kernel'],
  [/^\x04\x22\x4d\x18/, 'compressed with lz4', 'kernel'],
  [/^\x5d\0\0.{2}(?:\xff{8}|.{4}\0{4})/s, 'compressed with lzma', 'kernel'],
  [/^0707[01]/, 'a cpio archive', 'any'],
  [/^(?:\xef\xbb\xbf)?\s*<[?!]/, 'XML', 'any'],
  [/^(?:\xef\xbb\xbf)?\s*[{[]\s*["{}\]]/, 'JSON', 'any'],
  [/^-----BEGIN /, 'a PEM file', 'any'],
  [/^hsqs/, 'a squashfs image', 'any'],
  [/^\xd0\x0d\xfe\xed/, 'a FIT image or device tree', 'any'],
  [/^UBI#/, 'a UBI image', 'any'],
];

/**
 * Names what a source is that does not begin with a tar header; null if it is no format of the table.
 * @param head - its first bytes: FORMAT_HEAD_BYTES or more, or all of them
 */
export function notATarball(head: Uint8Array): SluiceError | null {
  const [, what] = find(head) ?? [];
  return what === undefined ? null : new SluiceError('ERR_SOURCE_FORMAT', `this is ${what}, not a tarball`);
}

/**
 * Refuses an image that is compressed as a whole, or a page of a web server in its place.
 *
 * @param member - such as `image-rofs`
 * @param head - as above
 * @throws SluiceError ERR_SOURCE_FORMAT
 */
export function requireRawImage(member: string, head: Uint8Array): void {
  const [, what, place] = find(head) ?? [];
  if (what === undefined || place === 'any') return;
  if (place === 'kernel' && member.includes('kernel')) return;
  const message = `${member} is ${what}, not the bytes of a partition`;
  throw new SluiceError('ERR_SOURCE_FORMAT', message, { member });
}

function find(head: Uint8Array): (typeof FORMATS)[number] | undefined {
  const text = toLatin1(head.subarray(0, FORMAT_HEAD_BYTES));
  return FORMATS.find(([magic]) => magic.test(text));
}
