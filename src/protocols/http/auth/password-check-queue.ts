/** Checks that wait at once, of all senders. */
const MAX_WAITING = 32;

/** Checks of one sender that wait at once. */
const MOST_OF_ONE = 4;

/**
 * After a wrong password there is a rest of this many times what the check took, and a shorter one for senders who have
 * not guessed yet: guessing gets a quarter of one processor at most, half of it from ever new addresses, and the update
 * the rest.
 */
const REST = { guessers: 3, others: 1 };

/** Milliseconds of rest at most, on boards where one check takes long: somebody with the right password may wait. */
const LONGEST_REST = 500;

interface Waiting {
  readonly peer: string;
  readonly rank: number;
  readonly guesser: boolean;
  readonly check: () => Promise<boolean>;
  readonly settle: (right: Promise<boolean>) => void;
}

/** Lets one check run at a time. Those of a higher rank come first, and among equals who came first. */
export class PasswordCheckQueue {
  #waiting: Waiting[] = [];
  #busy = false;
  #timer: NodeJS.Timeout | undefined;
  /** When the rest after the last wrong password is over. */
  readonly #rest = { guessers: 0, others: 0 };

  /**
   * @param rank - how good the name of the sender is: what it has left of its guesses
   * @param guesser - whether it has guessed wrong before
   * @returns what `check` returned; null if too many are waiting already
   */
  take(peer: string, rank: number, guesser: boolean, check: () => Promise<boolean>): Promise<boolean> | null {
    const own = this.#waiting.filter((waiting) => waiting.peer === peer).length;
    if (own >= MOST_OF_ONE || this.#waiting.length >= MAX_WAITING) return null;
    return new Promise((settle) => {
      this.#waiting.push({ peer, rank, guesser, check, settle });
      this.#go();
    });
  }

  #go(): void {
    clearTimeout(this.#timer);
    const next = this.#best();
    if (this.#busy || next === undefined) return;
    const wait = this.#rest[next.guesser ? 'guessers' : 'others'] - performance.now();
    if (wait > 0) this.#timer = setTimeout(() => this.#go(), wait);
    else void this.#run(next);
  }

  async #run(next: Waiting): Promise<void> {
    this.#waiting = this.#waiting.filter((waiting) => waiting !== next);
    this.#busy = true;
    const began = performance.now();
    const running = next.check();
    next.settle(running);
    const right = await running.catch(() => false);
    const now = performance.now();
    if (!right) {
      this.#rest.guessers = now + Math.min(LONGEST_REST, (now - began) * REST.guessers);
      this.#rest.others = now + Math.min(LONGEST_REST, (now - began) * REST.others);
    }
    this.#busy = false;
    this.#go();
  }

  #best(): Waiting | undefined {
    return this.#waiting.reduce<Waiting | undefined>(
      (found, waiting) => (found === undefined || waiting.rank > found.rank ? waiting : found),
      undefined,
    );
  }
}
