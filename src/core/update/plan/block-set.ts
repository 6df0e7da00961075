/** A set of block numbers, one bit each: of a chip with 8192 blocks it takes 1 KiB, where a Set takes 300. */
export class BlockSet {
  #bits = new Uint8Array(64);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(block: number): boolean {
    return ((this.#bits[block >>> 3] ?? 0) & (1 << (block & 7))) !== 0;
  }

  add(block: number): void {
    if (this.has(block)) return;
    const at = block >>> 3;
    if (at >= this.#bits.length) {
      const larger = new Uint8Array(Math.max(at + 1, this.#bits.length * 2));
      larger.set(this.#bits);
      this.#bits = larger;
    }
    this.#bits[at] = (this.#bits[at] as number) | (1 << (block & 7));
    this.#size++;
  }

  /** The blocks in ascending order. */
  *[Symbol.iterator](): Iterator<number> {
    for (let block = 0; block < this.#bits.length * 8; block++) if (this.has(block)) yield block;
  }
}
