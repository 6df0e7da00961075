import { randomBytes } from 'node:crypto';
import { asSluiceError, SluiceError } from '../../core/errors.js';
import type { Source } from '../../host/node/sources/source.js';
import type { Receipt } from '../../core/update/report/receipt.js';
import { followEvents } from './event-stream.js';
import { RetryBackoff, pause, stopped } from './patience.js';
import type { SseEvent } from './event-parser.js';
import { errorOf, type Answer, type Body, type ServiceClient } from './service-client.js';

/** Seconds between two requests for a receipt that does not exist yet, or for a flash that is busy. */
const MIN_RETRY_SECONDS = 1;
const MAX_RETRY_SECONDS = 30;

/** Observes a transfer. Must not throw. */
export interface TransferProgress {
  /** A transfer begins: `checking` or `sending`; `size` in bytes, null when not known. */
  pass(name: string, size: number | null): void;
  /** Bytes of the source that the service has taken so far. */
  received?(bytes: number): void;
  /** The percentage that the service reports for its job; null when the service does not know. */
  reported?(percent: number | null): void;
  warn?(message: string): void;
}

/** What is sent, and how long the client retries. */
export interface SenderOptions {
  readonly source: Source;
  /** Partitions; null for all. */
  readonly only: string | null;
  readonly trust: string | null;
  /** Seconds to wait for a flash that is busy. */
  readonly wait: number;
  /** Consecutive attempts after the connection was lost. */
  readonly retries: number;
  readonly progress: TransferProgress;
  readonly signal: AbortSignal;
}

/** Result of a check pass. */
export interface CheckAnswer {
  readonly check: string;
  readonly identity: string;
  readonly kind: string;
  readonly version: string | null;
  readonly machine: string | null;
  readonly willChange: Readonly<Record<string, { readonly blocks: number; readonly unchanged: number }>>;
}

/** Sends a bundle to a service, and resumes the upload after the connection was cut. */
export class Sender {
  readonly #client: ServiceClient;
  readonly #options: SenderOptions;
  readonly #patience: RetryBackoff;
  readonly #waitUntil: number;
  /** Of the upload that the service may have open. */
  #key: string | null = null;
  /** Bytes that the service is known to have taken. */
  #taken = 0;
  #sent = 0;
  /** What was sent before the update; null until it begins. */
  #sentBefore: number | null = null;
  /** Whether bytes of an update are in a connection that has brought no answer. */
  #unanswered = false;

  constructor(client: ServiceClient, options: SenderOptions) {
    this.#client = client;
    this.#options = options;
    this.#patience = new RetryBackoff(options.retries, options.signal);
    this.#waitUntil = performance.now() + options.wait * 1000;
  }

  /** Bytes written to connections, including those lost with a connection. */
  get sent(): number {
    return this.#sent;
  }

  /**
   * Has the service check the bundle, with nothing written.
   * @throws SluiceError what it refuses, and as `update`
   */
  async check(): Promise<CheckAnswer> {
    const { progress, source, only } = this.#options;
    progress.pass('checking', source.size);
    const path = pathOf('/v1/check', { only });
    for (;;) {
      const answer = await this.#try(() => this.#send('POST', path, 0));
      if (answer instanceof SluiceError) await this.#again(answer);
      else if (answer.status === 200) return answer.json as CheckAnswer;
      else await this.#orWait(answer);
    }
  }

