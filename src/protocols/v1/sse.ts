import type { ServerResponse } from 'node:http';
import { SluiceError } from '../../core/errors.js';
import type { ServiceEvent } from '../../service/events.js';
import type { UpdateService } from '../../service/update-service.js';
import type { Exchange } from '../http/exchange.js';

/** Limits of those who watch. Times in milliseconds. */
export interface EventLimits {
  /** Watchers at once. */
  readonly watchers: number;
  /** Bytes that may wait in memory for one of them to read. */
  readonly backlog: number;
  /** A comment is sent so often, so that both ends and what is between them see that the other one is there. */
  readonly heartbeat: number;
  /** After so long a watcher has to come back, and to show its credentials again. */
  readonly lifetime: number;
}

export const EVENT_LIMITS: EventLimits = {
  watchers: 32,
  backlog: 64 * 1024,
  heartbeat: 15_000,
  lifetime: 60 * 60 * 1000,
};

/** Seconds after which it is worth to try again when all places are taken. */
const RETRY_AFTER_S = 15;

/** Milliseconds that a watcher who was cut off waits before it comes back. */
const RECONNECT_MS = 2000;

/**
 * Sends the events of a service to those who watch (server-sent events). The first thing that a watcher gets is the
 * whole state (`event: state`), or, when it names the last event that it has seen and what came after it is kept
 * still, that. While nobody watches nothing is done: no timer, no listener.
 */
export class EventStreams {
  readonly #service: Pick<UpdateService, 'events' | 'state'>;
  readonly #limits: EventLimits;
  /** When each one came. */
  readonly #watchers = new Map<ServerResponse, number>();
  #unsubscribe: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;

  constructor(service: Pick<UpdateService, 'events' | 'state'>, limits: EventLimits = EVENT_LIMITS) {
    this.#service = service;
    this.#limits = limits;
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  /**
   * Answers with the events from now on.
   * @throws SluiceError ERR_BUSY_WATCHERS
   */
  open({ request, response, query }: Exchange): void {
    if (this.#watchers.size >= this.#limits.watchers) {
      response.setHeader('retry-after', RETRY_AFTER_S);
      throw new SluiceError('ERR_BUSY_WATCHERS', `${this.#watchers.size} watchers are here already`);
    }
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // Or nginx keeps events until it has some kilobytes of them.
      'x-accel-buffering': 'no',
    });
    if (request.method === 'HEAD') return void response.end();
    request.socket.setKeepAlive(true, this.#limits.heartbeat);
    const { 'last-event-id': header } = request.headers;
    // The header is the newer one: it is what a browser adds when it comes back to the same address.
    const seen = typeof header === 'string' ? header : query.get('after');
    response.write(`retry: ${RECONNECT_MS}\n\n${this.#first(seen)}`);
    this.#add(response);
  }

  /** What a new watcher has to know before the events from now on make sense to it. */
  #first(seen: string | null): string {
    const { events } = this.#service;
    const missed = seen === null ? null : events.since(seen);
    const replay = missed?.map((event) => this.#frame(event)).join('');
    // Where much was missed the state says it in less.
    if (replay !== undefined && replay.length < this.#limits.backlog / 2) return replay;
    return frame(events.cursor, 'state', JSON.stringify(this.#service.state));
  }

  #add(response: ServerResponse): void {
    if (this.#watchers.size === 0) {
      this.#unsubscribe = this.#service.events.subscribe((event) => this.#send(this.#frame(event)));
      this.#timer = setInterval(() => this.#beat(), this.#limits.heartbeat).unref();
    }
    this.#watchers.set(response, Date.now());
    response.once('close', () => {
      this.#watchers.delete(response);
      if (this.#watchers.size > 0) return;
      this.#unsubscribe();
      clearInterval(this.#timer);
    });
    if (response.destroyed) response.emit('close');
  }

  #beat(): void {
    const old = Date.now() - this.#limits.lifetime;
    for (const [response, since] of this.#watchers) if (since <= old) response.end();
    this.#send(':\n\n');
  }

  #send(text: string): void {
    // One copy for all of them.
    const bytes = Buffer.from(text);
    for (const response of this.#watchers.keys()) {
      if (response.writableEnded) continue;
      // When it comes back, it gets the events that it has missed, or the whole state.
      if (response.writableLength > this.#limits.backlog) response.destroy();
      else response.write(bytes);
    }
  }

  #frame(event: ServiceEvent): string {
    return frame(this.#service.events.cursorOf(event), event.type, event.json);
  }
}

/** One event as it is sent; JSON of one line has no line breaks. */
const frame = (id: string, type: string, json: string): string =>
  `id: ${id}\nevent: ${type}\ndata: ${json}\n\n`;
