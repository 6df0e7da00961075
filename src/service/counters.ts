import type { ErrorCode } from '../core/errors.js';
import type { Outcome, PartitionReceipt, Receipt } from '../core/update/report/receipt.js';

/** What is counted of a partition, over all updates: fields of its receipts, in bytes or erase blocks. */
const COUNTED = [
  'bytes',
  'skipped',
  'erased',
  'programmed',
  'programmedWithoutErase',
  'readBack',
  'retried',
  'bad',
] as const satisfies readonly (keyof PartitionReceipt)[];

export type PartitionCounts = Record<(typeof COUNTED)[number], number>;

/** Counts what has been done since the service was started. */
export class Counters {
  readonly outcomes: Record<Exclude<Outcome, 'proven'>, number> = {
    committed: 0,
    refused: 0,
    failed: 0,
    interrupted: 0,
  };
  /** Updates that ended in an error, by its code. */
  readonly errors = new Map<ErrorCode, number>();
  /** Jobs that have ended. */
  readonly jobs = { update: 0, check: 0 };
  /** Bytes of bundles that were taken, whatever became of them. */
  readonly received = { update: 0, check: 0 };
  readonly partitions = new Map<string, PartitionCounts>();

  /** A job has ended. */
  countJob(kind: 'update' | 'check', bytes: number): void {
    this.jobs[kind]++;
    this.received[kind] += bytes;
  }

  /** An update has ended. */
  countUpdate({ outcome, code, partitions }: Receipt): void {
    if (outcome !== 'proven') this.outcomes[outcome]++;
    if (code !== null) this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
    for (const [name, row] of Object.entries(partitions)) {
      const counts = this.partitions.get(name) ?? empty();
      for (const field of COUNTED) counts[field] += row[field];
      this.partitions.set(name, counts);
    }
  }
}

const empty = (): PartitionCounts =>
  Object.fromEntries(COUNTED.map((field) => [field, 0])) as PartitionCounts;
