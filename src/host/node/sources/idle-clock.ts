/**
 * Bytes that a sender must send within the limit of silence: single bytes now and then must not keep the flash busy for
 * days. Far below the slowest links (9600 baud: 28,000 bytes in 30 seconds).
 */
export const MIN_PROGRESS_BYTES = 1024;

/** The limit is measured in so many steps. */
const STEPS = 8;

/**
 * Measures the silence of a sender. Stopped while received bytes are processed: that time does not count. Time for which
 * this process stood still (SIGSTOP, a paused virtual machine) counts as one step: what was sent meanwhile waits in the
 * socket.
 */
export class IdleClock {
  readonly #silence: number;
  readonly #expired: () => void;
  #timer: NodeJS.Timeout | undefined;
  #left: number;
  #startedAt = 0;
  /** Bytes since the last reset of the limit. */
  #bytes = 0;

  /**
   * @param silence - milliseconds within which the next MIN_PROGRESS_BYTES must arrive
   * @param expired - called if they do not
   */
  constructor(silence: number, expired: () => void) {
    this.#silence = silence;
    this.#left = silence;
    this.#expired = expired;
  }

  /** Starts to wait for the sender. */
  start(): void {
    this.#startedAt = performance.now();
    this.#timer = setTimeout(() => this.#step(), Math.min(this.#left, this.#length));
  }

  /** Counts received bytes and stops until `start`. */
  received(bytes: number): void {
    this.stop();
    this.#bytes += bytes;
    this.#left -= Math.min(this.#length, performance.now() - this.#startedAt);
    if (this.#bytes < MIN_PROGRESS_BYTES) return;
    this.#bytes = 0;
    this.#left = this.#silence;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  get #length(): number {
    return this.#silence / STEPS;
  }

  #step(): void {
    const waited = performance.now() - this.#startedAt;
    const stoodStill = waited > 2 * this.#length;
    this.#left -= Math.min(this.#length, waited);
    if (this.#left <= 0 && !stoodStill) return this.#expired();
    // Timers come before what has arrived: one step more.
    if (this.#left <= 0) this.#left = this.#length;
    this.start();
  }
}
