/** Waiting checks of all clients together. */
const MAX_WAITING = 32;

/** Waiting checks of one client. */
const MAX_WAITING_PER_PEER = 4;

/**
 * After a wrong password the queue pauses for this many times the duration of the check; less for clients without
 * failures. Guessing thus gets at most a quarter of one processor, or half of it from ever new addresses.
 */
const PAUSE_FACTORS = { failed: 3, others: 1 };

/** Limit for boards on which a check takes long: a client with the right password may be waiting. */
const MAX_PAUSE_MS = 500;

interface Waiting {
  readonly peer: string;
  readonly rank: number;
  readonly failedBefore: boolean;
  readonly check: () => Promise<boolean>;
  readonly settle: (isRight: Promise<boolean>) => void;
}

/** Runs one check at a time, by descending rank and then in the order of arrival. */
export class PasswordCheckQueue {
  #waiting: Waiting[] = [];
  #busy = false;
  #timer: NodeJS.Timeout | undefined;
  /** When the pause after the last wrong password ends. */
  readonly #pausedUntil = { failed: 0, others: 0 };

  /**
   * @param rank - the tries that the client has left
   * @param failedBefore - whether the client has failed before
   * @returns what `check` returned; null if too many checks are waiting
   */
  take(
    peer: string,
    rank: number,
    failedBefore: boolean,
    check: () => Promise<boolean>,
  ): Promise<boolean> | null {
    const own = this.#waiting.filter((waiting) => waiting.peer === peer).length;
    if (own >= MAX_WAITING_PER_PEER || this.#waiting.length >= MAX_WAITING) return null;
    return new Promise((settle) => {
      this.#waiting.push({ peer, rank, failedBefore, check, settle });
      this.#next();
    });
  }

  #next(): void {
    clearTimeout(this.#timer);
    const next = this.#highestRank();
    if (this.#busy || next === undefined) return;
    const wait = this.#pausedUntil[next.failedBefore ? 'failed' : 'others'] - performance.now();
    if (wait > 0) this.#timer = setTimeout(() => this.#next(), wait);
    else void this.#run(next);
  }

  async #run(next: Waiting): Promise<void> {
    this.#waiting = this.#waiting.filter((waiting) => waiting !== next);
    this.#busy = true;
    const began = performance.now();
    const running = next.check();
    next.settle(running);
    const isRight = await running.catch(() => false);
    const now = performance.now();
    if (!isRight) {
      this.#pausedUntil.failed = now + Math.min(MAX_PAUSE_MS, (now - began) * PAUSE_FACTORS.failed);
      this.#pausedUntil.others = now + Math.min(MAX_PAUSE_MS, (now - began) * PAUSE_FACTORS.others);
    }
    this.#busy = false;
    this.#next();
  }

  #highestRank(): Waiting | undefined {
    return this.#waiting.reduce<Waiting | undefined>(
      (found, waiting) => (found === undefined || waiting.rank > found.rank ? waiting : found),
      undefined,
    );
  }
}
