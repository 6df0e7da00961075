import { Noise } from '../../../src/core/sim/noise.js';

/** Repeatable choices. */
export class Dice {
  readonly #noise: Noise;

  constructor(seed: number) {
    this.#noise = new Noise(seed);
    // The first numbers of seeds that are neighbours look alike.
    for (let i = 0; i < 4; i++) this.#noise.next();
  }

  /** From 0 to 1. */
  share(): number {
    return this.#noise.next() / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.share() * limit);
  }

  between(from: number, to: number): number {
    return from + this.share() * (to - from);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }
}
