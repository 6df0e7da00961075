import { call, ProblemError } from './api.js';

/** Milliseconds without a byte after which the connection is taken for dead; the service says something each 15 s. */
const SILENCE_MS = 40_000;

const MAX_RETRY_WAIT_MS = 30_000;

export interface LiveListener {
  event(type: string, data: unknown): void;
  /** `wait`: milliseconds until it tries again. */
  link(state: 'live' | 'lost', wait: number): void;
  /** The credentials are missing or wrong; it has stopped. */
  refused(problem: ProblemError): void;
}

/**
 * The events of the service, by fetch: an EventSource cannot send credentials. It comes back by itself after the
 * connection is lost, later each time, and goes on after the last event that it has seen.
 */
export class Live {
  readonly #listener: LiveListener;
  #stop = new AbortController();
  #seen = '';
  #failures = 0;
  #timer = 0;

  constructor(listener: LiveListener) {
    this.#listener = listener;
  }

  /** Connects at once, whatever there was before. */
  start(): void {
    this.stop();
    this.#stop = new AbortController();
    void this.#run(this.#stop.signal);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#stop.abort();
  }

  /** Forgets what was seen, as for another user. */
  reset(): void {
    this.#seen = '';
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
    // Some chance in it, or all pages come back in the same moment after the board was restarted.
    const wait = Math.min(MAX_RETRY_WAIT_MS, 1000 * 2 ** this.#failures++) * (0.75 + Math.random() / 2);
    this.#listener.link('lost', wait);
    this.#timer = window.setTimeout(() => this.start(), wait);
  }

  async #read(signal: AbortSignal): Promise<void> {
    const dead = new AbortController();
    const give = (): void => dead.abort();
    signal.addEventListener('abort', give);
    let silence = window.setTimeout(give, SILENCE_MS);
    try {
      const more: Record<string, string> = this.#seen === '' ? {} : { 'last-event-id': this.#seen };
      const response = await call('/v1/events', { signal: dead.signal, more });
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      const decoder = new TextDecoder();
      this.#failures = 0;
      this.#listener.link('live', 0);
      let text = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(silence);
        silence = window.setTimeout(give, SILENCE_MS);
        const frames = (text + decoder.decode(value, { stream: true })).split('\n\n');
        text = frames.pop() ?? '';
        for (const frame of frames) this.#take(frame);
      }
    } finally {
      clearTimeout(silence);
      signal.removeEventListener('abort', give);
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
    if (id !== undefined) this.#seen = id;
  }
}
