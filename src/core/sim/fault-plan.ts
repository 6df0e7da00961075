import type { CutFault, FailFault, Fault, FlipFault, StuckFault, Times } from './faults.js';

/** The operations that a plan watches. */
export type OperationKind = 'erase' | 'program' | 'read';

/** A failure or a power cut that will still hit; `seen` counts its matching operations so far. */
interface PendingFault {
  readonly fault: FailFault | CutFault;
  seen: number;
}

interface PendingFlips {
  readonly fault: FlipFault;
  left: Times;
}

/** A fault plan in use: counts operations, finds the fault that hits one, and drops faults that are used up. */
export class FaultPlan {
  /** Never used up. */
  readonly stuck: readonly StuckFault[];
  #pending: PendingFault[];
  #flipping: PendingFlips[];

  /** @param faults - checked with `checkFaults` */
  constructor(faults: readonly Fault[]) {
    this.stuck = faults.filter((fault) => fault.kind === 'stuck');
    this.#pending = faults
      .filter((fault) => fault.kind === 'fail' || fault.kind === 'cut')
      .map((fault) => ({ fault, seen: 0 }));
    this.#flipping = faults
      .filter((fault) => fault.kind === 'flip')
      .map((fault) => ({ fault, left: fault.times }));
  }

  /** Counts an operation on the blocks `first` to `last`. Returns the fault that hits it; a cut comes before a failure. */
  next(kind: OperationKind, first: number, last: number): FailFault | CutFault | null {
    if (this.#pending.length === 0) return null;
    let hit: FailFault | CutFault | null = null;
    let spent = false;
    for (const pending of this.#pending) {
      const { fault } = pending;
      if (!matches(fault, kind, first, last)) continue;
      pending.seen++;
      if (pending.seen < fault.nth) continue;
      if (hit === null || fault.kind === 'cut') hit = fault;
      spent ||= timesLeft(pending) === 0;
    }
    if (spent) this.#pending = this.#pending.filter((pending) => timesLeft(pending) !== 0);
    return hit;
  }

  /** Whether any page has flips left. */
  get hasFlips(): boolean {
    return this.#flipping.length > 0;
  }

  /** Counts a read of the pages `first` to `last`; calls `flip` for each page whose bits flip. */
  flips(first: number, last: number, flip: (page: number, bits: number) => void): void {
    for (const flipping of this.#flipping) {
      const { page, bits } = flipping.fault;
      if (page < first || page > last) continue;
      if (flipping.left !== 'ever') flipping.left--;
      flip(page, bits);
    }
    this.#flipping = this.#flipping.filter(({ left }) => left !== 0);
  }

  /** What is left of the plan, for the next time the chip is opened. */
  remaining(): Fault[] {
    return [
      ...this.stuck,
      ...this.#pending.map((pending): Fault => {
        const { fault, seen } = pending;
        if (fault.kind === 'cut' || seen < fault.nth) return fault;
        return { ...fault, nth: 1, times: timesLeft(pending) };
      }),
      ...this.#flipping.map(({ fault, left }): Fault => ({ ...fault, times: left })),
    ];
  }
}

function matches(
  { on, block }: FailFault | CutFault,
  kind: OperationKind,
  first: number,
  last: number,
): boolean {
  if (block !== undefined && (block < first || block > last)) return false;
  return on === kind || on === 'any' || (on === 'change' && kind !== 'read');
}

/** How many operations the fault will still hit. */
function timesLeft({ fault, seen }: PendingFault): Times {
  if (fault.kind === 'cut') return seen < fault.nth ? 1 : 0;
  if (fault.times === 'ever') return 'ever';
  return seen < fault.nth ? fault.times : fault.nth + fault.times - 1 - seen;
}
