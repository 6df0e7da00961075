/** Wrong passwords that a sender has free: a person who tries the ones that come to mind. */
const FREE = 10;

/** Milliseconds after which one more is free. */
const REFILL = 6000;

/** Senders that are remembered; the one that was heard of least recently is forgotten. */
const SENDERS = 512;

interface Sender {
  left: number;
  at: number;
}

/** Counts the wrong passwords of each sender. */
export class FailureBudget {
  readonly #now: () => number;
  readonly #senders = new Map<string, Sender>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Guesses that the sender has left, with a fraction for the next one. */
  left(peer: string): number {
    const sender = this.#senders.get(peer);
    if (sender === undefined) return FREE;
    return Math.min(FREE, sender.left + (this.#now() - sender.at) / REFILL);
  }

  /** Whether it has guessed wrong lately, or is about to find out. */
  hasGuessed(peer: string): boolean {
    return this.left(peer) < FREE;
  }

  /** Takes one guess. @returns whether there was one left */
  take(peer: string): boolean {
    const left = this.left(peer);
    if (left < 1) return false;
    this.#set(peer, left - 1);
    return true;
  }

  /** It was no guess: gives it back. */
  giveBack(peer: string): void {
    this.#set(peer, Math.min(FREE, this.left(peer) + 1));
  }

  /** Whole seconds until the sender has a guess left; 1 at least. */
  wait(peer: string): number {
    return Math.max(1, Math.ceil(((1 - this.left(peer)) * REFILL) / 1000));
  }

  #set(peer: string, left: number): void {
    this.#senders.delete(peer);
    this.#senders.set(peer, { left, at: this.#now() });
    if (this.#senders.size <= SENDERS) return;
    this.#senders.delete(this.#senders.keys().next().value as string);
  }
}
