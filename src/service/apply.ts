import type { Receipt } from '../core/update/report/receipt.js';
import type { JobTarget } from './job-factory.js';
import type { UpdateRequest } from './update-request.js';
import type { CommitSteps } from './work.js';

/** The update around whose commit something is done. */
export interface ApplyContext {
  /** Of its receipt; null for an update of a command, whose receipt has none. */
  readonly id: string | null;
  readonly request: UpdateRequest;
  /** Open and locked until the update has ended. */
  readonly target: JobTarget;
  /** Before the commit the receipt so far, with the outcome `proven`; after it the receipt. */
  readonly receipt: Receipt;
}

/**
 * What is done before and after an update takes effect: actions, hooks, files that are kept. Both functions are
 * awaited. An update that is not committed never reaches `afterCommit`.
 */
export interface Apply {
  /**
   * Called when the whole bundle is proven and no gate is open. Throws to prevent the commit: the update ends with the
   * gates closed, and its receipt says `verified, not committed` and why. An abort that comes meanwhile waits for the
   * promise, and prevents the commit too.
   */
  beforeCommit(context: ApplyContext): Promise<void>;
  /**
   * Called when the commit is durable. What it throws is reported beside the receipt and does not change it: the new
   * firmware is in flash.
   */
  afterCommit(context: ApplyContext): Promise<void>;
}

/**
 * The steps around the commit of one update.
 * @param failed - called with what `afterCommit` threw
 * @returns null if there is nothing to do
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
