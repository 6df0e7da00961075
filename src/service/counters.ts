import type { ErrorCode } from '../core/errors.js';
import type { Outcome, PartitionReceipt, Receipt } from '../core/update/report/receipt.js';

/** Fields of partition receipts that are summed over all updates, in bytes or erase blocks. */
const COUNTED_FIELDS = [
  'bytes',
  'skipped',
  'erased',
  'programmed',
  'programmedWithoutErase',
  'readBack',
  'retried',
  'bad',
] as const satisfies readonly (keyof PartitionReceipt)[];

export type PartitionCounts = Record<(typeof COUNTED_FIELDS)[number], number>;

/** Counts since the start of the service. */
export class Counters {
  readonly outcomes: Record<Exclude<Outcome, 'proven'>, number> = {
    committed: 0,
    refused: 0,
    failed: 0,
    interrupted: 0,
  };
  /** Updates that ended with an error, by code. */
  readonly errors = new Map<ErrorCode, number>();
  /** Jobs that have ended. */
  readonly jobs = { update: 0, check: 0 };
  /** Received bytes of bundles, whatever the outcome. */
  readonly received = { update: 0, check: 0 };
  readonly partitions = new Map<string, PartitionCounts>();

  /** Counts a job at its end. */
  countJob(kind: 'update' | 'check', bytes: number): void {
    this.jobs[kind]++;
    this.received[kind] += bytes;
  }

  /** Counts an update at its end. */
  countUpdate({ outcome, code, partitions }: Receipt): void {
    if (outcome !== 'proven') this.outcomes[outcome]++;
    if (code !== null) this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
    for (const [name, row] of Object.entries(partitions)) {
      const counts = this.partitions.get(name) ?? empty();
      for (const field of COUNTED_FIELDS) counts[field] += row[field];
      this.partitions.set(name, counts);
    }
  }
}

const empty = (): PartitionCounts =>
  Object.fromEntries(COUNTED_FIELDS.map((field) => [field, 0])) as PartitionCounts;
