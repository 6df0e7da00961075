import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '../../core/errors.js';

/** Milliseconds before the first retry, and the longest pause. */
const INITIAL_DELAY = 250;
const MAX_DELAY = 10_000;

/** Limits the retries in a row, with growing pauses between them. */
export class RetryBackoff {
  readonly #attempts: number;
  readonly #signal: AbortSignal;
  #failed = 0;

  /** @param attempts - failures in a row before giving up */
  constructor(attempts: number, signal: AbortSignal) {
    this.#attempts = attempts;
    this.#signal = signal;
  }

  /** Resets the count of failures, after progress. */
  renew(): void {
    this.#failed = 0;
  }

  /**
   * Waits before the next attempt.
   * @param warn - called with the seconds of the pause
   * @throws `error` after the last attempt, ERR_SESSION_INTERRUPTED if aborted
   */
  async after(error: SluiceError, warn: (seconds: string) => void): Promise<void> {
    if (++this.#failed > this.#attempts) throw error;
    // Random, so that the clients of a restarted service do not all reconnect at the same moment.
    const ms = Math.min(MAX_DELAY, INITIAL_DELAY * 2 ** (this.#failed - 1)) * (0.5 + Math.random() / 2);
    warn((ms / 1000).toFixed(1));
    await pause(ms, this.#signal);
  }
}

/** @throws SluiceError ERR_SESSION_INTERRUPTED if aborted */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
  if (signal.aborted) throw stopped();
}

export const stopped = (): SluiceError => new SluiceError('ERR_SESSION_INTERRUPTED', 'the push was stopped');
