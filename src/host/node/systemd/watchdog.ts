/**
 * Signs of life at half the time that the supervisor allows, from the event loop: they stop when it does, and they
 * are held back while `alive` says no.
 *
 * A flash operation runs on a thread of its own and keeps nothing from happening here, so that an erase may take as
 * long as it takes. One that never comes back, and a job that has lost its way, are for `alive` to see.
 */
export class Watchdog {
  readonly #timer: NodeJS.Timeout;
  #well = true;

  /**
   * @param within - milliseconds within which a sign is expected
   * @param send - sends one
   * @param alive - whether things move, asked before each sign
   * @param log - called when signs are held back, and when they resume
   */
  constructor(within: number, send: () => void, alive: () => boolean, log: (message: string) => void) {
    const tick = (): void => {
      const well = alive();
      if (well !== this.#well) {
        log(well ? 'the job moves again' : 'the job has not moved for too long: no signs of life any more');
      }
      this.#well = well;
      if (well) send();
    };
    this.#timer = setInterval(tick, Math.max(1, Math.floor(within / 2))).unref();
    tick();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
