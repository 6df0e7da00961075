import { concat } from '../../bytes.js';
import { SluiceError } from '../../errors.js';
import type { ByteSink, Platform } from '../../platform.js';
import { StickyFailure } from '../../sticky-failure.js';
import type { Decoder } from './decoder.js';
import { gzip } from './gzip.js';

/** Every way in which a source can be packed. */
const DECODERS: readonly Decoder[] = [gzip];

/**
 * Stands in front of a container's reader and unpacks what is written to it if its first bytes ask for that, layer by
 * layer, each decoder at most once. What no decoder knows passes through as it is. After an error it stays failed with
 * that error.
 */
export class DecodeChain implements ByteSink {
  readonly #platform: Platform;
  readonly #sink: ByteSink;
  readonly #decoders: readonly Decoder[];
  readonly #failure = new StickyFailure();
  /** Bytes that fit the beginning of a magic, while it is not known whether the rest of it follows. */
  #head: Uint8Array = new Uint8Array(0);
  #next: ByteSink | null = null;

  constructor(platform: Platform, sink: ByteSink, decoders = DECODERS) {
    this.#platform = platform;
    this.#sink = sink;
    this.#decoders = decoders;
  }

  /** Resolves when all that comes of the bytes is taken; they must stay as they are until then. One call at a time. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#failure.run(() => this.#write(bytes));
  }

  /** @throws SluiceError ERR_SOURCE_TRUNCATED for a source of nothing, or of less than a magic; and what follows throws */
  async end(): Promise<void> {
    await this.#failure.run(async () => {
      if (this.#next !== null) return this.#next.end();
      const { length } = this.#head;
      throw new SluiceError(
        'ERR_SOURCE_TRUNCATED',
        length === 0 ? 'the source is empty' : `the source ends after ${length} bytes`,
      );
    }, true);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#next !== null) return this.#next.write(bytes);
    const longest = Math.max(0, ...this.#decoders.map(({ magic }) => magic.length));
    const head = concat([this.#head, bytes.subarray(0, longest)]);
    const fitting = this.#decoders.filter(({ magic }) =>
      magic.slice(0, head.length).every((byte, at) => head[at] === byte),
    );
    if (bytes.length === 0 || fitting.some(({ magic }) => magic.length > head.length)) {
      this.#head = head;
      return undefined;
    }
    this.#next = await this.#unpacking(fitting[0]);
    if (this.#head.length > 0) await this.#next.write(this.#head);
    return this.#next.write(bytes);
  }

  async #unpacking(decoder: Decoder | undefined): Promise<ByteSink> {
    if (decoder === undefined) return this.#sink;
    const others = this.#decoders.filter((other) => other !== decoder);
    return decoder.unpack(
      this.#platform,
      others.length === 0 ? this.#sink : new DecodeChain(this.#platform, this.#sink, others),
    );
  }
}
