import { SluiceError } from '../../errors.js';
import type { ByteSink, Platform } from '../../platform.js';

/** First two bytes of a gzip stream (RFC 1952, 2.3.1). A tar header cannot begin so: names are ASCII. */
const GZIP_MAGIC = [0x1f, 0x8b] as const;

/** Stands in front of a tar reader and decompresses when the first two bytes say gzip. */
export class GzipFront implements ByteSink {
  readonly #platform: Platform;
  readonly #sink: ByteSink;
  #way: ByteSink | null = null;
  #first: Uint8Array | null = null;

  constructor(platform: Platform, sink: ByteSink) {
    this.#platform = platform;
    this.#sink = sink;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#way !== null) return this.#way.write(bytes);
    if (bytes.length === 0) return undefined;
    if (this.#first === null && bytes.length === 1) {
      this.#first = bytes.slice();
      return undefined;
    }
    const head = this.#first === null ? bytes : Uint8Array.of(this.#first[0] as number, bytes[0] as number);
    this.#way = await this.#choose(head);
    if (this.#first !== null) await this.#way.write(this.#first);
    return this.#way.write(bytes);
  }

  async end(): Promise<void> {
    if (this.#way === null) {
      const length = this.#first?.length ?? 0;
      throw new SluiceError(
        'ERR_SOURCE_TRUNCATED',
        length === 0 ? 'the source is empty' : 'the source has one byte only',
      );
    }
    await this.#way.end();
  }

  async #choose(head: Uint8Array): Promise<ByteSink> {
    if (head[0] !== GZIP_MAGIC[0] || head[1] !== GZIP_MAGIC[1]) return this.#sink;
    if (this.#platform.gunzip === undefined) {
      throw new SluiceError('ERR_SOURCE_GZIP', 'the source is compressed, which this build cannot read');
    }
    return this.#platform.gunzip(this.#sink);
  }
}
