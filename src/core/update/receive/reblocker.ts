import type { BlockSink } from '../write/image-writer.js';

/**
 * Makes erase blocks of proven bytes that come in blocks of another size, where neither size divides the other: a LEB
 * of UBI is no power of two, and blocks of an index are. Costs one erase block of memory.
 */
export class Reblocker {
  readonly #sink: BlockSink;
  readonly #block: Uint8Array;
  #filled = 0;
  #index = 0;

  constructor(sink: BlockSink, eraseSize: number) {
    this.#sink = sink;
    this.#block = new Uint8Array(eraseSize);
  }

  /** Takes bytes that follow those before them; resolves when each block that they filled is taken. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + this.#block.length - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === this.#block.length) await this.#put();
    }
  }

  /** Hands on what is left, filled up with 0xFF. Idempotent. */
  async end(): Promise<void> {
    if (this.#filled > 0) await this.#put();
  }

  async #put(): Promise<void> {
    const length = this.#filled;
    this.#filled = 0;
    await this.#sink.put(this.#index++, this.#block.fill(0xff, length), length);
  }
}
