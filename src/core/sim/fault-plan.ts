import type { CutFault, FailFault, Fault, FlipFault, StuckFault, Times } from './faults.js';

/** The operations that a plan watches. */
export type OperationKind = 'erase' | 'program' | 'read';

/** A failure or a cut that has not come, or not come to its end; `seen` counts its matching operations. */
interface Armed {
  readonly fault: FailFault | CutFault;
  seen: number;
}

interface Flipping {
  readonly fault: FlipFault;
  left: Times;
}

/** A fault plan at work: counts operations, says which one is hit, and forgets what is used up. */
export class FaultPlan {
  /** Bits that are stuck for good. */
  readonly stuck: readonly StuckFault[];
  #armed: Armed[];
  #flipping: Flipping[];

  /** @param faults - checked with `checkFaults` */
  constructor(faults: readonly Fault[]) {
    this.stuck = faults.filter((fault) => fault.kind === 'stuck');
    this.#armed = faults
      .filter((fault) => fault.kind === 'fail' || fault.kind === 'cut')
      .map((fault) => ({ fault, seen: 0 }));
    this.#flipping = faults
      .filter((fault) => fault.kind === 'flip')
      .map((fault) => ({ fault, left: fault.times }));
  }

  /** Counts an operation on the blocks `first` to `last`; the fault that hits it, if one does. A cut wins. */
  strike(kind: OperationKind, first: number, last: number): FailFault | CutFault | null {
    if (this.#armed.length === 0) return null;
    let hit: FailFault | CutFault | null = null;
    let spent = false;
    for (const armed of this.#armed) {
      const { fault } = armed;
      if (!concerns(fault, kind, first, last)) continue;
      armed.seen++;
      if (armed.seen < fault.nth) continue;
      if (hit === null || fault.kind === 'cut') hit = fault;
      spent ||= left(armed) === 0;
    }
    if (spent) this.#armed = this.#armed.filter((armed) => left(armed) !== 0);
    return hit;
  }

  /** Whether any page has flips left. */
  get hasFlips(): boolean {
    return this.#flipping.length > 0;
  }

  /** Counts a read of the pages `first` to `last`; calls `flip` for each of them whose bits flip in it. */
  flips(first: number, last: number, flip: (page: number, bits: number) => void): void {
    for (const flipping of this.#flipping) {
      const { page, bits } = flipping.fault;
      if (page < first || page > last) continue;
      if (flipping.left !== 'ever') flipping.left--;
      flip(page, bits);
    }
    this.#flipping = this.#flipping.filter(({ left }) => left !== 0);
  }

  /** What is left of the plan, to be kept for the next time that the chip is opened. */
  remaining(): Fault[] {
    return [
      ...this.stuck,
      ...this.#armed.map((armed): Fault => {
        const { fault, seen } = armed;
        if (fault.kind === 'cut' || seen < fault.nth) return fault;
        return { ...fault, nth: 1, times: left(armed) };
      }),
      ...this.#flipping.map(({ fault, left }): Fault => ({ ...fault, times: left })),
    ];
  }
}

function concerns(
  { on, block }: FailFault | CutFault,
  kind: OperationKind,
  first: number,
  last: number,
): boolean {
  if (block !== undefined && (block < first || block > last)) return false;
  return on === kind || on === 'any' || (on === 'change' && kind !== 'read');
}

/** How often the fault will still hit. */
function left({ fault, seen }: Armed): Times {
  if (fault.kind === 'cut') return seen < fault.nth ? 1 : 0;
  if (fault.times === 'ever') return 'ever';
  return seen < fault.nth ? fault.times : fault.nth + fault.times - 1 - seen;
}
