import type { Abort } from '../core/platform.js';
import type { Apply } from './apply.js';
import type { JobRules, JobTarget } from './job-factory.js';
import type { ReceiptStore, StoredReceipt } from './receipts.js';

/** What a service works with. */
export interface ServiceOptions extends Omit<JobRules, 'single'> {
  /** Opens the flash; it holds the lock of the chip until it is closed. */
  readonly open: (options: { signal?: Abort; write: boolean }) => Promise<JobTarget>;
  /** Name of this machine; null when not known. */
  readonly machine: string | null;
  readonly receipts: ReceiptStore;
  /** Gets each receipt, for a log that shows if one was altered; throws if the receipt could not be written. */
  readonly audit?: (stored: StoredReceipt) => void;
  /** Sessions that may come no further than the one before: see SessionOptions. */
  readonly resumeLimit?: number | undefined;
  /** Milliseconds for which an interrupted upload may be resumed. */
  readonly resumeWithin: number;
  /** Milliseconds for which a proven update waits for its commit. Default: DEFAULT_COMMIT_WITHIN_MS. */
  readonly commitWithin?: number;
  /** What is done before and after a commit; null or left out for nothing. */
  readonly apply?: Apply | null;
  /** Gets what no client can be answered. */
  readonly log: (level: 'info' | 'warn' | 'error', message: string, error?: unknown) => void;
}
