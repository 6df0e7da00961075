/** Which blocks of a NAND chip are marked bad, and since when. */
export class BadBlocks {
  readonly #factory: ReadonlySet<number>;
  readonly #grown: Set<number>;

  constructor(factory: readonly number[] = [], grown: readonly number[] = []) {
    this.#factory = new Set(factory);
    this.#grown = new Set(grown);
  }

  has(block: number): boolean {
    return this.#grown.has(block) || this.#factory.has(block);
  }

  mark(block: number): void {
    if (!this.#factory.has(block)) this.#grown.add(block);
  }

  /** Bad since the factory, ascending. */
  factory(): number[] {
    return ascending(this.#factory);
  }

  /** Marked later, ascending. */
  grown(): number[] {
    return ascending(this.#grown);
  }
}

function ascending(blocks: Iterable<number>): number[] {
  return [...blocks].sort((a, b) => a - b);
}
