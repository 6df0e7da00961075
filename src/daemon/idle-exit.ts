import type { Listener } from './listener.js';

/**
 * Ends an idle service: after a time without connections and jobs it stops accepting.
 *
 * With sockets that systemd holds, no connection is lost: it waits in the queue of the kernel, and systemd starts the
 * service again for it. Between the check of the listeners and the end of accepting no event is handled, so that no
 * connection is missed.
 */
export class IdleExit {
  /** Resolves when the service stops accepting. */
  readonly over: Promise<void>;
  readonly #listeners: readonly Listener[];
  readonly #busy: () => boolean;
  readonly #timeout: number;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #end: () => void = () => {};

  /**
   * @param busy - whether there is work without a client: a job, or an upload that waits to be resumed
   * @param timeout - milliseconds
   */
  constructor(listeners: readonly Listener[], busy: () => boolean, timeout: number) {
    this.#listeners = listeners;
    this.#busy = busy;
    this.#timeout = timeout;
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
    for (const listener of listeners) listener.watch(() => this.touch());
    this.touch();
  }

  /** Restarts the timer after an event. */
  touch(): void {
    clearTimeout(this.#timer);
    if (this.#closed || this.#listeners.some(({ busy }) => busy)) return;
    this.#timer = setTimeout(() => this.#endIfIdle(), this.#timeout);
  }

  /** Ends the measurement: connections that close later do not start the timer again. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #endIfIdle(): void {
    if (this.#busy()) return this.touch();
    this.close();
    for (const listener of this.#listeners) void listener.close(Promise.resolve());
    this.#end();
  }
}
