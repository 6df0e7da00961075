import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import { asSluiceError, SluiceError } from '../../core/errors.js';
import type { Principal, Right } from '../../service/roles.js';
import { awaitsContinue } from './body.js';
import { Connections, rejectPipelined, Request } from './connection/connections.js';
import type { ListenerContext, Exchange, Admission } from './exchange.js';
import { closeGently, linger } from './connection/linger.js';
import { badRequest, Refusal, refusalOf } from './refusal.js';
import { sendJson } from './reply.js';
import type { Mount, RouteGroup } from './route-group.js';
import { requireOneReading } from './single-fields.js';
import { HttpCounters } from './counters.js';

/** Limits of the HTTP server. Times in milliseconds. */
export interface HttpLimits {
  /** Open connections; see Connections for which one is closed to make room for another. */
  readonly connections: number;
  /** Time in which the head of a request must arrive. */
  readonly head: number;
  /** Silence in the middle of a body. */
  readonly silence: number;
  /** Bytes of the head of a request. */
  readonly headBytes: number;
}

export const HTTP_LIMITS: HttpLimits = {
  connections: 256,
  head: 10_000,
  silence: 30_000,
  headBytes: 16 * 1024,
};

/** Characters of a path with its query. All known ones are much shorter. */
const MAX_URL_CHARACTERS = 2048;

/**
 * Lines of a head. Browsers send twenty, with proxies thirty. A line takes ten times its size in memory, and Node keeps
 * 2000 of them by default.
 */
const MAX_HEADER_LINES = 100;

/** Milliseconds that a client gets to close a connection after a malformed request. */
const REJECTED_CLOSE_MS = 2000;

const BAD_REQUEST = '400 Bad Request';

/** Answers to heads that were not read completely. */
const STATUS_LINES: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

const PLAIN_TCP: ListenerContext = { kind: 'tcp', tls: false, role: null };

/** Makes HTTP servers, one for each address, that answer with the routes of groups. */
export class HttpService {
  readonly #mounts: readonly Mount[];
  readonly #admission: Admission;
  readonly #limits: HttpLimits;
  readonly #log: (message: string, error: unknown) => void;
  readonly #counters: HttpCounters;
  /** Answers that are not complete yet. */
  readonly #unfinished = new Set<ServerResponse>();
  #ending = false;

  /** @param mounts - the first one that has a path gets it */
  constructor(
    mounts: readonly Mount[],
    admission: Admission,
    limits: HttpLimits,
    log: (message: string, error: unknown) => void,
    counters = new HttpCounters(),
  ) {
    this.#mounts = mounts;
    this.#admission = admission;
    this.#limits = limits;
    this.#log = log;
    this.#counters = counters;
  }

  /** A server without TLS that does not listen yet. */
  server(listener = PLAIN_TCP): Server {
    return this.prepare(createServer(this.serverOptions), listener);
  }

  /** Options for a server that is passed to `prepare`. */
  get serverOptions(): ServerOptions {
    const { head, headBytes } = this.#limits;
    return {
      IncomingMessage: Request,
      maxHeaderSize: headBytes,
      headersTimeout: head,
      // The time of a body is not limited, only its silence: 32 MiB take long over a slow link.
      requestTimeout: 0,
      keepAliveTimeout: 5000,
      connectionsCheckingInterval: 1000,
      highWaterMark: 64 * 1024,
    };
  }

