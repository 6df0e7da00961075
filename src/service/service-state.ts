import type { TrustPolicy } from '../core/trust/trust.js';
import type { JobProgress } from './job-monitor.js';
import type { Installed, StoredReceipt } from './receipts.js';
import type { Origin } from '../core/audit/audit-line.js';

/** A partition as the service describes it. Sizes in bytes. */
export interface PartitionState {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly eraseSize: number;
  /** What the last update through this service has left in it; null if not known. */
  readonly installed: Installed | null;
}

/** The job that is under way. */
export interface JobState extends JobProgress {
  readonly id: string;
  readonly kind: 'update' | 'check';
  readonly from: Origin;
  readonly only: readonly string[] | null;
}

/** All that a service shows at one time. */
export interface ServiceState {
  readonly machine: string | null;
  readonly policy: TrustPolicy;
  readonly flash: { readonly address: string; readonly partitions: readonly PartitionState[] };
  /** Names of the partitions in which updates were interrupted and none has finished since. */
  readonly unfinished: readonly string[];
  readonly job: JobState | null;
  /** See JobMonitor.map; of the job under way, else of the last job since the service was started. */
  readonly map: Readonly<Record<string, string>>;
  readonly lastReceipt: StoredReceipt | null;
  /** The last event before this state. */
  readonly event: string;
}
