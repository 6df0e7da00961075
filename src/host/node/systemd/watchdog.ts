/**
 * Resets the watchdog of the supervisor at half its limit, from the event loop: a blocked event loop stops it, and so
 * does `alive` returning false.
 *
 * Flash operations run on other threads, so a long erase does not stop it. `alive` must detect an operation that hangs
 * and a job that makes no progress.
 */
export class Watchdog {
  readonly #timer: NodeJS.Timeout;
  #alive = true;

  /**
   * @param within - limit of the watchdog in milliseconds
   * @param send - resets the watchdog
   * @param alive - whether the job makes progress, called before each `send`
   * @param log - called when `alive` changes
   */
  constructor(within: number, send: () => void, alive: () => boolean, log: (message: string) => void) {
    const tick = (): void => {
      const isAlive = alive();
      if (isAlive !== this.#alive) {
        log(isAlive ? 'job makes progress again' : 'job makes no progress: watchdog is not reset any more');
      }
      this.#alive = isAlive;
      if (isAlive) send();
    };
    this.#timer = setInterval(tick, Math.max(1, Math.floor(within / 2))).unref();
    tick();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
