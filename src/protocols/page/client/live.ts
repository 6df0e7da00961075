import { call, ProblemError } from './api.js';

/** Time without a byte after which the connection counts as lost; the service sends a comment every 15 s. */
const SILENCE_MS = 40_000;

const MAX_RETRY_WAIT_MS = 30_000;

export interface LiveListener {
  event(type: string, data: unknown): void;
  /** `wait`: milliseconds until the next try. */
  link(state: 'live' | 'lost', wait: number): void;
  /** The credentials are missing or wrong; there is no further try. */
  refused(problem: ProblemError): void;
}

/**
 * Reads the events of the service by fetch: an EventSource cannot send credentials. Connects again after a lost
 * connection, with growing delays, and resumes after the last event.
 */
export class Live {
  readonly #listener: LiveListener;
  #stop = new AbortController();
  #lastEvent = '';
  #failures = 0;
  #timer = 0;

  constructor(listener: LiveListener) {
    this.#listener = listener;
  }

  /** Closes the current connection and connects at once. */
  start(): void {
    this.stop();
    this.#stop = new AbortController();
    void this.#run(this.#stop.signal);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#stop.abort();
  }

  /** Forgets the last event, for another user. */
  reset(): void {
    this.#lastEvent = '';
  }

  async #run(signal: AbortSignal): Promise<void> {
    try {
      await this.#read(signal);
    } catch (thrown) {
      if (signal.aborted) return;
      const refused = thrown instanceof ProblemError && (thrown.status === 401 || thrown.status === 403);
      if (refused) return this.#listener.refused(thrown);
    }
    if (signal.aborted) return;
    // Randomized, so that not all pages connect in the same moment after the board has restarted.
    const wait = Math.min(MAX_RETRY_WAIT_MS, 1000 * 2 ** this.#failures++) * (0.75 + Math.random() / 2);
    this.#listener.link('lost', wait);
    this.#timer = window.setTimeout(() => this.start(), wait);
  }

  async #read(signal: AbortSignal): Promise<void> {
    const connection = new AbortController();
    const abort = (): void => connection.abort();
    signal.addEventListener('abort', abort);
    let silence = window.setTimeout(abort, SILENCE_MS);
    try {
      const more: Record<string, string> = this.#lastEvent === '' ? {} : { 'last-event-id': this.#lastEvent };
      const response = await call('/v1/events', { signal: connection.signal, more });
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      const decoder = new TextDecoder();
      this.#failures = 0;
      this.#listener.link('live', 0);
      let text = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(silence);
        silence = window.setTimeout(abort, SILENCE_MS);
        const frames = (text + decoder.decode(value, { stream: true })).split('\n\n');
        text = frames.pop() ?? '';
        for (const frame of frames) this.#take(frame);
      }
    } finally {
      clearTimeout(silence);
      signal.removeEventListener('abort', abort);
    }
  }

  #take(frame: string): void {
    const fields: Record<string, string> = {};
    for (const line of frame.split('\n')) {
      const [, name = '', value = ''] = /^(\w+): (.*)$/.exec(line) ?? [];
      fields[name] = value;
    }
    const { event, data, id } = fields;
    if (event === undefined || data === undefined) return;
    this.#listener.event(event, JSON.parse(data));
    if (id !== undefined) this.#lastEvent = id;
  }
}
