/** Checks that wait at once, of all senders. */
const MOST = 32;

/** Checks of one sender that wait at once. */
const MOST_OF_ONE = 4;

/**
 * After a wrong password the desk rests for this many times what the check took: guessing, from however many
 * addresses, gets a quarter of one processor at most, and the update the rest.
 */
const REST = 3;

/** Milliseconds of rest at most, on boards where one check takes long. */
const LONGEST_REST = 500;

interface Waiting {
  readonly peer: string;
  readonly rank: number;
  readonly check: () => Promise<boolean>;
  readonly settle: (right: Promise<boolean>) => void;
}

/** Lets one check run at a time. Those of a higher rank come first, and among equals who came first. */
export class Turns {
  #waiting: Waiting[] = [];
  #busy = false;

  /**
   * @param rank - how good the name of the sender is: what it has left of its guesses
   * @returns what `check` told; null when too many are waiting already
   */
  take(peer: string, rank: number, check: () => Promise<boolean>): Promise<boolean> | null {
    const own = this.#waiting.filter((waiting) => waiting.peer === peer).length;
    if (own >= MOST_OF_ONE || this.#waiting.length >= MOST) return null;
    return new Promise((resolve) => {
      this.#waiting.push({ peer, rank, check, settle: resolve });
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const began = performance.now();
      const running = next.check();
      next.settle(running);
      const right = await running.catch(() => false);
      if (right) continue;
      const rest = Math.min(LONGEST_REST, (performance.now() - began) * REST);
      await new Promise((resolve) => setTimeout(resolve, rest));
    }
    this.#busy = false;
  }

  #next(): Waiting | undefined {
    const best = this.#waiting.reduce<Waiting | undefined>(
      (found, waiting) => (found === undefined || waiting.rank > found.rank ? waiting : found),
      undefined,
    );
    this.#waiting = this.#waiting.filter((waiting) => waiting !== best);
    return best;
  }
}
