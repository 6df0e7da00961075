import { asSluiceError } from '../core/errors.js';
import type { CheckPass, CheckResult } from '../core/update/check/check-pass.js';
import type { Receipt } from '../core/update/report/receipt.js';
import type { UpdateSession } from '../core/update/session.js';

/** What is done with the bytes of an upload. `T`: what comes of it. */
export interface Work<T> {
  write(bytes: Uint8Array): Promise<void>;
  /**
   * All bytes have come: proves them, and commits nothing. Undefined: there is nothing to commit.
   * @returns null when all is proven and waits for `end` or `abort`; else what came of it
   */
  prove?(): Promise<T | null>;
  /** All bytes have come: proves them, unless that is done, and commits. */
  end(): Promise<T>;
  /** Ends it without a commit, when the flash is at rest; what ends already is hurried. */
  abort(reason: unknown): Promise<T>;
  /** See Feed.enough. */
  readonly enough?: boolean;
}

/** What is done around the commit of one update; see Apply. */
export interface CommitSteps {
  before(receipt: Receipt): Promise<void>;
  after(receipt: Receipt): Promise<void>;
  /** Called with what `after` threw. */
  failed(thrown: unknown): void;
}

/**
 * The work of an update. Does not reject.
 * @param over - called once, with the receipt
 * @param steps - null for none: then nothing separates the proof from the commit
 */
export function updateWork<T>(
  session: UpdateSession,
  over: (receipt: Receipt) => Promise<T>,
  steps: CommitSteps | null = null,
): Work<T> {
  let result: Promise<T> | null = null;
  return {
    write: (bytes) => session.write(bytes),
    prove: async () => {
      const receipt = await session.prove();
      return session.isProven ? null : (result ??= over(receipt));
    },
    end: () => (result ??= (steps === null ? session.end() : commitWith(session, steps)).then(over)),
    abort: (reason) => {
      const receipt = session.abort(reason);
      return (result ??= receipt.then(over));
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
  // It was aborted meanwhile; that reason is kept.
  if (!session.isProven) return session.abort(session.error);
  const receipt = await session.commit();
  if (receipt.outcome === 'committed') await steps.after(receipt).catch((thrown) => steps.failed(thrown));
  return receipt;
}

/**
 * The work of a check. Rejects with what the check refuses, or why it was stopped.
 * @param stop - stops `pass`
 * @param over - called once, when the flash is at rest
 */
export function checkWork<T>(
  pass: CheckPass,
  stop: AbortController,
  over: () => Promise<void>,
  keep: (result: CheckResult) => T,
): Work<T> {
  let running: Promise<void> = Promise.resolve();
  let ending: Promise<T> | null = null;
  const finish = async (): Promise<T> => {
    try {
      await pass.end();
      return keep(await pass.result());
    } finally {
      await over();
    }
  };
  const giveUp = async (reason: unknown): Promise<T> => {
    // It reads the flash, which must not be closed under it.
    await running.catch(() => {});
    await over();
    throw asSluiceError(reason);
  };
  return {
    get enough() {
      return pass.indexAhead;
    },
    write: (bytes) => (running = pass.write(bytes)),
    end: () => (ending ??= finish()),
    abort: (reason) => {
      stop.abort();
      return (ending ??= giveUp(reason));
    },
  };
}
