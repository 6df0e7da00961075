/**
 * Bytes that must come within the limit of silence, or the sender counts as silent: one byte now and then must not
 * hold the flash for days. Far below the slowest links that there are (9600 baud: 28,000 in 30 seconds).
 */
export const MIN_PROGRESS_BYTES = 1024;

/** Measures the silence of a sender. Runs only while it is the sender's turn: the time that its bytes take does not count. */
export class IdleClock {
  readonly #silence: number;
  readonly #expired: () => void;
  #timer: NodeJS.Timeout | undefined;
  #left: number;
  #asked = 0;
  /** Bytes since the whole time was granted last. */
  #bytes = 0;

  /**
   * @param silence - milliseconds within which the next MIN_PROGRESS_BYTES must come
   * @param expired - called when they did not
   */
  constructor(silence: number, expired: () => void) {
    this.#silence = silence;
    this.#left = silence;
    this.#expired = expired;
  }

  /** It is the sender's turn. */
  start(): void {
    this.#asked = performance.now();
    this.#timer = setTimeout(this.#expired, this.#left);
  }

  /** The sender sent something: stops until `start`. */
  heard(bytes: number): void {
    this.stop();
    this.#bytes += bytes;
    this.#left -= performance.now() - this.#asked;
    if (this.#bytes < MIN_PROGRESS_BYTES) return;
    this.#bytes = 0;
    this.#left = this.#silence;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
