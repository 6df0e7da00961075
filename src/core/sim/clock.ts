/**
 * How busy time of a chip passes.
 *
 * @packageDocumentation
 */

export interface Clock {
  /** Passes `ms` milliseconds of chip time. Returns a promise if the caller has to wait. */
  pass(ms: number): Promise<void> | undefined;
  /** Milliseconds of chip time so far. */
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
