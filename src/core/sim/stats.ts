import type { OperationKind } from './fault-plan.js';

/** Operation counts of a chip. Failed operations count; refused ones do not. */
export interface ChipTotals {
  readonly erases: number;
  readonly programs: number;
  readonly reads: number;
  readonly bytesRead: number;
  readonly bytesProgrammed: number;
  /** Milliseconds of chip time. */
  readonly busyMs: number;
}

/** Counts since the chip was opened. */
export interface ChipStats extends ChipTotals {
  /** Erases of each block over the whole life of the chip. */
  readonly wear: Uint32Array;
}

/** One operation of a chip. */
export interface ChipOperation {
  readonly kind: OperationKind | 'mark-bad';
  /** Erase block; the first one if a read covers more. */
  readonly block: number;
  /** Bytes from the start of the chip. */
  readonly offset: number;
  readonly length: number;
  /** `cut`: a power cut before, during or after it. */
  readonly outcome: 'done' | 'failed' | 'cut';
}

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

  totals(): ChipTotals {
    const { erases, programs, reads, bytesRead, bytesProgrammed, busyMs } = this;
    return { erases, programs, reads, bytesRead, bytesProgrammed, busyMs };
  }
}

export const NO_TOTALS: ChipTotals = new Counters().totals();

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
