import { SluiceError } from '../errors.js';
import { StickyFailure } from '../sticky-failure.js';
import type { BundleHandler, BundleReader, PartSink } from './bundle-reader.js';
import { partitionOf } from './image-name.js';

/** A source that is one partition's bytes with nothing around them. */
export interface SingleSource {
  /** `image-` and the name of its partition, such as `image-kernel` or `image-spi0.0`. */
  readonly member: string;
  /** Bytes; null when not known in advance. */
  readonly size: number | null;
}

/** Reads a source that is one image. Its bytes are taken as they are: an image may be compressed for its own reasons. */
export class SingleImageReader implements BundleReader {
  readonly #source: SingleSource;
  readonly #handler: BundleHandler;
  readonly #failure = new StickyFailure();
  #image: PartSink | null = null;

  constructor(source: SingleSource, handler: BundleHandler) {
    this.#source = source;
    this.#handler = handler;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#failure.run(async () => {
      if (bytes.length === 0) return;
      const { member, size } = this.#source;
      this.#image ??= await this.#handler.image({ partition: partitionOf(member), size });
      await this.#image.write(bytes);
    });
  }

  /** @throws SluiceError ERR_SOURCE_TRUNCATED for a source of nothing */
  async end(): Promise<void> {
    await this.#failure.run(async () => {
      const { member } = this.#source;
      if (this.#image === null)
        throw new SluiceError('ERR_SOURCE_TRUNCATED', 'the source is empty', { member });
      await this.#image.end();
    }, true);
  }
}
