import type { Server } from 'node:net';

/**
 * Ends a service that nobody uses: after a time with no connection and nothing to do it stops accepting.
 *
 * With sockets that systemd holds nothing is lost by it: what has connected meanwhile waits in the kernel's queue,
 * and systemd starts the service again for it. Between the look at the connections and the end of accepting no event
 * is handled, so that none can come in unseen.
 */
export class IdleExit {
  /** Resolves when it is time to go; nothing is accepted any more then. */
  readonly over: Promise<void>;
  readonly #servers: readonly Server[];
  readonly #busy: () => boolean;
  readonly #after: number;
  #connections = 0;
  #timer: NodeJS.Timeout | undefined;
  #end: () => void = () => {};

  /**
   * @param servers - all that listen
   * @param busy - whether there is something to do without a connection: a job, an upload that waits to be gone on with
   * @param after - milliseconds
   */
  constructor(servers: readonly Server[], busy: () => boolean, after: number) {
    this.#servers = servers;
    this.#busy = busy;
    this.#after = after;
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
    for (const server of servers) {
      server.on('connection', (socket) => {
        this.#connections++;
        clearTimeout(this.#timer);
        socket.once('close', () => {
          this.#connections--;
          this.touch();
        });
      });
    }
    this.touch();
  }

  /** Something has happened: the time begins anew. */
  touch(): void {
    clearTimeout(this.#timer);
    if (this.#connections > 0) return;
    this.#timer = setTimeout(() => this.#look(), this.#after);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #look(): void {
    if (this.#busy()) return this.touch();
    for (const server of this.#servers) server.close();
    this.#end();
  }
}
