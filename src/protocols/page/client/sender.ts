import type { Receipt } from '../../../core/update/report/receipt.js';
import type { StoredReceipt } from '../../../service/receipts.js';
import type { ForecastSummary } from '../../../core/update/check/forecast.js';
import { call, headers, problemOf, ProblemError, unreachable } from './api.js';

/** The result of a check. */
export interface Checked {
  readonly check: string;
  readonly identity: string;
  readonly version: string | null;
  readonly machine: string | null;
  readonly willChange: Readonly<Record<string, ForecastSummary>>;
}

export type SendProgress = (sent: number, total: number) => void;

/** Sends a file by XMLHttpRequest: fetch does not report the progress of an upload. */
export class Sender {
  readonly #progress: SendProgress;
  #request: XMLHttpRequest | null = null;

  constructor(progress: SendProgress) {
    this.#progress = progress;
  }

  get busy(): boolean {
    return this.#request !== null;
  }

  stop(): void {
    this.#request?.abort();
  }

  /** @throws ProblemError */
  async check(file: File, query: URLSearchParams): Promise<Checked> {
    const request = await this.#send('/v1/check', file, query);
    if (request.status === 200) return JSON.parse(request.responseText) as Checked;
    throw problem(request);
  }

  /**
   * @returns the receipt, also of an update that failed
   * @throws ProblemError if there is none: the update did not begin
   */
  async update(file: File, query: URLSearchParams): Promise<StoredReceipt> {
    const before = await lastReceipt().catch(() => null);
    const request = await this.#send('/v1/update', file, query);
    const location = request.getResponseHeader('content-location');
    if (location !== null && isReceipt(request.responseText)) {
      return (await (await call(location)).json()) as StoredReceipt;
    }
    // A refusal closes the connection while the file is being sent; some browsers then do not read the answer.
    if (request.status === 0) {
      for (let tries = 0; tries < 4; tries++) {
        const last = await lastReceipt().catch(() => null);
        if (last !== null && last.id !== before?.id) return last;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
    throw problem(request);
  }

  #send(path: string, file: File, query: URLSearchParams): Promise<XMLHttpRequest> {
    const request = new XMLHttpRequest();
    this.#request = request;
    const asked = query.toString();
    request.open('POST', asked === '' ? path : `${path}?${asked}`);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.setRequestHeader('content-type', 'application/octet-stream');
    request.upload.addEventListener('progress', ({ loaded, total }) => this.#progress(loaded, total));
    return new Promise((resolve) => {
      request.addEventListener('loadend', () => {
        this.#request = null;
        resolve(request);
      });
      request.send(file);
    });
  }
}

async function lastReceipt(): Promise<StoredReceipt | null> {
  const { lastReceipt: last } = (await (await call('/v1/status')).json()) as {
    lastReceipt: StoredReceipt | null;
  };
  return last;
}

function problem({ status, responseText }: XMLHttpRequest): ProblemError {
  return new ProblemError(status, status === 0 ? unreachable : problemOf(status, responseText));
}

function isReceipt(text: string): boolean {
  try {
    return typeof (JSON.parse(text) as Partial<Receipt>).outcome === 'string';
  } catch {
    return false;
  }
}
