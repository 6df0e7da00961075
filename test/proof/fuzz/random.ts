/** Seeded choices, so that each walk can be walked again. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** Where it stands; a Random made of it goes on from here. */
  get state(): number {
    return this.#state;
  }

  /** A whole number from 0 to `below - 1` (mulberry32). */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  of<T>(things: readonly T[]): T {
    return things[this.below(things.length)] as T;
  }

  /** Small numbers most often. */
  few(most: number): number {
    return 1 + this.below(1 + this.below(most));
  }

  /** Cuts bytes into up to `most` pieces. */
  pieces(bytes: Uint8Array, most = 6): Uint8Array[] {
    const cuts = Array.from({ length: this.below(most) }, () => this.below(bytes.length + 1));
    const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length];
    return edges.slice(1).map((to, at) => bytes.subarray(edges[at], to));
  }
}