  /**
   * Sends the bundle to be written.
   * @param check - of a check that was made before
   * @throws SluiceError ERR_SOURCE_SERVICE, ERR_BUSY_*, and what the service says when there is no receipt of it
   */
  async update(check: string | null): Promise<Receipt> {
    const { source, progress, only, trust } = this.#options;
    this.#sentBefore ??= this.#sent;
    try {
      for (;;) {
        progress.pass('sending', source.size);
        // Only a source that can be read again can be resumed.
        this.#key = source.rereadable ? randomBytes(18).toString('base64url') : null;
        this.#taken = 0;
        const path = pathOf('/v1/update', { only, trust, check, resume: this.#key });
        const answer = await this.#try(() => this.#send('POST', path, 0));
        const receipt =
          answer instanceof SluiceError ? await this.#resume(answer) : await this.#decide(answer);
        if (receipt !== null) return receipt;
      }
    } catch (thrown) {
      const error = asSluiceError(thrown);
      // The outcome is not known here; assume the worse one.
      const known = error.flash !== null && error.flash !== 'untouched';
      throw !known && (this.#taken > 0 || this.#unanswered) ? error.withFlash('partial') : error;
    }
  }

  /** Cancels the upload at the service. */
  async cancel(): Promise<Receipt | null> {
    if (this.#key === null) return null;
    const answer = await this.#client.ask('DELETE', `/v1/update/${this.#key}`).catch(() => null);
    return answer === null ? null : receiptIn(answer.json);
  }

  /** After a cut. @returns null when the bundle must be sent anew */
  async #resume(cause: SluiceError): Promise<Receipt | null> {
    const { source, progress } = this.#options;
    let error = cause;
    for (;;) {
      if (this.#key === null) throw error;
      await this.#again(error);
      const path = `/v1/update/${this.#key}`;
      const stand = await this.#try(() => this.#client.ask('HEAD', path, { signal: this.#options.signal }));
      if (stand instanceof SluiceError) {
        error = stand;
        continue;
      }
      const { location, 'upload-offset': offset } = stand.headers;
      if (location !== undefined) return this.#receiptAt(location);
      // The service has no such upload, or has ended it: the blocks that it has written are unchanged the next time.
      if (stand.status === 409) return null;
      const taken = offsetIn(offset, source.size);
      if (stand.status !== 200 || taken === null) {
        error = headErrorOf(stand, this.#client.name);
        if (stand.status < 500) throw error;
        continue;
      }
      if (taken > this.#taken) this.#patience.renew();
      this.#taken = taken;
      progress.pass('sending', source.size);
      progress.received?.(taken);
      const answer = await this.#try(() => this.#send('PATCH', path, taken));
      if (!(answer instanceof SluiceError)) return this.#decide(answer);
      error = answer;
    }
  }

  /** @returns null when the bundle is to be sent anew */
  async #decide(answer: Answer): Promise<Receipt | null> {
    const receipt = receiptIn(answer.json);
    if (receipt !== null) return receipt;
    const { location } = answer.headers;
    if (location !== undefined) return this.#receiptAt(location);
    const error = errorOf(answer, this.#client.name);
    if (error.code === 'ERR_SESSION_UPLOAD') return this.#resume(error);
    await this.#orWait(answer);
    return null;
  }

  /** The receipt of an update whose end may still be to come. */
  async #receiptAt(path: string): Promise<Receipt> {
    const { signal } = this.#options;
    for (;;) {
      const answer = await this.#try(() => this.#client.ask('GET', path, { signal }));
      if (answer instanceof SluiceError) {
        await this.#again(answer);
        continue;
      }
      this.#patience.renew();
      if (answer.status === 200) {
        const receipt = receiptIn((answer.json as { receipt?: unknown } | null)?.receipt);
        if (receipt !== null) return receipt;
      }
      if (answer.status !== 202) throw errorOf(answer, this.#client.name);
      await pause(MIN_RETRY_SECONDS * 1000, signal);
    }
  }

  /** Waits before the next attempt, and says why. @throws SluiceError `error` when there were enough */
  async #again(error: SluiceError): Promise<void> {
    // A wrong address stays wrong; a connection that has worked can recover.
    if (this.#sent === 0 && this.#client.isHopeless(error)) throw error;
    await this.#patience.after(error, (seconds) =>
      this.#options.progress.warn?.(`${error.message}; resuming in ${seconds} s`),
    );
  }

  /** Waits for a flash that is busy. @throws SluiceError what else it is, and when it has waited long enough */
  async #orWait(answer: Answer): Promise<void> {
    const error = errorOf(answer, this.#client.name);
    const left = this.#waitUntil - performance.now();
    if (error.code !== 'ERR_BUSY_FLASH' || left <= 0) throw error;
    const said = Number(answer.headers['retry-after'] ?? MIN_RETRY_SECONDS);
    const seconds = Math.min(
      MAX_RETRY_SECONDS,
      Math.max(MIN_RETRY_SECONDS, Number.isFinite(said) ? said : MIN_RETRY_SECONDS),
    );
    this.#options.progress.warn?.(`${error.message}; waiting`);
    await pause(Math.min(left, seconds * 1000), this.#options.signal);
  }

  #send(method: 'POST' | 'PATCH', path: string, from: number): Promise<Answer> {
    const { source, progress, signal } = this.#options;
    const body: Body = {
      size: source.size === null ? null : source.size - from,
      pump: async (take, until) => {
        let at = 0;
        await source.pump(
          async (bytes) => {
            const rest = at >= from ? bytes : bytes.subarray(Math.min(bytes.length, from - at));
            at += bytes.length;
            if (rest.length === 0) return;
            await take(rest);
            this.#sent += rest.length;
            progress.received?.(at);
          },
          { signal, until },
        );
      },
    };
    const headers = method === 'PATCH' ? { 'upload-offset': from } : {};
    const watch = this.#watch();
    return this.#client.ask(method, path, { headers, body, signal }).finally(() => watch.abort());
  }

  /** Passes on the percentage of the service until the result is aborted. A service may refuse: bytes count then. */
  #watch(): AbortController {
    const watch = new AbortController();
    const { progress } = this.#options;
    if (progress.reported === undefined) return watch;
    const take = ({ type, data }: SseEvent): void => {
      if (type === 'progress')
        progress.reported?.((JSON.parse(data) as { percent?: number | null }).percent ?? null);
    };
    void followEvents(this.#client, take, { after: null, signal: watch.signal }).catch(() => {});
    return watch;
  }

  /** @returns the error when the connection was to blame, which is worth another attempt */
  async #try(ask: () => Promise<Answer>): Promise<Answer | SluiceError> {
    const { signal, source } = this.#options;
    try {
      return await ask();
    } catch (thrown) {
      if (this.#sentBefore !== null && this.#sent > this.#sentBefore) this.#unanswered = true;
      if (signal.aborted) throw stopped();
      const error = asSluiceError(thrown);
      if (error.code === 'ERR_SOURCE_SERVICE' && source.rereadable) return error;
      throw error;
    }
  }
}

/** A path with the queries that there are. */
export function pathOf(path: string, queries: Readonly<Record<string, string | null>>): string {
  const given = Object.entries(queries).flatMap(([name, value]) =>
    value === null ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return given.length === 0 ? path : `${path}?${given.join('&')}`;
}

/** Where the service says that the upload stands; null when that cannot be. */
export function offsetIn(text: string | string[] | undefined, size: number | null): number | null {
  if (typeof text !== 'string' || !/^(?:0|[1-9]\d{0,15})$/.test(text)) return null;
  const offset = Number(text);
  return offset <= (size ?? Number.MAX_SAFE_INTEGER) ? offset : null;
}

/** A HEAD has no body that could say more. */
function headErrorOf({ status }: Answer, name: string): SluiceError {
  return status === 401 || status === 403
    ? new SluiceError('ERR_BUSY_CREDENTIALS', `${name} does not take these credentials`)
    : new SluiceError('ERR_SOURCE_SERVICE', `${name} answered ${status} when it was asked where it stands`);
}

/** What an answer holds when it looks like a receipt; else null. */
export function receiptIn(json: unknown): Receipt | null {
  const { outcome, partitions, bundle } = (json ?? {}) as Partial<Receipt>;
  const is = typeof outcome === 'string' && typeof partitions === 'object' && typeof bundle === 'object';
  return is ? (json as Receipt) : null;
}
