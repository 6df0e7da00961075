import type { TrustPolicy } from '../core/trust/trust.js';
import type { JobProgress } from './job-monitor.js';
import type { Installed, StoredReceipt } from './receipts.js';
import type { Origin } from '../core/audit/audit-line.js';

/** A partition. Sizes in bytes. */
export interface PartitionState {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly eraseSize: number;
  /** Content written by the last update through this service; null if unknown. */
  readonly installed: Installed | null;
}

/** The running job. */
export interface JobState extends JobProgress {
  readonly id: string;
  readonly kind: 'update' | 'check';
  readonly from: Origin;
  readonly only: readonly string[] | null;
}

/** The whole state of a service. */
export interface ServiceState {
  readonly machine: string | null;
  readonly policy: TrustPolicy;
  readonly flash: { readonly address: string; readonly partitions: readonly PartitionState[] };
  /** Names of the partitions with an interrupted update and no completed one since. */
  readonly unfinished: readonly string[];
  readonly job: JobState | null;
  /** See JobMonitor.map. Of the running job, or else of the last job since the start of the service. */
  readonly map: Readonly<Record<string, string>>;
  readonly lastReceipt: StoredReceipt | null;
  /** Cursor of the last event before this state. */
  readonly event: string;
}
