import type { Server } from 'node:http';
import type { HttpService } from '../protocols/http/http-service.js';
import type { Listener } from './listener.js';

/** Time for clients to read their last answer. */
const LAST_ANSWER_MS = 3000;

/** The Listener of an HTTP server. */
export class HttpListener implements Listener {
  readonly address: string;
  readonly #server: Server;
  readonly #http: HttpService;
  #connections = 0;
  #changed: () => void = () => {};

  constructor(server: Server, http: HttpService, address: string) {
    this.#server = server;
    this.#http = http;
    this.address = address;
    server.on('connection', (socket) => {
      this.#count(1);
      socket.once('close', () => this.#count(-1));
    });
  }

  get busy(): boolean {
    return this.#connections > 0;
  }

  watch(changed: () => void): void {
    this.#changed = changed;
  }

  async close(idle: Promise<void>): Promise<void> {
    const server = this.#server;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    this.#http.endConnections();
    await idle;
    this.#http.endStreams();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LAST_ANSWER_MS);
    });
    await Promise.race([closed, late]);
    clearTimeout(timer);
    server.closeAllConnections();
  }

  #count(change: 1 | -1): void {
    this.#connections += change;
    this.#changed();
  }
}
