/**
 * How the time that a chip is busy passes.
 *
 * @packageDocumentation
 */

/** Lets busy time pass. */
export interface Clock {
  /** Passes `ms` milliseconds of the chip's time. A promise where the caller has to wait for it. */
  pass(ms: number): Promise<void> | undefined;
  /** Milliseconds of the chip's time so far. */
  readonly elapsed: number;
}

/** Counts time and never waits. */
export class VirtualClock implements Clock {
  #elapsed = 0;

  get elapsed(): number {
    return this.#elapsed;
  }

  pass(ms: number): undefined {
    this.#elapsed += ms;
    return undefined;
  }
}
