import { asSluiceError } from '../core/errors.js';
import type { CheckPass, CheckResult } from '../core/update/check/check-pass.js';
import type { Receipt } from '../core/update/report/receipt.js';
import type { UpdateSession } from '../core/update/session.js';

/** What is done with the bytes of an upload. `T`: what comes of it. */
export interface Work<T> {
  write(bytes: Uint8Array): Promise<void>;
  /** All bytes have come. */
  end(): Promise<T>;
  /** Ends it without a commit, when the flash is at rest; where it is ending already it hurries that. */
  abort(reason: unknown): Promise<T>;
  /** See Upload.enough. */
  readonly enough?: boolean;
}

/**
 * The work of an update. Does not reject.
 * @param over - called once, with the receipt
 */
export function updateWork<T>(session: UpdateSession, over: (receipt: Receipt) => Promise<T>): Work<T> {
  let result: Promise<T> | null = null;
  return {
    write: (bytes) => session.write(bytes),
    end: () => (result ??= session.end().then(over)),
    abort: (reason) => {
      const receipt = session.abort(reason);
      return (result ??= receipt.then(over));
    },
  };
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
