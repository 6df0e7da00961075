/**
 * The header of a gzip member (RFC 1952, 2.3), in whatever pieces it comes.
 *
 * @packageDocumentation
 */
import { SluiceError } from '../../../core/errors.js';

const FIXED = 10;
const DEFLATE = 8;
const FHCRC = 0x02;
const FEXTRA = 0x04;
const FNAME = 0x08;
const FCOMMENT = 0x10;
const RESERVED = 0xe0;

/** A file name and a comment; the RFC sets no limit, and an endless name must not be kept. */
const LARGEST_HEADER = 4096;

/** Collects the header and tells where it ends. */
export class GzipHeader {
  readonly #bytes = new Uint8Array(LARGEST_HEADER);
  #length = 0;

  /**
   * Takes bytes of the stream.
   * @returns how many of `bytes` belonged to the header when it is complete, null while it is not
   * @throws SluiceError ERR_SOURCE_GZIP
   */
  take(bytes: Uint8Array): number | null {
    const before = this.#length;
    const part = bytes.subarray(0, LARGEST_HEADER - before);
    this.#bytes.set(part, before);
    this.#length += part.length;
    const end = this.#end();
    if (end !== null) return end - before;
    if (part.length < bytes.length || this.#length === LARGEST_HEADER) {
      throw new SluiceError('ERR_SOURCE_GZIP', `The gzip header is longer than ${LARGEST_HEADER} bytes.`);
    }
    return null;
  }

  /** Length of the header, or null while more of it is to come. */
  #end(): number | null {
    const header = this.#bytes.subarray(0, this.#length);
    if ((header[0] ?? 0x1f) !== 0x1f || (header[1] ?? 0x8b) !== 0x8b) {
      throw new SluiceError('ERR_SOURCE_GZIP', 'The stream does not begin as gzip does.');
    }
    if (header.length < FIXED) return null;
    const flags = header[3] as number;
    if (header[2] !== DEFLATE || (flags & RESERVED) !== 0) {
      throw new SluiceError(
        'ERR_SOURCE_GZIP',
        'The gzip header names a method or flags that RFC 1952 does not know.',
      );
    }
    let at: number = FIXED;
    if ((flags & FEXTRA) !== 0) {
      if (header.length < at + 2) return null;
      at += 2 + (header[at] as number) + 256 * (header[at + 1] as number);
    }
    for (const field of [FNAME, FCOMMENT]) {
      if ((flags & field) === 0) continue;
      const zero = header.indexOf(0, at);
      if (zero < 0 || at > header.length) return null;
      at = zero + 1;
    }
    // The sum over the header is passed over: the header decides nothing.
    if ((flags & FHCRC) !== 0) at += 2;
    return at <= header.length ? at : null;
  }
}
