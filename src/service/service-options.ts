import type { Abort } from '../core/platform.js';
import type { Apply } from './apply.js';
import type { JobRules, JobTarget } from './job-factory.js';
import type { ReceiptStore, StoredReceipt } from './receipts.js';

/** Options of an update service. */
export interface ServiceOptions extends Omit<JobRules, 'single'> {
  /** Opens the flash. The target holds the lock of the chip until it is closed. */
  /** Returns a text that changes when the trusted keys do: a check is good only for the keys that it was made with. */
  readonly keysVersion?: () => string;
  readonly open: (options: { signal?: Abort; write: boolean }) => Promise<JobTarget>;
  /** Name of this machine; null if unknown. */
  readonly machine: string | null;
  readonly receipts: ReceiptStore;
  /** Appends a receipt to the audit log; throws if that fails. */
  readonly audit?: (stored: StoredReceipt) => void;
  /** Sessions in a row without progress: see SessionOptions. */
  readonly resumeLimit?: number | undefined;
  /** Milliseconds for which an interrupted upload may be resumed. */
  readonly resumeWithin: number;
  /** Milliseconds for which a proven update waits for its commit. Default: DEFAULT_COMMIT_WITHIN_MS. */
  readonly commitWithin?: number;
  /** Steps before and after a commit. @default none */
  readonly apply?: Apply | null;
  /** Logs errors that are not part of an answer. */
  readonly log: (level: 'info' | 'warn' | 'error', message: string, error?: unknown) => void;
}
