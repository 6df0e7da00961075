/** Bytes of the first buffer: most texts fit. */
const INITIAL_BYTES = 256;

/**
 * Collects bytes in one buffer. A list of pieces would take a hundred times their size if a sender sends single bytes.
 */
export class SmallBuffer {
  readonly #limit: number;
  #bytes = Buffer.alloc(0);
  #length = 0;

  /** @param limit - the most bytes that it collects */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @returns false if the limit would be exceeded; nothing is added then */
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

  /** A view of the collected bytes; valid until the next `add`. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}
