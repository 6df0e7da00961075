import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { EventParser, type SseEvent } from './event-parser.js';
import { collect, errorOf, type ServiceClient } from './service-client.js';

/** Options of reading the events of a service. */
export interface FollowOptions {
  /** The last event received; null for none: the first event is then the whole state. */
  readonly after: string | null;
  readonly signal: AbortSignal;
  /** Called when the service has accepted the client. */
  readonly begun?: () => void;
}

/**
 * Calls `take` for each event until the connection ends.
 * @throws SluiceError ERR_SOURCE_SERVICE, or the error of a service that refuses the client
 */
export async function followEvents(
  client: ServiceClient,
  take: (event: SseEvent) => void,
  { after, signal, begun = () => {} }: FollowOptions,
): Promise<void> {
  const headers = { accept: 'text/event-stream', ...(after === null ? {} : { 'last-event-id': after }) };
  const request = await client.open('GET', '/v1/events', { headers, signal });
  request.end();
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    if (response.statusCode !== 200) throw errorOf(await collect(response), client.name);
    begun();
    const parser = new EventParser(take);
    for await (const part of response as AsyncIterable<Buffer>) parser.take(part);
  } catch (thrown) {
    throw client.lost(thrown);
  } finally {
    request.destroy();
  }
}
