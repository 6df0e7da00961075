import type { Server } from 'node:http';
import type { HttpService } from '../protocols/http/http-service.js';
import type { Listener } from './listener.js';

/** Milliseconds that clients get to read their last answer. */
const LAST_ANSWERS = 3000;

/** A server of HTTP that listens, as a listener. */
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

  async close(rest: Promise<void>): Promise<void> {
    const server = this.#server;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    this.#http.endConnections();
    await rest;
    this.#http.endStreams();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LAST_ANSWERS);
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
