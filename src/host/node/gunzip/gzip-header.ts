/**
 * The header of a gzip member (RFC 1952, 2.3), parsed in pieces of any size.
 *
 * @packageDocumentation
 */
import { SluiceError } from '../../../core/errors.js';

const FIXED_BYTES = 10;
const DEFLATE = 8;
const FHCRC = 0x02;
const FEXTRA = 0x04;
const FNAME = 0x08;
const FCOMMENT = 0x10;
const RESERVED = 0xe0;

/** The RFC sets no limit for file name and comment. */
const MAX_HEADER_BYTES = 4096;

/** Collects the header and finds its end. */
export class GzipHeader {
  readonly #bytes = new Uint8Array(MAX_HEADER_BYTES);
  #length = 0;

  /**
   * Takes bytes of the stream.
   * @returns how many of `bytes` belong to the header if it is complete, else null
   * @throws SluiceError ERR_SOURCE_GZIP
   */
  take(bytes: Uint8Array): number | null {
    const before = this.#length;
    const part = bytes.subarray(0, MAX_HEADER_BYTES - before);
    this.#bytes.set(part, before);
    this.#length += part.length;
    const end = this.#end();
    if (end !== null) return end - before;
    if (part.length < bytes.length || this.#length === MAX_HEADER_BYTES) {
      throw new SluiceError('ERR_SOURCE_GZIP', `gzip header is longer than ${MAX_HEADER_BYTES} bytes`);
    }
    return null;
  }

  /** Length of the header; null if it is incomplete. */
  #end(): number | null {
    const header = this.#bytes.subarray(0, this.#length);
    if ((header[0] ?? 0x1f) !== 0x1f || (header[1] ?? 0x8b) !== 0x8b) {
      throw new SluiceError('ERR_SOURCE_GZIP', 'stream does not begin with the magic number of gzip');
    }
    if (header.length < FIXED_BYTES) return null;
    const flags = header[3] as number;
    if (header[2] !== DEFLATE || (flags & RESERVED) !== 0) {
      throw new SluiceError('ERR_SOURCE_GZIP', 'gzip header has an unknown method or flag');
    }
    let at: number = FIXED_BYTES;
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
    // The CRC of the header is not checked: nothing in the header is used.
    if ((flags & FHCRC) !== 0) at += 2;
    return at <= header.length ? at : null;
  }
}
