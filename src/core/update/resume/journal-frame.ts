/**
 * How a record of a journal lies in flash, where there is no file system to say where it ends and which one is the
 * last. Numbers are little-endian; what is not named is 0.
 *
 * ```
 *  0  4  "SLJ\n"
 *  4  1  version of this form, 1
 *  5  1  1: the journal was cleared, no record follows
 *  8  8  sequence: of several frames the one with the highest counts
 * 16  4  bytes of the record, which follows the head
 * 20  4  CRC-32 of the record
 * 28  4  CRC-32 of the 28 bytes before
 * ```
 *
 * @packageDocumentation
 */
import { SluiceError } from '../../errors.js';
import { MAX_RECORD } from './journal-store.js';
import { crc32 } from '../../crc32.js';

/** Bytes before the record. */
export const FRAME_HEAD = 32;

/** Bytes of the longest frame. */
export const MAX_FRAME = FRAME_HEAD + MAX_RECORD;

const MAGIC = [0x53, 0x4c, 0x4a, 0x0a];
const VERSION = 1;
const CLEARED = 1;

/** A frame that was found whole. */
export interface Frame {
  readonly sequence: number;
  /** Null when the journal was cleared. A view of the bytes that were parsed. */
  readonly record: Uint8Array | null;
  /** Bytes of the frame. */
  readonly length: number;
}

/** The bytes of a frame, a multiple of `unit` with 0xFF behind it; a null record says that the journal is cleared. */
export function formatFrame(sequence: number, record: Uint8Array | null, unit: number): Uint8Array {
  const length = record?.length ?? 0;
  const bytes = new Uint8Array(Math.ceil((FRAME_HEAD + length) / unit) * unit).fill(0xff);
  bytes.fill(0, 0, FRAME_HEAD);
  const head = new DataView(bytes.buffer, 0, FRAME_HEAD);
  bytes.set(MAGIC);
  head.setUint8(4, VERSION);
  head.setUint8(5, record === null ? CLEARED : 0);
  head.setBigUint64(8, BigInt(sequence), true);
  head.setUint32(16, length, true);
  if (record !== null) {
    head.setUint32(20, crc32(record), true);
    bytes.set(record, FRAME_HEAD);
  }
  head.setUint32(28, crc32(bytes.subarray(0, 28)), true);
  return bytes;
}

/**
 * The frame at the start of `bytes`; null when none is there, or one that is not whole.
 * @param where - for messages
 * @throws SluiceError ERR_SESSION_JOURNAL when it is of a later version: what it says must not be gone over
 */
export function parseFrame(bytes: Uint8Array, where: string): Frame | null {
  if (bytes.length < FRAME_HEAD || !looksLikeFrame(bytes)) return null;
  const head = new DataView(bytes.buffer, bytes.byteOffset, FRAME_HEAD);
  if (head.getUint32(28, true) !== crc32(bytes.subarray(0, 28))) return null;
  const version = head.getUint8(4);
  if (version !== VERSION) {
    throw new SluiceError(
      'ERR_SESSION_JOURNAL',
      `the journal in ${where} is of form ${version}, and this sluice knows form ${VERSION} only`,
    );
  }
  const sequence = Number(head.getBigUint64(8, true));
  const size = head.getUint32(16, true);
  const length = FRAME_HEAD + size;
  if (!Number.isSafeInteger(sequence) || size > MAX_RECORD || length > bytes.length) return null;
  const record = bytes.subarray(FRAME_HEAD, length);
  if (head.getUint8(5) === CLEARED) return { sequence, record: null, length };
  return head.getUint32(20, true) === crc32(record) ? { sequence, record, length } : null;
}

/** Whether a frame may begin there, whole or not. */
export function looksLikeFrame(bytes: Uint8Array, at = 0): boolean {
  return MAGIC.every((byte, index) => bytes[at + index] === byte);
}

/** The length without the 0xFF at the end. */
export function usedLength(bytes: Uint8Array): number {
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0xff) length--;
  return length;
}
