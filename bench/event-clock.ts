import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../src/core/sim/index.js';

interface Waiter {
  readonly at: number;
  readonly wake: () => void;
}

/** Milliseconds on the wall in which something must happen while nobody waits for virtual time. A file read takes few. */
const STUCK = 30_000;

/**
 * Virtual time in which several things go on at once: whoever waits is woken in the order of time, and time goes on
 * only when nobody has anything left to do. So an update in which bytes come while the chip is busy takes what it
 * would take with a clock on the wall and a processor without limits.
 */
export class EventClock implements Clock {
  readonly #stuck: number;
  #now = 0;
  #waiting: Waiter[] = [];
  #busy = 0;

  /** @param stuck - milliseconds on the wall after which nothing is expected to happen any more */
  constructor(stuck = STUCK) {
    this.#stuck = stuck;
  }

  /** Milliseconds. */
  get now(): number {
    return this.#now;
  }

  /** Milliseconds that the chip was busy. */
  get elapsed(): number {
    return this.#busy;
  }

  pass(ms: number): Promise<void> | undefined {
    this.#busy += ms;
    return ms > 0 ? this.until(this.#now + ms) : undefined;
  }

  async until(at: number): Promise<void> {
    if (at <= this.#now) return;
    await new Promise<void>((wake) => this.#waiting.push({ at, wake }));
  }

  /**
   * Lets time go on until `work` has ended.
   * @throws Error when it waits for something that never comes, and what `work` throws
   */
  async run<T>(work: Promise<T>): Promise<T> {
    let over = false;
    const end = (): void => void (over = true);
    work.then(end, end);
    let alive = performance.now();
    for (;;) {
      // All promises that can settle without time have done so when a turn of the event loop is over.
      await setImmediate();
      if (over) return work;
      const next = this.#waiting.reduce<Waiter | null>(
        (first, each) => (first === null || each.at < first.at ? each : first),
        null,
      );
      if (next === null) {
        if (performance.now() - alive < this.#stuck) continue;
        throw new Error('everybody waits, and nobody for time');
      }
      alive = performance.now();
      this.#waiting = this.#waiting.filter((each) => each !== next);
      this.#now = next.at;
      next.wake();
    }
  }
}
