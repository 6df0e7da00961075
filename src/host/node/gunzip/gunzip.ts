/**
 * A gzip decompressor that holds its producer back. The framing (RFC 1952) is read here and only the deflate
 * data goes to zlib: node's own Gunzip ignores some bytes behind the end and reads on in others.
 *
 * @packageDocumentation
 */
import zlib from 'node:zlib';
import { SluiceError } from '../../../core/errors.js';
import type { ByteSink } from '../../../core/platform.js';
import { crc32 } from '../crypto/crc32.js';
import { GzipHeader } from './gzip-header.js';

/** Output is handed on in pieces of this size; it bounds what a decompression bomb can make us hold. */
const CHUNK = 64 * 1024;

/**
 * Compressed bytes that may come beyond twice those that come of them. Honest deflate grows by 5 bytes in 16 KiB at
 * most, but blocks of nothing can be repeated without end.
 */
const SLACK = 64 * 1024;

/** CRC-32 and length, four bytes each. */
const TRAILER = 8;

/** Decompresses one gzip member into `sink`. A write resolves when the sink has taken all that came of it. */
export class Gunzip implements ByteSink {
  readonly #sink: ByteSink;
  readonly #inflate = zlib.createInflateRaw({ chunkSize: CHUNK });
  readonly #header = new GzipHeader();
  readonly #trailer = new Uint8Array(TRAILER);
  #state: 'header' | 'data' | 'trailer' | 'ended' = 'header';
  #trailerLength = 0;
  #crc = 0;
  /** Bytes made so far, modulo 2^32 as the trailer has it. */
  #made = 0;
  /** Compressed bytes taken beyond twice what was made of them. */
  #excess = 0;
  #failure: Error | null = null;
  #wake: () => void = () => {};

  constructor(sink: ByteSink) {
    this.#sink = sink;
    this.#inflate.on('error', (cause) => {
      this.#failure ??= new SluiceError('ERR_SOURCE_GZIP', `The gzip stream is damaged: ${cause.message}.`, {
        cause,
      });
      this.#wake();
    });
    this.#inflate.on('readable', () => this.#wake());
  }

  /** Takes compressed bytes; they must stay as they are until it resolves. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#latched(() => this.#take(bytes));
  }

  /** Ends the stream and the sink. */
  async end(): Promise<void> {
    await this.#latched(async () => {
      if (this.#state !== 'trailer' || this.#trailerLength < TRAILER) {
        throw new SluiceError('ERR_SOURCE_TRUNCATED', 'The gzip stream ends before its end mark.');
      }
      this.#state = 'ended';
      this.#inflate.destroy();
      await this.#sink.end();
    });
  }

  /** After a failure, the sink's included, the stream is in no state to go on. */
  async #latched(work: () => Promise<void>): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    if (this.#state === 'ended') {
      throw new SluiceError('ERR_SESSION_STATE', 'A gzip stream was used after its end.');
    }
    try {
      await work();
    } catch (thrown) {
      this.#failure ??= thrown as Error;
      this.#inflate.destroy();
      throw this.#failure;
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
      if (this.#excess > SLACK) {
        throw new SluiceError('ERR_SOURCE_GZIP', 'The gzip stream goes on and packs nothing.');
      }
      // What inflate leaves is behind the end of the deflate data, by its own end mark.
      if (used < rest.length) this.#state = 'trailer';
      rest = rest.subarray(used);
    }
    if (this.#state === 'trailer') this.#takeTrailer(rest);
  }

  /** Passes on all that comes of `bytes`; returns how many of them belonged to the deflate data. */
  async #decompress(bytes: Uint8Array): Promise<number> {
    const before = this.#inflate.bytesWritten;
    let taken = false;
    this.#inflate.write(bytes, () => {
      taken = true;
      this.#wake();
    });
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      const piece = this.#inflate.read() as Buffer | null;
      if (piece !== null) {
        this.#crc = crc32(piece, this.#crc);
        this.#made = (this.#made + piece.length) >>> 0;
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
    const wanted = bytes.subarray(0, TRAILER - this.#trailerLength);
    this.#trailer.set(wanted, this.#trailerLength);
    this.#trailerLength += wanted.length;
    if (this.#trailerLength === TRAILER && wanted.length > 0) {
      const view = new DataView(this.#trailer.buffer);
      if (view.getUint32(0, true) !== this.#crc || view.getUint32(4, true) !== this.#made) {
        throw new SluiceError(
          'ERR_SOURCE_GZIP',
          'What was decompressed does not have the checksum that the gzip stream names.',
        );
      }
    }
    if (bytes.length > wanted.length) {
      throw new SluiceError(
        'ERR_SOURCE_TRAILING',
        `There are ${bytes.length - wanted.length} or more bytes after the end of the gzip stream.`,
      );
    }
  }
}
