/** Bytes of the first piece of memory: most texts fit into it. */
const INITIAL_BYTES = 256;

/**
 * Collects a few bytes in one piece of memory, however they were split. A list of the pieces would take a hundred
 * times their size where a sender sends each byte for itself.
 */
export class SmallBuffer {
  readonly #limit: number;
  #bytes = Buffer.alloc(0);
  #length = 0;

  /** @param limit - bytes that it takes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @returns false when there would be more than the limit; nothing is taken then */
  add(bytes: Uint8Array): boolean {
    const length = this.#length + bytes.length;
    if (length > this.#limit) return false;
    if (length > this.#bytes.length) {
      const larger = Buffer.alloc(
        Math.min(this.#limit, Math.max(INITIAL_BYTES, length, 2 * this.#bytes.length)),
      );
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
    return true;
  }

  /** What has come; valid until the next `add`. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}
