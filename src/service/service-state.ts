import type { TrustPolicy } from '../core/trust/trust.js';
import type { JobProgress } from './job-monitor.js';
import type { Installed, StoredReceipt } from './receipts.js';
import type { Origin } from '../host/node/state/audit-line.js';

/** A partition as the service describes it. Sizes in bytes. */
export interface PartitionState {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly eraseSize: number;
  /** What the last update has left in it, as far as it was made through this service. */
  readonly installed: Installed | null;
}

/** The job that is under way. */
export interface JobState extends JobProgress {
  readonly id: string;
  readonly kind: 'update' | 'check';
  readonly from: Origin;
  readonly only: readonly string[] | null;
}

/** Everything that can be seen of a service at one time. */
export interface ServiceState {
  readonly machine: string | null;
  readonly policy: TrustPolicy;
  readonly flash: { readonly address: string; readonly partitions: readonly PartitionState[] };
  /** Names of the partitions that updates were broken off in and that none has finished since. */
  readonly unfinished: readonly string[];
  readonly job: JobState | null;
  /** See JobMonitor.map; of the job under way, else of the last one of this run of the service. */
  readonly map: Readonly<Record<string, string>>;
  readonly lastReceipt: StoredReceipt | null;
  /** The last event that this state has seen; events go on after it. */
  readonly event: string;
}
