import type { ServerResponse } from 'node:http';
import { SluiceError } from '../../core/errors.js';
import type { ServiceEvent } from '../../service/events.js';
import { makePlace, type PlaceHolder } from '../../service/places.js';
import type { UpdateService } from '../../service/update-service.js';
import type { Exchange } from '../http/exchange.js';

/** Limits of event streams. Times in milliseconds. */
export interface EventLimits {
  /** Open streams. */
  readonly watchers: number;
  /** Bytes that may wait in memory for one client. */
  readonly backlog: number;
  /** Interval of comments, which show to both ends and to proxies that the connection is alive. */
  readonly heartbeat: number;
  /** Age at which a stream is closed, so that its client connects again with its credentials. */
  readonly lifetime: number;
}

export const EVENT_LIMITS: EventLimits = {
  watchers: 32,
  backlog: 64 * 1024,
  heartbeat: 15_000,
  lifetime: 60 * 60 * 1000,
};

/** Retry-After if all streams are in use. */
const RETRY_AFTER_S = 15;

/** Delay before a client connects again. */
const RECONNECT_MS = 2000;

interface Watcher extends PlaceHolder {
  readonly response: ServerResponse;
  /** Time of the request, by a clock that never goes back. */
  readonly since: number;
}

/**
 * Sends the events of a service (server-sent events). A stream begins with the whole state (`event: state`), or, if the
 * client names its last event and the later ones are still stored, with those. Without clients there is no timer and no
 * listener.
 */
export class EventStreams {
  readonly #service: Pick<UpdateService, 'events' | 'state'>;
  readonly #limits: EventLimits;
  /** Open responses, oldest first. */
  readonly #watchers = new Map<ServerResponse, Watcher>();
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
   * Answers with all events from now on.
   * @throws SluiceError ERR_BUSY_WATCHERS
   */
  open({ request, response, query, principal }: Exchange): void {
    const watchers = [...this.#watchers.values()];
    const leaving = makePlace(watchers, this.#limits.watchers, { principal }, () => false);
    if (leaving === undefined) {
      response.setHeader('retry-after', RETRY_AFTER_S);
      throw new SluiceError('ERR_BUSY_WATCHERS', `all ${this.#watchers.size} event streams are in use`);
    }
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // Otherwise nginx buffers some kilobytes of events.
      'x-accel-buffering': 'no',
    });
    if (request.method === 'HEAD') return void response.end();
    request.socket.setKeepAlive(true, this.#limits.heartbeat);
    const { 'last-event-id': header } = request.headers;
    // The header is newer: a browser adds it when it connects again to the same address.
    const seen = typeof header === 'string' ? header : query.get('after');
    response.write(`retry: ${RECONNECT_MS}\n\n${this.#first(seen)}`);
    this.#add({ response, principal, since: performance.now() });
    if (leaving === null) return;
    // Removed at once: `close` comes later, and until then the next request would be given the same place.
    this.#watchers.delete(leaving.response);
    leaving.response.destroy();
  }

  /** The start of a stream: missed events or the whole state. */
  #first(seen: string | null): string {
    const { events } = this.#service;
    const missed = seen === null ? null : events.since(seen);
    const replay = missed?.map((event) => this.#frame(event)).join('');
    // If much was missed, the state is shorter.
    if (replay !== undefined && replay.length < this.#limits.backlog / 2) return replay;
    return frame(events.cursor, 'state', JSON.stringify(this.#service.state));
  }

  #add(watcher: Watcher): void {
    const { response } = watcher;
    if (this.#watchers.size === 0) {
      this.#unsubscribe = this.#service.events.subscribe((event) => this.#send(this.#frame(event)));
      this.#timer = setInterval(() => this.#beat(), this.#limits.heartbeat).unref();
    }
    this.#watchers.set(response, watcher);
    response.once('close', () => {
      this.#watchers.delete(response);
      if (this.#watchers.size > 0) return;
      this.#unsubscribe();
      clearInterval(this.#timer);
    });
    if (response.destroyed) response.emit('close');
  }

  #beat(): void {
    const old = performance.now() - this.#limits.lifetime;
    for (const { response, since } of this.#watchers.values()) if (since <= old) response.end();
    this.#send(':\n\n');
  }

  #send(text: string): void {
    // One copy for all streams.
    const bytes = Buffer.from(text);
    for (const response of this.#watchers.keys()) {
      if (response.writableEnded) continue;
      // Once connected again, the client gets the missed events or the whole state.
      if (response.writableLength > this.#limits.backlog) response.destroy();
      else response.write(bytes);
    }
  }

  #frame(event: ServiceEvent): string {
    return frame(this.#service.events.cursorOf(event), event.type, event.json);
  }
}

/** The text of an event. `json` has no line breaks. */
const frame = (id: string, type: string, json: string): string =>
  `id: ${id}\nevent: ${type}\ndata: ${json}\n\n`;
