/** Bytes of a SHA-256 digest. */
const DIGEST = 32;

/** A growing list of SHA-256 digests, 32 bytes each and nothing around them. */
export class DigestList {
  #bytes = new Uint8Array(64 * DIGEST);
  #count = 0;

  /** Puts a digest at its place; digests made in other threads may come out of order. */
  set(index: number, digest: Uint8Array): void {
    if ((index + 1) * DIGEST > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, (index + 1) * DIGEST));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(digest, index * DIGEST);
    this.#count = Math.max(this.#count, index + 1);
  }

  /** All digests, one after the other (a view). */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#count * DIGEST);
  }
}
