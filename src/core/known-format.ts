/**
 * Formats that are given by mistake, recognised by their first bytes: a message names the format that came instead of a
 * tarball, and a format that no boot loader or kernel reads from a partition is not written to one.
 *
 * @packageDocumentation
 */
import { toLatin1 } from './bytes.js';
import { SluiceError } from './errors.js';

/** How many first bytes are enough to recognise every format. */
export const FORMAT_HEAD_BYTES = 64;

/** A format that no partition has. */
const NOWHERE = 0;
/** A format that only the partition of a kernel can have: boot loaders unpack it. */
const KERNEL = 1;

const compressed = (how: string): string => `compressed with ${how}`;

/** Without a place, a format may be in any partition. */
const FORMATS: readonly (readonly [magic: RegExp, what: string, place?: 0 | 1])[] = [
  // A frame, or a skippable frame ahead of it (RFC 8878, 3.1).
  [/^(?:\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18)/, compressed('zstd'), NOWHERE],
  [/^\xfd7zXZ\0/, compressed('xz'), NOWHERE],
  [/^BZh[1-9](?:1AY&SY|\x17rE8P\x90)/, compressed('bzip2'), NOWHERE],
  [/^LZIP\x01/, compressed('lzip'), NOWHERE],
  [/^7z\xbc\xaf\x27\x1c/, 'a 7z archive', NOWHERE],
  [/^PK(?:\x03\x04|\x05\x06)/, 'a zip archive', NOWHERE],
  [/^(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body)[\s>]/i, 'HTML', NOWHERE],
  [/^\x1f\x8b\x08/, compressed('gzip'), KERNEL],
  [/^\x04\x22\x4d\x18/, compressed('lz4'), KERNEL],
  [/^\x5d\0\0.{2}(?:\xff{8}|.{4}\0{4})/s, compressed('lzma'), KERNEL],
  [/^0707[01]/, 'a cpio archive'],
  [/^\s*<[?!]/, 'XML'],
  [/^\s*[{[]\s*["{}\]]/, 'JSON'],
  [/^-----BEGIN /, 'a PEM file'],
  [/^hsqs/, 'a squashfs image'],
  [/^\xd0\x0d\xfe\xed/, 'a FIT image or device tree'],
  [/^UBI#/, 'a UBI image'],
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
  if (what === undefined || place === undefined) return;
  if (place === KERNEL && member.includes('kernel')) return;
  const message = `${member} is ${what}, not the bytes of a partition`;
  throw new SluiceError('ERR_SOURCE_FORMAT', message, { member });
}

function find(head: Uint8Array): (typeof FORMATS)[number] | undefined {
  const text = toLatin1(head.subarray(0, FORMAT_HEAD_BYTES));
  return FORMATS.find(([magic]) => magic.test(text));
}
