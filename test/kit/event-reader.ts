/** Reads server-sent events, as the format of the HTML standard says, strictly. */
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { Test } from 'tap';
import { until } from '../system/start.js';

export interface ReadEvent {
  readonly id: string;
  readonly type: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- the tests assert its shape
  readonly data: any;
}

export interface EventReader {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly events: ReadEvent[];
  /** Comments that have come: heartbeats. */
  readonly comments: number;
  readonly ended: boolean;
  /** The response, to be paused. */
  readonly response: IncomingMessage;
  /** Waits for an event of a type after those that were waited for before. */
  next(type: string): Promise<ReadEvent>;
  close(): void;
}

export async function readEvents(
  t: Test,
  url: string,
  headers: OutgoingHttpHeaders = {},
): Promise<EventReader> {
  const request = httpRequest(url, { headers, agent: false });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve).on('error', reject).end();
  });
  // A connection that is cut is what some tests wait for.
  request.on('error', () => {});
  response.on('error', () => {});
  t.teardown(() => request.destroy());
  const events: ReadEvent[] = [];
  let comments = 0;
  let ended = false;
  let text = '';
  let taken = 0;
  response.setEncoding('utf8');
  response.on('close', () => (ended = true));
  response.on('data', (part: string) => {
    const frames = (text + part).split('\n\n');
    text = frames.pop() ?? '';
    for (const frame of frames) {
      const fields = new Map<string, string>();
      for (const line of frame.split('\n')) {
        if (line.startsWith(':')) {
          comments++;
          continue;
        }
        const [, name, value] = /^(id|event|data|retry): (.*)$/.exec(line) ?? [];
        if (name === undefined || value === undefined || fields.has(name))
          throw new Error(`not an event: ${frame}`);
        fields.set(name, value);
      }
      if (!fields.has('data')) continue;
      const { id = '', event = '', data = '' } = Object.fromEntries(fields);
      events.push({ id, type: event, data: JSON.parse(data) });
    }
  });
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    events,
    response,
    get comments() {
      return comments;
    },
    get ended() {
      return ended;
    },
    next: async (type) => {
      let found = -1;
      await until(() => {
        found = events.findIndex((event, at) => at >= taken && event.type === type);
        return found >= 0;
      }, `an event ${type} comes`);
      taken = found + 1;
      return events[found] as ReadEvent;
    },
    close: () => void request.destroy(),
  };
}
