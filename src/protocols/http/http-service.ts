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
import { HttpCounters } from './counters.js';

/** Limits of the HTTP server. Times in milliseconds. */
export interface HttpLimits {
  /** Connections at once; see Connections for who has to go when another one comes. */
  readonly connections: number;
  /** Time for the head of a request to come. */
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

/** Characters of a path with its query: the longest that the service knows are far below. */
const URL_LIMIT = 2048;

/**
 * Lines of a head: browsers send twenty, behind proxies thirty. Each takes ten times its size in memory, and Node keeps
 * 2000 of them before it asks anybody.
 */
const HEADER_LIMIT = 100;

/** Milliseconds that a sender gets to close a connection on which it is not understood. */
const LAST_WORDS = 2000;

const BAD_REQUEST = '400 Bad Request';

/** Answers to heads that are not read to their end. */
const STATUS_LINES: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

const PLAIN: ListenerContext = { kind: 'tcp', tls: false, role: null };

/** Makes servers that answer by the routes of groups. One for each address that is listened on. */
export class HttpService {
  readonly #mounts: readonly Mount[];
  readonly #gatekeeper: Admission;
  readonly #limits: HttpLimits;
  readonly #log: (message: string, error: unknown) => void;
  readonly #tally: HttpCounters;
  /** Answers that have not been given to their end. */
  readonly #open = new Set<ServerResponse>();
  #ending = false;

  /** @param mounts - of two that have a path, the first one gets it */
  constructor(
    mounts: readonly Mount[],
    gatekeeper: Admission,
    limits: HttpLimits,
    log: (message: string, error: unknown) => void,
    tally = new HttpCounters(),
  ) {
    this.#mounts = mounts;
    this.#gatekeeper = gatekeeper;
    this.#limits = limits;
    this.#log = log;
    this.#tally = tally;
  }

  /** A server without TLS, not listening yet. */
  server(entrance = PLAIN): Server {
    return this.prepare(createServer(this.serverOptions), entrance);
  }

  /** What a server that `prepare` gets is to be made with. */
  get serverOptions(): ServerOptions {
    const { head, headBytes } = this.#limits;
    return {
      IncomingMessage: Request,
      maxHeaderSize: headBytes,
      headersTimeout: head,
      // How long a body may take is judged by silence: 32 MiB over a slow link are honest work.
      requestTimeout: 0,
      keepAliveTimeout: 5000,
      connectionsCheckingInterval: 1000,
      highWaterMark: 64 * 1024,
    };
  }

  /** From now on each connection is closed behind the answer that is being given on it. */
  endConnections(): void {
    this.#ending = true;
    for (const response of this.#open) if (!response.headersSent) response.shouldKeepAlive = false;
  }

  /** Ends the answers that go on for as long as somebody listens: events. */
  endStreams(): void {
    for (const response of this.#open) if (response.headersSent && !response.writableEnded) response.end();
  }

  /** Makes a server of any kind (TLS) answer by the routes. */
  prepare<T extends Server>(server: T, entrance: ListenerContext): T {
    const connections = new Connections(this.#limits.connections);
    server.on('connection', (socket: Socket) => connections.add(socket));
    server.maxHeadersCount = HEADER_LIMIT;
    server.maxRequestsPerSocket = 1000;
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      connections.begin(request, response);
      void this.#answer(request, response, entrance);
    };
    // Only requests that do not wait for their turn come this way.
    server.on('upgrade', rejectPipelined);
    server.on('request', answer);
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      awaitsContinue(request);
      answer(request, response);
    });
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      const status = STATUS_LINES[error.code ?? ''] ?? (error.code?.startsWith('HPE_') ? BAD_REQUEST : null);
      // What is no fault in HTTP is one of the connection, or of TLS below it: nobody would read an answer.
      if (status === null || !socket.writable) return void socket.destroy();
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      const timer = setTimeout(() => socket.destroy(), LAST_WORDS);
      return void socket.once('close', () => clearTimeout(timer));
    });
    return server;
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    entrance: ListenerContext,
  ): Promise<void> {
    response.on('error', () => {});
    request.on('error', () => {});
    closeGently(request);
    this.#open.add(response);
    response.once('close', () => this.#open.delete(response));
    if (this.#ending) response.shouldKeepAlive = false;
    // Until the path is known, errors have the form that most clients read.
    let failed: RouteGroup['failed'] = (error) => refusalOf(error);
    try {
      if (request.rawHeaders.length >= 2 * HEADER_LIMIT) {
        throw badRequest(431, `the head has ${HEADER_LIMIT} lines or more`);
      }
      const target = splitUrl(request.url ?? '');
      const group = await this.#groupAt(target.path);
      failed = (error) => group.failed(error);
      await this.#route(request, response, entrance, group, target);
    } catch (thrown) {
      const { status, body, headers } =
        thrown instanceof Refusal ? thrown : failed(this.#noted(request, thrown));
      if (response.headersSent) response.destroy();
      else sendJson(response, status, body, headers);
    }
    linger(request);
  }

  #noted(request: IncomingMessage, thrown: unknown): SluiceError {
    const error = asSluiceError(thrown);
    this.#tally.note(request, error);
    if (error.code === 'ERR_SESSION_INTERNAL') this.#log(`${request.method} failed`, error.cause ?? error);
    return error;
  }

  #groupAt(path: string): RouteGroup | Promise<RouteGroup> {
    const mount = this.#mounts.find((each) => path === each.path || path.startsWith(`${each.path}/`));
    if (mount === undefined) throw badRequest(404, `there is nothing at ${path}`);
    return mount.group();
  }

  async #route(
    request: IncomingMessage,
    response: ServerResponse,
    entrance: ListenerContext,
    { router, unknown, via, notFound, notAllowed }: RouteGroup,
    { path, query }: Target,
  ): Promise<void> {
    const { method = '' } = request;
    const admit = async (right: Right | null): Promise<Principal | null> =>
      right === null ? null : this.#gatekeeper.admit(request, response, right, entrance);
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
      listener: entrance,
      from: { via, peer: request.socket.remoteAddress ?? null, user: principal?.name ?? null },
    };
    await route.handle(exchange);
  }
}

/** What a request is for. */
interface Target {
  readonly path: string;
  readonly query: URLSearchParams;
}

/**
 * Path and query of a request's target.
 * @throws SluiceError ERR_USAGE_REQUEST
 */
export function splitUrl(url: string): Target {
  const [target = '', ...rest] = url.split('?');
  try {
    if (url.length > URL_LIMIT || !target.startsWith('/')) throw new RangeError();
    return { path: decodeURIComponent(target), query: new URLSearchParams(rest.join('?')) };
  } catch {
    throw new SluiceError('ERR_USAGE_REQUEST', 'the address is too long or malformed');
  }
}