  /** From now on each connection is closed after its current answer. */
  endConnections(): void {
    this.#ending = true;
    for (const response of this.#unfinished) if (!response.headersSent) response.shouldKeepAlive = false;
  }

  /** Ends the answers that have no end of their own: events. */
  endStreams(): void {
    for (const response of this.#unfinished)
      if (response.headersSent && !response.writableEnded) response.end();
  }

  /** Makes a server of any kind (TLS) answer by the routes. */
  prepare<T extends Server>(server: T, listener: ListenerContext): T {
    const connections = new Connections(this.#limits.connections);
    server.on('connection', (socket: Socket) => connections.add(socket));
    server.maxHeadersCount = MAX_HEADER_LINES;
    server.maxRequestsPerSocket = 1000;
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      connections.begin(request, response);
      void this.#answer(request, response, listener);
    };
    // Node emits this only for pipelined requests, see Request.
    server.on('upgrade', rejectPipelined);
    server.on('request', answer);
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      awaitsContinue(request);
      answer(request, response);
    });
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      const status = STATUS_LINES[error.code ?? ''] ?? (error.code?.startsWith('HPE_') ? BAD_REQUEST : null);
      // Other errors are of the connection or of TLS: an answer would not be read.
      if (status === null || !socket.writable) return void socket.destroy();
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      const timer = setTimeout(() => socket.destroy(), REJECTED_CLOSE_MS);
      return void socket.once('close', () => clearTimeout(timer));
    });
    return server;
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    listener: ListenerContext,
  ): Promise<void> {
    response.on('error', () => {});
    request.on('error', () => {});
    closeGently(request);
    this.#unfinished.add(response);
    response.once('close', () => this.#unfinished.delete(response));
    if (this.#ending) response.shouldKeepAlive = false;
    // Used until the path is known.
    let failed: RouteGroup['failed'] = (error) => refusalOf(error);
    try {
      if (request.rawHeaders.length >= 2 * MAX_HEADER_LINES) {
        throw badRequest(431, `request head has ${MAX_HEADER_LINES} lines or more`);
      }
      requireOneReading(request, response);
      const target = splitUrl(request.url ?? '');
      const group = await this.#groupAt(target.path);
      failed = (error) => group.failed(error);
      await this.#route(request, response, listener, group, target);
    } catch (thrown) {
      const { status, body, headers } =
        thrown instanceof Refusal ? thrown : failed(this.#counted(request, thrown));
      if (response.headersSent) response.destroy();
      else sendJson(response, status, body, headers);
    }
    linger(request);
  }

  #counted(request: IncomingMessage, thrown: unknown): SluiceError {
    const error = asSluiceError(thrown);
    this.#counters.countError(request, error);
    if (error.code === 'ERR_SESSION_INTERNAL') this.#log(`${request.method} failed`, error.cause ?? error);
    return error;
  }

  #groupAt(path: string): RouteGroup | Promise<RouteGroup> {
    const mount = this.#mounts.find((each) => path === each.path || path.startsWith(`${each.path}/`));
    if (mount === undefined) throw badRequest(404, `${path} does not exist`);
    return mount.group();
  }

  async #route(
    request: IncomingMessage,
    response: ServerResponse,
    listener: ListenerContext,
    { router, unknown, via, notFound, notAllowed }: RouteGroup,
    { path, query }: Target,
  ): Promise<void> {
    const { method = '' } = request;
    const admit = async (right: Right | null): Promise<Principal | null> =>
      right === null ? null : this.#admission.admit(request, response, right, listener);
    const found = router.find(method, path);
    if (found === null || found.route === null) {
      await admit(unknown);
      if (found === null) throw notFound(path);
      response.setHeader('allow', found.allow.join(', '));
      throw notAllowed(method, path);
    }
    const { route, parameters } = found;
    const principal = await admit(route.right);
    const exchange: Exchange = {
      request,
      response,
      path,
      query,
      parameters,
      principal,
      listener,
      from: { via, peer: request.socket.remoteAddress ?? null, user: principal?.name ?? null },
    };
    await route.handle(exchange);
  }
}

/** The target of a request. */
interface Target {
  readonly path: string;
  readonly query: URLSearchParams;
}

/**
 * Parses the target of a request.
 * @throws SluiceError ERR_USAGE_REQUEST
 */
export function splitUrl(url: string): Target {
  const [target = '', ...rest] = url.split('?');
  try {
    if (url.length > MAX_URL_CHARACTERS || !target.startsWith('/')) throw new RangeError();
    return { path: decodeURIComponent(target), query: new URLSearchParams(rest.join('?')) };
  } catch {
    throw new SluiceError('ERR_USAGE_REQUEST', 'request target is too long or malformed');
  }
}
