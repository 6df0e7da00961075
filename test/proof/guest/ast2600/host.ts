import { once } from 'node:events';
import { createReadStream, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How a job in the guest ended. */
export interface JobResult {
  readonly code: number;
  /** What it printed, standard error included. */
  readonly output: string;
}

/** Bytes of a job's output that are taken; a job that prints more has gone wrong. */
const LARGEST_OUTPUT = 16 * 2 ** 20;

/**
 * The host's side of a guest: an HTTP server on loopback, which QEMU's user network shows to the guest as 10.0.2.2.
 * It hands out jobs one at a time and takes their results, serves files, and lets a job wait for the host.
 */
export class Host {
  readonly #server: Server;
  readonly #files = new Map<string, string>();
  readonly #gates = new Map<string, Promise<void>>();
  #job: string | null = null;
  #asking: ServerResponse | null = null;
  #running: { resolve: (result: JobResult) => void; reject: (error: Error) => void } | null = null;
  #hello: (() => void) | null = null;

  private constructor() {
    this.#server = createServer((request, response) => this.#serve(request, response));
    this.#server.keepAliveTimeout = 1000;
  }

  static async start(): Promise<Host> {
    const host = new Host();
    host.#server.listen(0, '127.0.0.1');
    await once(host.#server, 'listening');
    return host;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The URL under which the guest finds a file. */
  share(name: string, path: string): string {
    this.#files.set(`/files/${name}`, path);
    return `http://10.0.2.2:${this.port}/files/${name}`;
  }

  /** Shuts a gate, at which `wget http://$server/gate/NAME` waits in the guest. @returns what opens it */
  gate(name: string): () => void {
    let open!: () => void;
    this.#gates.set(name, new Promise<void>((resolve) => (open = resolve)));
    return open;
  }

  /** Resolves when a guest that has just been started says that it is there. */
  hello(): Promise<void> {
    return new Promise((resolve) => (this.#hello = resolve));
  }

  /** Gives the guest a shell script and waits for its end. */
  run(script: string): Promise<JobResult> {
    if (this.#running !== null) throw new Error('the guest has a job already');
    return new Promise((resolve, reject) => {
      this.#running = { resolve, reject };
      this.#job = script;
      this.#hand();
    });
  }

  /** The guest is gone: whatever it was doing has failed. */
  lost(reason: Error): void {
    const running = this.#running;
    this.#forget();
    running?.reject(reason);
  }

  /** Nothing of an earlier guest is left to be answered. */
  #forget(): void {
    this.#running = this.#job = this.#asking = this.#hello = null;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #hand(): void {
    if (this.#job === null || this.#asking === null) return;
    this.#asking.end(this.#job);
    this.#job = this.#asking = null;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://host');
    if (url.pathname === '/hello') {
      response.end('hello\n');
      this.#hello?.();
      this.#hello = null;
    } else if (url.pathname === '/job') {
      this.#asking = response;
      this.#hand();
    } else if (url.pathname === '/done') {
      void this.#done(request, response, Number(url.searchParams.get('code')));
    } else if (url.pathname.startsWith('/gate/')) {
      void this.#gates.get(url.pathname.slice('/gate/'.length))?.then(() => response.end('open\n'));
    } else {
      this.#file(url.pathname, request, response);
    }
  }

  async #done(request: IncomingMessage, response: ServerResponse, code: number): Promise<void> {
    const parts: Buffer[] = [];
    let length = 0;
    for await (const part of request as AsyncIterable<Buffer>) {
      length += part.length;
      if (length <= LARGEST_OUTPUT) parts.push(part);
    }
    response.end();
    const running = this.#running;
    this.#running = null;
    running?.resolve({ code, output: Buffer.concat(parts).toString('utf8') });
  }

  #file(name: string, request: IncomingMessage, response: ServerResponse): void {
    const path = this.#files.get(name);
    if (path === undefined) {
      response.writeHead(404).end();
      return;
    }
    const { size } = statSync(path);
    // No ranges: a source of the plainest kind.
    response.writeHead(200, { 'content-length': size });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const stream = createReadStream(path);
    stream.on('error', () => response.destroy());
    response.on('close', () => stream.destroy());
    stream.pipe(response);
  }
}
