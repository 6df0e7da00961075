import type { EccStats } from '../flash/device.js';
import type { FaultPlan } from './fault-plan.js';

/** The ECC of a NAND chip: corrects a few flipped bits of a page, and counts. */
export class Ecc {
  readonly #pageSize: number;
  readonly #strength: number;
  #corrected = 0;
  #failed = 0;

  /** @param strength - bits that it corrects in a page */
  constructor(pageSize: number, strength: number) {
    this.#pageSize = pageSize;
    this.#strength = strength;
  }

  get stats(): EccStats {
    return { corrected: this.#corrected, failed: this.#failed };
  }

  /** Whether so many flips in one page are corrected. */
  mend(flips: number): boolean {
    if (flips <= this.#strength) {
      this.#corrected += flips;
      return true;
    }
    this.#failed++;
    return false;
  }

  /** Puts into a read at `offset` the flips that the plan wants, as far as they cannot be corrected. */
  pass(plan: FaultPlan, offset: number, into: Uint8Array): void {
    if (!plan.hasFlips || into.length === 0) return;
    const first = Math.floor(offset / this.#pageSize);
    const last = Math.floor((offset + into.length - 1) / this.#pageSize);
    plan.flips(first, last, (page, bits) => {
      if (this.mend(bits)) return;
      // Spread over the page, one in a byte, so that no flip undoes another.
      const step = Math.floor(this.#pageSize / bits);
      for (let i = 0; i < bits; i++) {
        const at = page * this.#pageSize + i * step - offset;
        if (at >= 0 && at < into.length) into[at] = (into[at] as number) ^ (1 << (i % 8));
      }
    });
  }
}
