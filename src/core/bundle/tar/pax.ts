/**
 * Extended headers of the pax format (POSIX.1-2017, pax, "pax Extended Header"): records of
 * `LENGTH KEY=VALUE\n`, where LENGTH counts the whole record.
 *
 * @packageDocumentation
 */
import { toLatin1 } from '../../bytes.js';
import { SluiceError } from '../../errors.js';
import { quote, parseDecimal } from '../../text.js';

/** What a pax header changes about its member; null where it says nothing. */
export interface PaxRecords {
  /** Raw name, characters 0 to 255, not yet to be trusted. */
  readonly path: string | null;
  /** Bytes. */
  readonly size: number | null;
}

/** Whom a header speaks of: the next member (`x`), or all that follow (`g`). */
export type PaxScope = 'member' | 'global';

/** Keys that make the member something other than the plain bytes that follow (GNU, star, Solaris, libarchive). */
const OTHER_TYPE = /^(?:GNU\.sparse\.|SCHILY\.realsize$|SUN\.holesdata$|linkpath$)/;

/** Digits of the largest record length that a body within its limit can need, with room for larger limits. */
const LENGTH_DIGITS = 10;

/**
 * Parses the body of a pax header. Keys that do not change what the member is (times, owners, attributes,
 * comments, vendors' own) are ignored.
 *
 * @throws SluiceError ERR_BUNDLE_TAR_HEADER when a record is malformed, when `path` or `size` come twice (tools
 * differ in which one they take), or when a global header has them; ERR_BUNDLE_TAR_TYPE for sparse files and
 * links; ERR_BUNDLE_TAR_NUMBER for a malformed size
 */
export function parsePax(body: Uint8Array, scope: PaxScope): PaxRecords {
  let path: string | null = null;
  let size: number | null = null;
  let at = 0;
  while (at < body.length) {
    const record = recordAt(body, at);
    at = record.end;
    const { key, value } = record;
    if (OTHER_TYPE.test(key)) {
      throw new SluiceError('ERR_BUNDLE_TAR_TYPE', `the pax key ${quote(key)} makes a sparse file or a link`);
    }
    if (key !== 'path' && key !== 'size') continue;
    if (scope === 'global') throw malformed(`a global header sets ${key}`);
    if ((key === 'path' ? path : size) !== null) throw malformed(`${key} is there twice`);
    if (key === 'path') path = value;
    else size = sizeOf(value);
  }
  return { path, size };
}

function recordAt(body: Uint8Array, at: number): { key: string; value: string; end: number } {
  const digits = toLatin1(body.subarray(at, at + LENGTH_DIGITS)).split(' ', 1)[0] ?? '';
  const length = parseDecimal(digits);
  const from = at + digits.length + 1;
  if (length === null) throw malformed(`a record at byte ${at} has no length`);
  const end = at + length;
  if (end > body.length || end <= from || body[from - 1] !== 0x20 || body[end - 1] !== 0x0a) {
    throw malformed(`a record at byte ${at} says that it has ${length} bytes, and has not`);
  }
  const text = toLatin1(body.subarray(from, end - 1));
  const equals = text.indexOf('=');
  if (equals < 1) throw malformed(`a record at byte ${at} is not KEY=VALUE`);
  const key = text.slice(0, equals);
  // A reader in C would read another key, which ends at the NUL.
  if (key.includes('\0')) throw malformed(`the key ${quote(key)} has a NUL`);
  return { key, value: text.slice(equals + 1), end };
}

function sizeOf(value: string): number {
  const size = parseDecimal(value);
  if (size !== null) return size;
  throw new SluiceError('ERR_BUNDLE_TAR_NUMBER', `the pax size ${quote(value)} is not a decimal below 2^53`);
}

function malformed(what: string): SluiceError {
  return new SluiceError('ERR_BUNDLE_TAR_HEADER', `malformed pax header: ${what}`);
}
