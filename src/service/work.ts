import { asSluiceError } from '../core/errors.js';
import type { CheckPass, CheckResult } from '../core/update/check/check-pass.js';
import type { Receipt } from '../core/update/report/receipt.js';
import type { UpdateSession } from '../core/update/session.js';

/** Processes the bytes of an upload. `T`: its result. */
export interface Work<T> {
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Call after the last byte. Proves without a commit. Undefined if there is no commit.
   * @returns null if the bundle is proven and waits for `end` or `abort`; otherwise the result
   */
  prove?(): Promise<T | null>;
  /** Call after the last byte. Proves, unless that is done, and commits. */
  end(): Promise<T>;
  /** Stops without a commit, after the running flash operation. If the work is ending already, it only stops sooner. */
  abort(reason: unknown): Promise<T>;
  /** See Feed.needsNoCheck. */
  readonly needsNoCheck?: boolean;
}

/** Steps before and after the commit of an update; see Apply. */
export interface CommitSteps {
  before(receipt: Receipt): Promise<void>;
  after(receipt: Receipt): Promise<void>;
  /** Called with the error of `after`. */
  failed(thrown: unknown): void;
}

/**
 * The work of an update. Does not reject.
 * @param release - called once, with the receipt; makes the result
 * @param steps - null: none
 */
export function updateWork<T>(
  session: UpdateSession,
  release: (receipt: Receipt) => Promise<T>,
  steps: CommitSteps | null = null,
): Work<T> {
  let result: Promise<T> | null = null;
  return {
    write: (bytes) => session.write(bytes),
    prove: async () => {
      const receipt = await session.prove();
      return session.isProven ? null : (result ??= release(receipt));
    },
    end: () => (result ??= (steps === null ? session.end() : commitWith(session, steps)).then(release)),
    abort: (reason) => {
      const receipt = session.abort(reason);
      return (result ??= receipt.then(release));
    },
  };
}

async function commitWith(session: UpdateSession, steps: CommitSteps): Promise<Receipt> {
  const proven = await session.prove();
  if (!session.isProven) return proven;
  try {
    await steps.before(proven);
  } catch (thrown) {
    return session.abort(thrown);
  }
  // Aborted meanwhile: the reason of that abort stays.
  if (!session.isProven) return session.abort(session.error);
  const receipt = await session.commit();
  if (receipt.outcome === 'committed') await steps.after(receipt).catch((thrown) => steps.failed(thrown));
  return receipt;
}

/**
 * The work of a check. Rejects with the error of the check, or the reason why it was stopped.
 * @param stop - stops `pass`
 * @param release - called once, when the flash is not used any more
 */
export function checkWork<T>(
  pass: CheckPass,
  stop: AbortController,
  release: () => Promise<void>,
  keep: (result: CheckResult) => T,
): Work<T> {
  let running: Promise<void> = Promise.resolve();
  let ending: Promise<T> | null = null;
  const finish = async (): Promise<T> => {
    try {
      await pass.end();
      return keep(await pass.result());
    } finally {
      await release();
    }
  };
  const stopAndThrow = async (reason: unknown): Promise<T> => {
    // The check reads the flash, which must not be closed before that ends.
    await running.catch(() => {});
    await release();
    throw asSluiceError(reason);
  };
  return {
    get needsNoCheck() {
      return pass.indexAhead;
    },
    write: (bytes) => (running = pass.write(bytes)),
    end: () => (ending ??= finish()),
    abort: (reason) => {
      stop.abort();
      return (ending ??= stopAndThrow(reason));
    },
  };
}
