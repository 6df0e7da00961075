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

/** CRC-32 and length, four bytes each. */
const TRAILER_BYTES = 8;

/** Decompresses one gzip member into `sink`. A write resolves when the sink has taken its whole output. */
export class Gunzip implements ByteSink {
  readonly #sink: ByteSink;
  readonly #inflate = zlib.createInflateRaw({ chunkSize: OUTPUT_CHUNK_BYTES });
  readonly #header = new GzipHeader();
  readonly #trailer = new Uint8Array(TRAILER_BYTES);
  #state: 'header' | 'data' | 'trailer' = 'header';
  #trailerLength = 0;
  #crc = 0;
  /** Modulo 2^32, as in the trailer. */
  #outputBytes = 0;
  /** Compressed bytes beyond twice the output. */
  #excess = 0;
  /** The first failure, even one of the sink. */
  readonly #failure = new StickyFailure();
  #wake: () => void = () => {};

  constructor(sink: ByteSink) {
    this.#sink = sink;
    this.#inflate.on('error', (cause) => {
      this.#failure.fail(
        new SluiceError('ERR_SOURCE_GZIP', `gzip stream is damaged: ${cause.message}`, { cause }),
      );
      this.#wake();
    });
    this.#inflate.on('readable', () => this.#wake());
  }

  /** Takes compressed bytes, which must not change until the promise resolves. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#step(() => this.#take(bytes));
  }

  /** Ends the stream and the sink. */
  async end(): Promise<void> {
    await this.#step(async () => {
      if (this.#state !== 'trailer' || this.#trailerLength < TRAILER_BYTES) {
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

  async #take(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    if (this.#state === 'header') {
      const used = this.#header.take(rest);
      if (used === null) return;
      this.#state = 'data';
      rest = rest.subarray(used);
    }
    if (this.#state === 'data' && rest.length > 0) {
      const used = await this.#decompress(rest);
      this.#excess = Math.max(0, this.#excess + used);
      if (this.#excess > MAX_EXCESS_BYTES) {
        throw new SluiceError('ERR_SOURCE_GZIP', 'gzip stream has too many empty blocks');
      }
      // Bytes that inflate does not take are after the end of the deflate data.
      if (used < rest.length) this.#state = 'trailer';
      rest = rest.subarray(used);
    }
    if (this.#state === 'trailer') this.#takeTrailer(rest);
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

  #takeTrailer(bytes: Uint8Array): void {
    const wanted = bytes.subarray(0, TRAILER_BYTES - this.#trailerLength);
    this.#trailer.set(wanted, this.#trailerLength);
    this.#trailerLength += wanted.length;
    if (this.#trailerLength === TRAILER_BYTES && wanted.length > 0) {
      const view = new DataView(this.#trailer.buffer);
      if (view.getUint32(0, true) !== this.#crc || view.getUint32(4, true) !== this.#outputBytes) {
        throw new SluiceError(
          'ERR_SOURCE_GZIP',
          'decompressed data do not match the checksum of the gzip stream',
        );
      }
    }
    if (bytes.length > wanted.length) {
      throw new SluiceError(
        'ERR_SOURCE_TRAILING',
        `gzip stream is followed by ${bytes.length - wanted.length} or more bytes`,
      );
    }
  }
}
