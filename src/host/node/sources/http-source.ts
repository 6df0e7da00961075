import { get as httpGet, type IncomingMessage } from 'node:http';
import { SluiceError } from '../../../core/errors.js';
import type { Abort } from '../../../core/platform.js';
import { MIN_PROGRESS_BYTES } from './idle-clock.js';
import { readWithIdleTimeout } from './pieces.js';
import type { Source, Take } from './source.js';

/** Redirects that are followed; curl's default is 50, a firmware server needs one or two. */
const REDIRECTS = 5;

/** Milliseconds of waiting for the server without a byte from it, after which it is given up. */
const SILENCE = 30_000;

/**
 * A bundle behind a URL, asked for anew for each reading. Back-pressure reaches the server: the socket is not
 * read while `take` is busy.
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
    // Never a password in a message.
    this.name = `${url.origin}${url.pathname}`;
  }

  /**
   * @param options.silence - milliseconds after which a silent server is given up
   * @param options.permit - whether a redirect may be followed to a URL; by default any
   * @throws SluiceError ERR_SOURCE_UNREADABLE when it is not a URL
   */
  static open(
    text: string,
    { silence = SILENCE, permit = () => true }: { silence?: number; permit?: (url: URL) => boolean } = {},
  ): HttpSource {
    try {
      return new HttpSource(new URL(text), silence, permit);
    } catch (cause) {
      throw new SluiceError('ERR_SOURCE_UNREADABLE', 'the source begins like a URL and is none', {
        cause,
      });
    }
  }

  /** Known from the first answer on. */
  get size(): number | null {
    return this.#size;
  }

  async pump(take: Take, { signal, until }: { signal?: Abort; until?: () => boolean } = {}): Promise<void> {
    const response = await this.#request(this.#url, REDIRECTS, signal);
    const declared = Number(response.headers['content-length'] ?? Number.NaN);
    this.#size = Number.isSafeInteger(declared) ? declared : null;
    let received = 0;
    const brokeOff = (why: string, cause?: unknown) =>
      new SluiceError('ERR_SOURCE_HTTP', `${this.name} broke off after ${received} bytes${why}`, { cause });
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
            brokeOff(`: less than ${MIN_PROGRESS_BYTES} bytes came in ${this.#silence / 1000} seconds`),
          cut: (cause) => {
            if (signal?.aborted === true) return stopped();
            return brokeOff(cause instanceof Error ? `: ${cause.message}` : '', cause);
          },
        },
      );
    } finally {
      response.destroy();
    }
    if (until?.() === true) return;
    if (this.#size !== null && received !== this.#size) {
      throw new SluiceError('ERR_SOURCE_HTTP', `${this.name} gave ${received} bytes of ${this.#size}`);
    }
  }

  close(): void {
    // Each reading closes its own connection.
  }

  async #request(url: URL, redirects: number, signal: Abort | undefined): Promise<IncomingMessage> {
    // TLS takes 2 MiB, which a board that pulls without it keeps.
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
          // From here on who reads it looks at the clock: a socket is quiet while a block is being written too.
          request.setTimeout(0);
          const { statusCode = 0, headers } = response;
          if (statusCode === 200) return resolve(response);
          response.destroy();
          if (statusCode < 300 || statusCode > 399 || headers.location === undefined) {
            return fail(`the server answered ${statusCode}`);
          }
          if (redirects === 0) return fail(`more than ${REDIRECTS} redirects`);
          let next: URL;
          try {
            next = new URL(headers.location, url);
          } catch (cause) {
            return fail('it redirects to something that is not a URL', cause);
          }
          // A redirect out of TLS would let anyone on the way choose the bytes (they are still verified).
          if (!/^https?:$/.test(next.protocol) || (url.protocol === 'https:' && next.protocol === 'http:')) {
            return fail(`it redirects to ${next.protocol}//, which is not followed from ${url.protocol}//`);
          }
          if (!this.#permit(next)) return fail(`it redirects to ${next.host}, where it may not lead`);
          return resolve(this.#request(next, redirects - 1, signal));
        },
      );
      request.on('timeout', () => request.destroy(new Error(`no byte for ${this.#silence / 1000} seconds`)));
      request.on('error', (cause) => {
        if (signal?.aborted === true) reject(stopped());
        else fail(cause.message, cause);
      });
    });
  }
}

function stopped(): SluiceError {
  return new SluiceError('ERR_SESSION_INTERRUPTED', 'stopped while reading');
}
