import { NodeMtdError } from './errors.js';

/**
 * Checks that `length` bytes from `offset` are inside a device of `size` bytes.
 * @throws NodeMtdError ERR_RANGE
 */
export function checkRange(path: string, size: number, offset: number, length: number): void {
  if (
    !Number.isSafeInteger(offset) ||
    !Number.isSafeInteger(length) ||
    offset < 0 ||
    length < 0 ||
    offset > size - length
  ) {
    throw new NodeMtdError(
      'ERR_RANGE',
      `${path}: ${length} bytes at offset ${offset} are outside the device of ${size} bytes`,
    );
  }
}

/**
 * Checks that `number` is from 0 to `count` - 1.
 * @throws NodeMtdError ERR_RANGE
 */
export function checkIndex(path: string, what: string, count: number, number: number): void {
  if (!Number.isSafeInteger(number) || number < 0 || number >= count) {
    throw new NodeMtdError('ERR_RANGE', `${path}: ${what} ${number} does not exist: there are ${count}`);
  }
}
