import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { request as httpRequest } from 'node:http';
import { ERRORS, SluiceError, type ErrorCode, type FlashState } from '../../core/errors.js';
import type { Endpoint } from './endpoint.js';

/** Milliseconds without a byte in either direction after which a connection is given up. A block takes seconds. */
const SILENCE = 60_000;

/** Milliseconds to wait for `100 Continue`, which a server may not support (RFC 9110, section 10.1.1). */
const CONTINUE = 5000;

/** Milliseconds between two keep-alive probes. */
const KEEP_ALIVE = 10_000;

/** Largest answer in bytes; a receipt has a few thousand. */
const MAX_RESPONSE_BYTES = 4 * 1024 * 1024;

/** Codes of node:tls for a refused certificate of the server; ERR_SSL_ codes concern that of the client. */
const NOT_TAKEN = /^(?!ERR_SSL_)\w*CERT|^UNABLE_TO_/;
const UNKNOWN_ISSUER = /SELF_SIGNED|^UNABLE_TO_/;

/** Messages for codes of node:net and OpenSSL. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOENT: 'there is no such socket',
  ENOTFOUND: 'no machine of this name is known',
};

/** Codes after which a retry would fail again. */
const HOPELESS: ReadonlySet<string> = new Set(['ENOTFOUND', 'EPROTO', 'EACCES']);

/** Answer of a service. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON; null when it is none. */
  readonly json: unknown;
}

/** A body that is sent. */
export interface Body {
  /** Bytes; null when not known. */
  readonly size: number | null;
  /** Hands the bytes to `take` until all are sent or `until` says that they are not wanted. */
  pump(take: (bytes: Uint8Array) => Promise<void>, until: () => boolean): Promise<void>;
}

/** Options of a request. */
export interface Asking {
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Body;
  readonly signal?: AbortSignal;
}

/** A client of one service. Each request has its own connection. */
export class ServiceClient {
  readonly #endpoint: Endpoint;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  get name(): string {
    return this.#endpoint.name;
  }

  /**
   * One request and its answer, which may come before the body is sent.
   * @throws SluiceError ERR_SOURCE_SERVICE when the connection was cut or could not be made, and what the body throws
   */
  async ask(method: string, path: string, asking: Asking = {}): Promise<Answer> {
    let request: ClientRequest | null = null;
    try {
      // A Location from a service can be an invalid path.
      request = await this.open(method, path, asking);
      return await exchange(request, asking.body ?? null);
    } catch (thrown) {
      throw this.lost(thrown);
    } finally {
      request?.destroy();
    }
  }

  /** A request whose body, if it has one, is not sent yet. */
  async open(method: string, path: string, { headers = {}, body, signal }: Asking): Promise<ClientRequest> {
    const { tls, address, authorization, ca, cert, key } = this.#endpoint;
    const length = body?.size ?? null;
    const options = {
      ...address,
      method,
      path,
      agent: false,
      timeout: SILENCE,
      ...(signal === undefined ? {} : { signal }),
      headers: {
        'user-agent': 'sluice',
        ...(authorization === null ? {} : { authorization }),
        ...(body === undefined ? {} : { expect: '100-continue' }),
        ...(length === null ? {} : { 'content-length': length }),
        ...headers,
      },
    };
    const request = tls
      ? (await import('node:https')).request({ ...options, ca, cert, key })
      : httpRequest(options);
    // A machine that lost power sends no FIN.
    request.setSocketKeepAlive(true, KEEP_ALIVE);
    request.on('timeout', () => request.destroy(new Error(`no byte for ${SILENCE / 1000} seconds`)));
    return request;
  }

  /** The error of a connection as an error of this program. */
  lost(thrown: unknown): SluiceError {
    if (thrown instanceof SluiceError) return thrown;
    const why = reasonOf(thrown as Lost, this.#endpoint.tls) ?? String(thrown);
    return new SluiceError('ERR_SOURCE_SERVICE', `${this.name}: ${why}`, { cause: thrown });
  }

  /** Whether another attempt to connect would fail in the same way. */
  isHopeless({ cause }: SluiceError): boolean {
    const { code = '' } = (cause ?? {}) as { code?: string };
    return HOPELESS.has(code) || NOT_TAKEN.test(code);
  }
}

/** What node:net, node:tls and node:http throw. */
interface Lost {
  readonly message?: string;
  readonly code?: string;
}

function reasonOf({ message, code = '' }: Lost, tls: boolean): string | undefined {
  // Newer versions of Node append a hint about a flag of Node, which does not apply to sluice.
  if (UNKNOWN_ISSUER.test(code))
    return `${message?.split(';')[0]}; --ca FILE names whose certificates are trusted`;
  if (message?.includes('wrong version number'))
    return 'what listens there does not speak TLS; is it http://?';
  if (!tls && message === 'socket hang up')
    return 'the connection was closed without an answer; if TLS is spoken there, say https://';
  return REASONS[code] ?? message;
}

function exchange(request: ClientRequest, body: Body | null): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let answered = false;
    request.on('error', reject);
    request.on('close', () => reject(new Error('the connection was closed without an answer')));
    request.on('response', (response) => {
      answered = true;
      collect(response).then(resolve, reject);
    });
    if (body === null) return void request.end();
    let begun = false;
    const begin = (): void => {
      if (begun || answered || request.destroyed) return;
      begun = true;
      clearTimeout(timer);
      send(request, body, () => answered).catch(reject);
    };
    const timer = setTimeout(begin, CONTINUE);
    request.on('close', () => clearTimeout(timer));
    request.on('continue', begin);
    return request.flushHeaders();
  });
}

async function send(request: ClientRequest, body: Body, until: () => boolean): Promise<void> {
  const gone = (): boolean => until() || request.destroyed;
  await body.pump(
    (bytes) =>
      new Promise((resolve) => {
        if (gone()) return resolve();
        // An error of the connection is an event of the request.
        request.once('close', resolve);
        request.write(bytes, () => {
          request.off('close', resolve);
          resolve();
        });
      }),
    gone,
  );
  if (!gone()) request.end();
}

/**
 * The whole answer.
 * @throws Error when it is longer than any, or cut
 */
export async function collect(response: IncomingMessage): Promise<Answer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_RESPONSE_BYTES) throw new Error(`the response is larger than ${MAX_RESPONSE_BYTES} bytes`);
    parts.push(part);
  }
  const text = Buffer.concat(parts).toString('utf8');
  return { status: response.statusCode ?? 0, headers: response.headers, text, json: jsonOf(text) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

/** The error of an unexpected answer: that of the service, or that the server is not sluice. */
export function errorOf({ status, json }: Pick<Answer, 'status' | 'json'>, name: string): SluiceError {
  const { code, message, flash } = (json ?? {}) as { code?: unknown; message?: unknown; flash?: unknown };
  if (typeof code !== 'string' || !Object.hasOwn(ERRORS, code) || typeof message !== 'string') {
    return new SluiceError('ERR_SOURCE_SERVICE', `${name} answered ${status}, and not as sluice does`);
  }
  const state = (['untouched', 'partial', 'complete'] as const).find((known) => known === flash);
  return new SluiceError(code as ErrorCode, message, {
    flash: state satisfies FlashState | undefined,
    // A refusal of credentials concerns the options of this client; other errors concern the service or the bundle.
    remote: code !== 'ERR_BUSY_CREDENTIALS',
  });
}
