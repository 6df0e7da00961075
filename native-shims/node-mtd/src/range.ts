import { NodeMtdError } from './errors.js';

/**
 * Sees to it that `length` bytes from `offset` on lie in a device of `size` bytes.
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
    throw new NodeMtdError('ERR_RANGE', `${path}: ${length} bytes at ${offset}: it has ${size}`);
  }
}

/**
 * Sees to it that `number` is one of `count`, from 0 on.
 * @throws NodeMtdError ERR_RANGE
 */
export function checkIndex(path: string, what: string, count: number, number: number): void {
  if (!Number.isSafeInteger(number) || number < 0 || number >= count) {
    throw new NodeMtdError('ERR_RANGE', `${path}: ${what} ${number}: it has ${count}`);
  }
}
