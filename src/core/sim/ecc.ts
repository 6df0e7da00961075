import type { EccStats } from '../flash/device.js';
import type { FaultPlan } from './fault-plan.js';

/** The ECC of a NAND chip: corrects a few flipped bits in a page and counts them. */
export class Ecc {
  readonly #pageSize: number;
  readonly #strength: number;
  #corrected = 0;
  #failed = 0;

  /** @param strength - bits that can be corrected in a page */
  constructor(pageSize: number, strength: number) {
    this.#pageSize = pageSize;
    this.#strength = strength;
  }

  get stats(): EccStats {
    return { corrected: this.#corrected, failed: this.#failed };
  }

  /** Whether this number of flips in one page is corrected. */
  correct(flips: number): boolean {
    if (flips <= this.#strength) {
      this.#corrected += flips;
      return true;
    }
    this.#failed++;
    return false;
  }

  /** Applies the flips of the plan to bytes read at `offset`, except those that are corrected. */
  applyFlips(plan: FaultPlan, offset: number, into: Uint8Array): void {
    if (!plan.hasFlips || into.length === 0) return;
    const first = Math.floor(offset / this.#pageSize);
    const last = Math.floor((offset + into.length - 1) / this.#pageSize);
    plan.flips(first, last, (page, bits) => {
      if (this.correct(bits)) return;
      // One flip a byte, so that no flip undoes another.
      const step = Math.floor(this.#pageSize / bits);
      for (let i = 0; i < bits; i++) {
        const at = page * this.#pageSize + i * step - offset;
        if (at >= 0 && at < into.length) into[at] = (into[at] as number) ^ (1 << (i % 8));
      }
    });
  }
}
