import { toLatin1 } from '../../bytes.js';
import { SluiceError } from '../../errors.js';
import { quote } from '../../text.js';

/** Set in the first byte of a field that holds a big-endian binary number (GNU, star) and no octal text. */
const BASE_256 = 0x80;
/** Sign bit of such a number, in the same byte. */
const NEGATIVE = 0x40;

/**
 * The number in a header field: octal digits after any spaces, then spaces or NULs to the field's end; or
 * base-256.
 *
 * @param what - the field's name, for the message
 * @throws SluiceError ERR_BUNDLE_TAR_NUMBER when it is malformed, empty, negative or above 2^53 - 1
 */
export function tarNumber(field: Uint8Array, what: string): number {
  return ((field[0] ?? 0) & BASE_256) !== 0 ? binary(field, what) : octal(field, what);
}

function octal(field: Uint8Array, what: string): number {
  const text = toLatin1(field);
  const digits = /^ *([0-7]+)[ \0]*$/.exec(text)?.[1];
  if (digits === undefined) {
    throw new SluiceError('ERR_BUNDLE_TAR_NUMBER', `the ${what} ${quote(text)} is not an octal number`);
  }
  const value = Number.parseInt(digits, 8);
  if (!Number.isSafeInteger(value)) throw tooLarge(what);
  return value;
}

function binary(field: Uint8Array, what: string): number {
  const first = field[0] ?? 0;
  if ((first & NEGATIVE) !== 0) {
    throw new SluiceError('ERR_BUNDLE_TAR_NUMBER', `the ${what} is a negative base-256 number`);
  }
  let value = first & ~BASE_256;
  for (let i = 1; i < field.length; i++) {
    value = value * 256 + (field[i] ?? 0);
    if (!Number.isSafeInteger(value)) throw tooLarge(what);
  }
  return value;
}

function tooLarge(what: string): SluiceError {
  return new SluiceError('ERR_BUNDLE_TAR_NUMBER', `the ${what} is above 2^53 - 1`);
}
