import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '../../core/errors.js';

/** Milliseconds before the first attempt after a cut, and at most before any. */
const INITIAL_DELAY = 250;
const MAX_DELAY = 10_000;

/** How often in a row something is tried anew, and how long is waited in between. */
export class RetryBackoff {
  readonly #attempts: number;
  readonly #signal: AbortSignal;
  #failed = 0;

  /** @param attempts - how many in a row may fail */
  constructor(attempts: number, signal: AbortSignal) {
    this.#attempts = attempts;
    this.#signal = signal;
  }

  /** Something has gone forward: what failed before does not count any more. */
  renew(): void {
    this.#failed = 0;
  }

  /**
   * Waits before the next attempt.
   * @param warn - called with the seconds of the pause
   * @throws `error` when there were enough, ERR_SESSION_INTERRUPTED when it is to stop
   */
  async after(error: SluiceError, warn: (seconds: string) => void): Promise<void> {
    if (++this.#failed > this.#attempts) throw error;
    // Not all clients of a service that was away come back in the same moment.
    const ms = Math.min(MAX_DELAY, INITIAL_DELAY * 2 ** (this.#failed - 1)) * (0.5 + Math.random() / 2);
    warn((ms / 1000).toFixed(1));
    await pause(ms, this.#signal);
  }
}

/** @throws SluiceError ERR_SESSION_INTERRUPTED when it is to stop */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
  if (signal.aborted) throw stopped();
}

export const stopped = (): SluiceError => new SluiceError('ERR_SESSION_INTERRUPTED', 'the push was stopped');
