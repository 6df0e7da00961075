import type { Receipt } from '../core/update/report/receipt.js';
import type { JobTarget } from './job-factory.js';
import type { UpdateRequest } from './update-request.js';
import type { CommitSteps } from './work.js';

/** An update whose commit has steps before or after it. */
export interface ApplyContext {
  /** Id of its receipt; null for an update of a command, which has none. */
  readonly id: string | null;
  readonly request: UpdateRequest;
  /** Open and locked until the update has ended. */
  readonly target: JobTarget;
  /** Before the commit: the receipt so far, with the outcome `proven`. After the commit: the final receipt. */
  readonly receipt: Receipt;
}

/**
 * Steps before and after an update takes effect: actions, hooks, preserved files. Both functions are awaited.
 * `afterCommit` is called only for a committed update.
 */
export interface Apply {
  /**
   * Called when the whole bundle is proven and before any gate is opened. Throws to prevent the commit: the update ends
   * with the gates closed, and its receipt has `verified, not committed` and the reason. An abort meanwhile waits for the
   * promise and also prevents the commit.
   */
  beforeCommit(context: ApplyContext): Promise<void>;
  /**
   * Called when the commit is durable. An error is logged and published as a warning. It does not change the receipt: the
   * new firmware is in flash.
   */
  afterCommit(context: ApplyContext): Promise<void>;
}

/**
 * The steps around the commit of one update.
 * @param failed - called with the error of `afterCommit`
 * @returns null: no steps
 */
export function stepsOf(
  apply: Apply | null | undefined,
  update: Omit<ApplyContext, 'receipt'>,
  failed: CommitSteps['failed'],
): CommitSteps | null {
  if (apply === null || apply === undefined) return null;
  return {
    before: (receipt) => apply.beforeCommit({ ...update, receipt }),
    after: (receipt) => apply.afterCommit({ ...update, receipt }),
    failed,
  };
}
