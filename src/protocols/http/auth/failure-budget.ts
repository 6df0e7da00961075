/** Wrong passwords that a client may send at once: enough for a person who tries the likely ones. */
const MAX_FREE_FAILURES = 10;

/** Milliseconds after which one more is allowed. */
const REFILL_MS = 6000;

/** Clients that are remembered; the least recently seen is forgotten. */
const MAX_PEERS = 512;

interface ClientBudget {
  left: number;
  at: number;
}

/** Limits the rate of wrong passwords of each client. */
export class FailureBudget {
  readonly #now: () => number;
  readonly #clients = new Map<string, ClientBudget>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Tries that the client has left, with a fraction for the next one. */
  left(peer: string): number {
    const client = this.#clients.get(peer);
    if (client === undefined) return MAX_FREE_FAILURES;
    return Math.min(MAX_FREE_FAILURES, client.left + (this.#now() - client.at) / REFILL_MS);
  }

  /** Whether the client has sent a wrong password lately, or one that is still being checked. */
  hasFailed(peer: string): boolean {
    return this.left(peer) < MAX_FREE_FAILURES;
  }

  /** Takes one try. @returns whether there was one left */
  take(peer: string): boolean {
    const left = this.left(peer);
    if (left < 1) return false;
    this.#set(peer, left - 1);
    return true;
  }

  /** Gives a try back, for a password that was not wrong or not checked. */
  giveBack(peer: string): void {
    this.#set(peer, Math.min(MAX_FREE_FAILURES, this.left(peer) + 1));
  }

  /** Whole seconds until the client has a try left; at least 1. */
  secondsToWait(peer: string): number {
    return Math.max(1, Math.ceil(((1 - this.left(peer)) * REFILL_MS) / 1000));
  }

  #set(peer: string, left: number): void {
    this.#clients.delete(peer);
    this.#clients.set(peer, { left, at: this.#now() });
    if (this.#clients.size <= MAX_PEERS) return;
    this.#clients.delete(this.#clients.keys().next().value as string);
  }
}
