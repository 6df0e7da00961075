/**
 * A gzip decompressor with back-pressure. It parses the framing (RFC 1952) and passes only the deflate data to zlib:
 * Gunzip of Node accepts some bytes after the end.
 *
 * @packageDocumentation
 */
import zlib from 'node:zlib';
import { SluiceError } from '../../../core/errors.js';
import type { ByteSink } from '../../../core/platform.js';
import { StickyFailure } from '../../../core/sticky-failure.js';
import { crc32 } from '../crypto/crc32.js';
import { GzipHeader } from './gzip-header.js';

/** Size of output pieces. Limits the memory that a decompression bomb can take. */
const OUTPUT_CHUNK_BYTES = 64 * 1024;

/**
 * Compressed bytes allowed beyond twice the output. Deflate grows data by at most 5 bytes in 16 KiB, but a stream can
 * repeat empty blocks without end.
 */
const MAX_EXCESS_BYTES = 64 * 1024;

/** Of each gzip member (RFC 1952, 2.3.1). */
const GZIP_FIRST_BYTE = 0x1f;

/** Zeros behind the last member: as many as behind a tarball. */
const MAX_FILLER_BYTES = 1024 * 1024;

/** CRC-32 and length, four bytes each. */
const TRAILER_BYTES = 8;

/**
 * Decompresses a gzip file into `sink`: members one after the other (RFC 1952, 2.2), and zeros behind the last one. A
 * write resolves when the sink has taken its whole output.
 */
export class Gunzip implements ByteSink {
  readonly #sink: ByteSink;
  #inflate: zlib.InflateRaw;
  #header = new GzipHeader();
  readonly #trailer = new Uint8Array(TRAILER_BYTES);
  /** What comes next; `between` is behind a member. */
  #state: 'header' | 'data' | 'trailer' | 'between' | 'filler' = 'header';
  #trailerLength = 0;
  #crc = 0;
  /** Of the member, modulo 2^32, as in the trailer. */
  #outputBytes = 0;
  /** Compressed bytes beyond twice the output, of all members. */
  #excess = 0;
  #fillerBytes = 0;
  /** The first failure, even one of the sink. */
  readonly #failure = new StickyFailure();
  #wake: () => void = () => {};

  constructor(sink: ByteSink) {
    this.#sink = sink;
    this.#inflate = this.#newInflate();
  }

  /** Takes compressed bytes, which must not change until the promise resolves. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#step(() => this.#take(bytes));
  }

  /** Ends the stream and the sink. */
  async end(): Promise<void> {
    await this.#step(async () => {
      if (this.#state !== 'between' && this.#state !== 'filler') {
        throw new SluiceError('ERR_SOURCE_TRUNCATED', 'gzip stream ends before its trailer');
      }
      this.#inflate.destroy();
      await this.#sink.end();
    }, true);
  }

  async #step(work: () => Promise<void>, last = false): Promise<void> {
    try {
      await this.#failure.run(work, last);
    } catch (thrown) {
      this.#inflate.destroy();
      throw thrown;
    }
  }

  #newInflate(): zlib.InflateRaw {
    const inflate = zlib.createInflateRaw({ chunkSize: OUTPUT_CHUNK_BYTES });
    inflate.on('error', (cause) => {
      this.#failure.fail(
        new SluiceError('ERR_SOURCE_GZIP', `gzip stream is damaged: ${cause.message}`, { cause }),
      );
      this.#wake();
    });
    inflate.on('readable', () => this.#wake());
    return inflate;
  }

  async #take(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#takePart(bytes.subarray(at));
  }

  /** Takes bytes up to the next change of state; returns how many. */
  async #takePart(bytes: Uint8Array): Promise<number> {
    switch (this.#state) {
      case 'header': {
        const used = this.#header.take(bytes);
        if (used !== null) this.#state = 'data';
        return this.#count(used ?? bytes.length);
      }
      case 'data': {
        const used = await this.#decompress(bytes);
        // Bytes that inflate does not take are after the end of the deflate data.
        if (used < bytes.length) this.#state = 'trailer';
        return this.#count(used);
      }
      case 'trailer':
        return this.#count(this.#takeTrailer(bytes));
      case 'between':
        this.#takeNext(bytes[0] as number);
        return 0;
      case 'filler':
        return this.#takeFiller(bytes);
    }
  }

  /** Counts compressed bytes: a stream may repeat empty blocks or empty members without end. */
  #count(used: number): number {
    this.#excess = Math.max(0, this.#excess + used);
    if (this.#excess <= MAX_EXCESS_BYTES) return used;
    throw new SluiceError('ERR_SOURCE_GZIP', 'gzip stream has too many empty blocks or members');
  }

  /** Passes on the output of `bytes`; returns how many of them belong to the deflate data. */
  async #decompress(bytes: Uint8Array): Promise<number> {
    const before = this.#inflate.bytesWritten;
    let taken = false;
    this.#inflate.write(bytes, () => {
      taken = true;
      this.#wake();
    });
    for (;;) {
      this.#failure.check();
      const piece = this.#inflate.read() as Buffer | null;
      if (piece !== null) {
        this.#crc = crc32(piece, this.#crc);
        this.#outputBytes = (this.#outputBytes + piece.length) >>> 0;
        this.#excess -= 2 * piece.length;
        await this.#sink.write(piece);
      } else if (taken) {
        return this.#inflate.bytesWritten - before;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  #takeTrailer(bytes: Uint8Array): number {
    const wanted = bytes.subarray(0, TRAILER_BYTES - this.#trailerLength);
    this.#trailer.set(wanted, this.#trailerLength);
    this.#trailerLength += wanted.length;
    if (this.#trailerLength < TRAILER_BYTES) return wanted.length;
    const view = new DataView(this.#trailer.buffer);
    if (view.getUint32(0, true) !== this.#crc || view.getUint32(4, true) !== this.#outputBytes) {
      throw new SluiceError(
        'ERR_SOURCE_GZIP',
        'decompressed data do not match the checksum of the gzip stream',
      );
    }
    this.#state = 'between';
    return wanted.length;
  }

  /** Begins what follows a member by its first byte: another member, or zeros as tapes and block devices add them. */
  #takeNext(first: number): void {
    if (first === 0) {
      this.#state = 'filler';
      return;
    }
    if (first !== GZIP_FIRST_BYTE) {
      throw new SluiceError('ERR_SOURCE_TRAILING', 'gzip stream is followed by bytes that are no gzip');
    }
    this.#inflate.destroy();
    this.#inflate = this.#newInflate();
    this.#header = new GzipHeader();
    this.#trailerLength = 0;
    this.#crc = 0;
    this.#outputBytes = 0;
    this.#state = 'header';
  }

  #takeFiller(bytes: Uint8Array): number {
    this.#fillerBytes += bytes.length;
    if (bytes.every((byte) => byte === 0) && this.#fillerBytes <= MAX_FILLER_BYTES) return bytes.length;
    throw new SluiceError(
      'ERR_SOURCE_TRAILING',
      `gzip stream is followed by more than ${MAX_FILLER_BYTES} zeros, or by zeros and other bytes`,
    );
  }
}
