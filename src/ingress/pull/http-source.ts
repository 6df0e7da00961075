import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { SluiceError } from '../../errors.js';
import type { Abort } from '../../platform.js';
import { MINOR_INTERVAL, Scavenger } from '../scavenge.js';
import type { Source, Take } from '../source.js';

/** Redirects that are followed; curl's default is 50, a firmware server needs one or two. */
const REDIRECTS = 5;

/** Milliseconds of waiting for the server without a byte from it, after which it is given up. */
const SILENCE = 30_000;

/**
 * Bytes that must come within the limit of silence, as of those who push (http/body.ts): one byte now and then must
 * not hold the flash for days.
 */
const LEAST = 1024;

/**
 * Bytes between two full collections, fewer than elsewhere: the stream reads a piece ahead while one is taken, it outlives
 * the minor collections, and at 32 MiB some 2 MiB of such pieces are there at the peak.
 */
const FULL_INTERVAL = 4 * 1024 * 1024;

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
  readonly #scavenger = new Scavenger(MINOR_INTERVAL, FULL_INTERVAL);
  /** Whether the socket is quiet because of us: nothing is read while a block is being written. */
  #busy = false;
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
    /** Bytes, and milliseconds of waiting for them, since there were LEAST of them. */
    let come = 0;
    let waited = 0;
    let asked = performance.now();
    this.#busy = false;
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        received += chunk.length;
        come += chunk.length;
        waited += performance.now() - asked;
        if (come >= LEAST) come = waited = 0;
        else if (waited > this.#silence) throw this.#tooSlow();
        this.#busy = true;
        await take(chunk);
        this.#busy = false;
        asked = performance.now();
        if (until?.() === true) return;
        this.#scavenger.took(chunk.length);
      }
    } catch (thrown) {
      // Ours, or that of whoever takes the bytes.
      if (thrown instanceof SluiceError || this.#busy) throw thrown;
      if (signal?.aborted === true) throw stopped();
      const why = thrown instanceof Error ? `: ${thrown.message}` : '';
      throw new SluiceError('ERR_SOURCE_HTTP', `${this.name} broke off after ${received} bytes${why}`, {
        cause: thrown,
      });
    } finally {
      response.destroy();
    }
    if (this.#size !== null && received !== this.#size) {
      throw new SluiceError('ERR_SOURCE_HTTP', `${this.name} gave ${received} bytes of ${this.#size}`);
    }
  }

  close(): void {
    // Each reading closes its own connection.
  }

  #tooSlow(): SluiceError {
    return new SluiceError(
      'ERR_SOURCE_HTTP',
      `${this.name} gives less than ${LEAST} bytes in ${this.#silence / 1000} seconds`,
    );
  }

  #request(url: URL, redirects: number, signal: Abort | undefined): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const fail = (what: string, cause?: unknown) =>
        reject(new SluiceError('ERR_SOURCE_HTTP', `${this.name}: ${what}`, { cause }));
      let answer: IncomingMessage | null = null;
      const get = url.protocol === 'https:' ? httpsGet : httpGet;
      const request = get(
        url,
        {
          agent: false,
          headers: { 'accept-encoding': 'identity', 'user-agent': 'sluice' },
          timeout: this.#silence,
          ...(signal instanceof AbortSignal ? { signal } : {}),
        },
        (response) => {
          answer = response;
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
      request.on('timeout', () => {
        // Rung once; a socket that is quiet because of us gets another term.
        if (this.#busy) request.setTimeout(this.#silence);
        else (answer ?? request).destroy(new Error(`no byte for ${this.#silence / 1000} seconds`));
      });
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
