import type { OperationKind } from './fault-plan.js';

/** Sums of what a chip did. Operations that failed count; those that were refused do not. */
export interface ChipTotals {
  readonly erases: number;
  readonly programs: number;
  readonly reads: number;
  readonly bytesRead: number;
  readonly bytesProgrammed: number;
  /** Milliseconds of the modelled chip, not of this machine. */
  readonly busyMs: number;
}

/** What a chip did since it was opened. */
export interface ChipStats extends ChipTotals {
  /** Erases of each block in its whole life. */
  readonly wear: Uint32Array;
}

/** One operation that a chip has carried out, or tried to. */
export interface ChipOperation {
  readonly kind: OperationKind | 'mark-bad';
  /** Erase block; the first one, where a read covers more. */
  readonly block: number;
  /** Bytes from the start of the chip. */
  readonly offset: number;
  readonly length: number;
  /** `cut`: the power went away before, inside or after it. */
  readonly outcome: 'done' | 'failed' | 'cut';
}

/** Counts what a chip does. */
export class Counters {
  erases = 0;
  programs = 0;
  reads = 0;
  bytesRead = 0;
  bytesProgrammed = 0;
  busyMs = 0;

  count(kind: OperationKind, length: number, ms: number): void {
    this.busyMs += ms;
    if (kind === 'erase') {
      this.erases++;
    } else if (kind === 'program') {
      this.programs++;
      this.bytesProgrammed += length;
    } else {
      this.reads++;
      this.bytesRead += length;
    }
  }

  /** A copy of the sums. */
  totals(): ChipTotals {
    const { erases, programs, reads, bytesRead, bytesProgrammed, busyMs } = this;
    return { erases, programs, reads, bytesRead, bytesProgrammed, busyMs };
  }
}

export const NO_TOTALS: ChipTotals = new Counters().totals();

/** The sums of both. */
export function addTotals(a: ChipTotals, b: ChipTotals): ChipTotals {
  return {
    erases: a.erases + b.erases,
    programs: a.programs + b.programs,
    reads: a.reads + b.reads,
    bytesRead: a.bytesRead + b.bytesRead,
    bytesProgrammed: a.bytesProgrammed + b.bytesProgrammed,
    busyMs: a.busyMs + b.busyMs,
  };
}
