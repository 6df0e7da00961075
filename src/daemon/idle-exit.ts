import type { Listener } from './listener.js';

/**
 * Ends a service that nobody uses: after a time with no connection and nothing to do it stops accepting.
 *
 * With sockets that systemd holds nothing is lost: what has connected meanwhile waits in the kernel's queue, and
 * systemd starts the service again for it. Between the look at the listeners and the end of accepting no event is
 * handled, so that none can come in unseen.
 */
export class IdleExit {
  /** Resolves when it is time to end; nothing is accepted any more then. */
  readonly over: Promise<void>;
  readonly #listeners: readonly Listener[];
  readonly #busy: () => boolean;
  readonly #after: number;
  #timer: NodeJS.Timeout | undefined;
  #end: () => void = () => {};

  /**
   * @param busy - whether there is something to do without a client: a job, an upload that waits to be resumed
   * @param after - milliseconds
   */
  constructor(listeners: readonly Listener[], busy: () => boolean, after: number) {
    this.#listeners = listeners;
    this.#busy = busy;
    this.#after = after;
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
    for (const listener of listeners) listener.watch(() => this.touch());
    this.touch();
  }

  /** Something has happened: the time begins anew. */
  touch(): void {
    clearTimeout(this.#timer);
    if (this.#listeners.some(({ busy }) => busy)) return;
    this.#timer = setTimeout(() => this.#look(), this.#after);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #look(): void {
    if (this.#busy()) return this.touch();
    for (const listener of this.#listeners) void listener.close(Promise.resolve());
    this.#end();
  }
}
