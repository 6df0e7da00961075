import { get as httpGet, type IncomingMessage } from 'node:http';
import { SluiceError } from '../../../core/errors.js';
import type { Abort } from '../../../core/platform.js';
import { MIN_PROGRESS_BYTES } from './idle-clock.js';
import { readWithIdleTimeout } from './pieces.js';
import type { Source, Take } from './source.js';

/** A firmware server needs one or two; the default of curl is 50. */
const MAX_REDIRECTS = 5;

const DEFAULT_SILENCE_MS = 30_000;

/**
 * A bundle at a URL. Each reading sends a new request. Back-pressure reaches the server: the socket is not read while
 * `take` runs.
 */
export class HttpSource implements Source {
  readonly name: string;
  readonly rereadable = true;
  readonly #url: URL;
  readonly #silence: number;
  readonly #permit: (url: URL) => boolean;
  #size: number | null = null;

  private constructor(url: URL, silence: number, permit: (url: URL) => boolean) {
    this.#url = url;
    this.#silence = silence;
    this.#permit = permit;
    // Without the password.
    this.name = `${url.origin}${url.pathname}`;
  }

  /**
   * @param options.silence - milliseconds without progress after which the request fails
   * @param options.permit - whether a redirect to a URL is followed; default all
   * @throws SluiceError ERR_SOURCE_UNREADABLE if the text is not a URL
   */
  static open(
    text: string,
    {
      silence = DEFAULT_SILENCE_MS,
      permit = () => true,
    }: { silence?: number; permit?: (url: URL) => boolean } = {},
  ): HttpSource {
    try {
      return new HttpSource(new URL(text), silence, permit);
    } catch (cause) {
      throw new SluiceError('ERR_SOURCE_UNREADABLE', 'the source is not a valid URL', {
        cause,
      });
    }
  }

  /** Known after the first response. */
  get size(): number | null {
    return this.#size;
  }

  async pump(take: Take, { signal, until }: { signal?: Abort; until?: () => boolean } = {}): Promise<void> {
    const response = await this.#request(this.#url, MAX_REDIRECTS, signal);
    const declared = Number(response.headers['content-length'] ?? Number.NaN);
    this.#size = Number.isSafeInteger(declared) ? declared : null;
    let received = 0;
    const connectionLost = (why: string, cause?: unknown) =>
      new SluiceError('ERR_SOURCE_HTTP', `${this.name}: connection lost after ${received} bytes${why}`, {
        cause,
      });
    try {
      await readWithIdleTimeout(
        response,
        (bytes) => {
          received += bytes.length;
          return take(bytes);
        },
        {
          silence: this.#silence,
          until,
          silent: () =>
            connectionLost(`: fewer than ${MIN_PROGRESS_BYTES} bytes in ${this.#silence / 1000} seconds`),
          cut: (cause) => {
            if (signal?.aborted === true) return interrupted();
            return connectionLost(cause instanceof Error ? `: ${cause.message}` : '', cause);
          },
        },
      );
    } finally {
      response.destroy();
    }
    if (until?.() === true) return;
    if (this.#size !== null && received !== this.#size) {
      throw new SluiceError(
        'ERR_SOURCE_HTTP',
        `${this.name}: response ended after ${received} of ${this.#size} bytes`,
      );
    }
  }

  close(): void {
    // Each reading closes its own connection.
  }

  async #request(url: URL, redirects: number, signal: Abort | undefined): Promise<IncomingMessage> {
    // Loaded on demand: TLS takes 2 MiB.
    const get = url.protocol === 'https:' ? (await import('node:https')).get : httpGet;
    return new Promise((resolve, reject) => {
      const fail = (what: string, cause?: unknown) =>
        reject(new SluiceError('ERR_SOURCE_HTTP', `${this.name}: ${what}`, { cause }));
      const request = get(
        url,
        {
          agent: false,
          headers: { 'accept-encoding': 'identity', 'user-agent': 'sluice' },
          timeout: this.#silence,
          ...(signal instanceof AbortSignal ? { signal } : {}),
        },
        (response) => {
          // From here on the reader measures silence: the socket is also idle while a block is written.
          request.setTimeout(0);
          const { statusCode = 0, headers } = response;
          if (statusCode === 200) return resolve(response);
          response.destroy();
          if (statusCode < 300 || statusCode > 399 || headers.location === undefined) {
            return fail(`server responded with status ${statusCode}`);
          }
          if (redirects === 0) return fail(`more than ${MAX_REDIRECTS} redirects`);
          let next: URL;
          try {
            next = new URL(headers.location, url);
          } catch (cause) {
            return fail('redirect to an invalid URL', cause);
          }
          // A redirect from TLS to plain HTTP would let anyone on the network choose the bytes.
          if (!/^https?:$/.test(next.protocol) || (url.protocol === 'https:' && next.protocol === 'http:')) {
            return fail(`redirect from ${url.protocol}// to ${next.protocol}// is not followed`);
          }
          if (!this.#permit(next)) return fail(`redirect to ${next.host} is not allowed`);
          return resolve(this.#request(next, redirects - 1, signal));
        },
      );
      request.on('timeout', () => request.destroy(new Error(`no data for ${this.#silence / 1000} seconds`)));
      request.on('error', (cause) => {
        if (signal?.aborted === true) reject(interrupted());
        else fail(cause.message, cause);
      });
    });
  }
}

function interrupted(): SluiceError {
  return new SluiceError('ERR_SESSION_INTERRUPTED', 'interrupted while reading');
}
