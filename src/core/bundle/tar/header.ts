/**
 * One tar header block, decoded. POSIX ustar and the old GNU format are known, which cover what GNU tar,
 * bsdtar and busybox tar write today; V7 headers, which have no magic to know them by, are refused.
 *
 * @packageDocumentation
 */
import { toLatin1 } from '../../bytes.js';
import { SluiceError } from '../../errors.js';
import { tarNumber } from './number.js';
import { quote } from '../../text.js';

/** Everything in a tarball comes in blocks of this many bytes. */
export const TAR_BLOCK = 512;

/** Where the fields are that matter here: first byte and the one after the last (POSIX.1-2017, pax, ustar). */
export const TAR_FIELDS = {
  name: [0, 100],
  mode: [100, 108],
  uid: [108, 116],
  gid: [116, 124],
  size: [124, 136],
  mtime: [136, 148],
  checksum: [148, 156],
  type: [156, 157],
  magic: [257, 265],
  deviceMajor: [329, 337],
  deviceMinor: [337, 345],
  prefix: [345, 500],
} as const satisfies Record<string, readonly [number, number]>;

/** Magic and version of POSIX ustar. */
export const USTAR_MAGIC = 'ustar\x0000';
/** Magic of the old GNU format, which has no prefix: other things are kept at that place. */
const GNU_MAGIC = 'ustar  \0';

/** What the header says; the name is raw (characters 0 to 255) and not yet to be trusted. */
export interface TarHeader {
  /** The type flag, one character. */
  readonly type: string;
  readonly name: string;
  /** Bytes that follow. */
  readonly size: number;
}

/** Whether all bytes of `bytes` from `from` to `to` are zero. */
export function allZero(bytes: Uint8Array, from = 0, to = bytes.length): boolean {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false;
  return true;
}

/**
 * Decodes one block of TAR_BLOCK bytes. Fields that do not matter to a bundle (mode, owner, times) are
 * covered by the checksum, but not looked at.
 *
 * @throws SluiceError ERR_BUNDLE_TAR_HEADER for a wrong magic or checksum, ERR_BUNDLE_TAR_NUMBER for the size
 */
export function readTarHeader(block: Uint8Array): TarHeader {
  const magic = text(block, 'magic');
  if (magic !== USTAR_MAGIC && magic !== GNU_MAGIC) {
    throw new SluiceError(
      'ERR_BUNDLE_TAR_HEADER',
      `no ustar or GNU tar header where one should be: its magic is ${quote(magic)}`,
    );
  }
  const said = saidChecksum(text(block, 'checksum'), text(block, 'size'));
  const sum = tarChecksum(block);
  if (said !== sum) {
    throw new SluiceError(
      'ERR_BUNDLE_TAR_HEADER',
      `a tar header has the checksum ${said.toString(8)}, but its bytes add up to ${sum.toString(8)} (octal)`,
    );
  }
  const name = upToNul(text(block, 'name'));
  const prefix = magic === USTAR_MAGIC ? upToNul(text(block, 'prefix')) : '';
  return {
    type: text(block, 'type'),
    name: prefix === '' ? name : `${prefix}/${name}`,
    size: tarNumber(block.subarray(...TAR_FIELDS.size), 'size in a tar header'),
  };
}

/**
 * The sum of a header's bytes, those of the checksum field counted as spaces. The bytes are unsigned; the
 * signed sums of some tars before 1988 differ only for names that are refused anyhow.
 */
export function tarChecksum(block: Uint8Array): number {
  const [from, to] = TAR_FIELDS.checksum;
  let sum = (to - from) * 0x20;
  for (let i = 0; i < from; i++) sum += block[i] ?? 0;
  for (let i = to; i < TAR_BLOCK; i++) sum += block[i] ?? 0;
  return sum;
}

// The three spellings in use and no others, each more than one bit from the next: together with the sum, no single
// flipped bit of a header goes unseen. A space for a leading zero (Perl's Archive::Tar, tars before POSIX) is one bit
// from it, so it counts only if the size is written that way too.
function saidChecksum(field: string, size: string): number {
  const padded = size.startsWith(' ') ? field.replace(/^ +/, (blanks) => '0'.repeat(blanks.length)) : field;
  const digits = /^(?:([0-7]{6})(?:\0 | \0)|([0-7]{7})\0)$/.exec(padded);
  if (digits === null) {
    throw new SluiceError(
      'ERR_BUNDLE_TAR_HEADER',
      `the checksum field of a tar header is malformed: ${quote(field)}`,
    );
  }
  return Number.parseInt(digits[1] ?? digits[2] ?? '', 8);
}

function text(block: Uint8Array, field: keyof typeof TAR_FIELDS): string {
  return toLatin1(block.subarray(...TAR_FIELDS[field]));
}

function upToNul(field: string): string {
  const end = field.indexOf('\0');
  return end === -1 ? field : field.slice(0, end);
}
