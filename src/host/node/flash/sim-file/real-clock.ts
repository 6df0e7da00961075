import type { Clock } from '../../../../core/sim/clock.js';

/** Timers are no finer than this; shorter waits are saved up until they amount to it. */
const TICK_MS = 1;

/** Waits for the chip's time, multiplied by a scale: 1 is as slow as silicon, 0.01 a hundred times faster. */
export class RealClock implements Clock {
  readonly #scale: number;
  #elapsed = 0;
  #debt = 0;

  constructor(scale: number) {
    this.#scale = scale;
  }

  get elapsed(): number {
    return this.#elapsed;
  }

  pass(ms: number): Promise<void> | undefined {
    this.#elapsed += ms;
    this.#debt += ms * this.#scale;
    if (this.#debt < TICK_MS) return undefined;
    return new Promise((resolve) => {
      const start = performance.now();
      setTimeout(() => {
        // What the timer overslept is not waited for again.
        this.#debt -= performance.now() - start;
        resolve();
      }, this.#debt);
    });
  }
}
