import type { UpdateService } from '../service/update-service.js';
import type { Route } from './exchange.js';
import { sendText } from './reply.js';
import { EventStreams } from './sse.js';
import type { HttpTally } from './tally.js';

export interface WatchOptions {
  /** Counts of the server; the same one that HttpService notes into. */
  readonly tally: HttpTally;
  /** Whether /metrics asks for no credentials. */
  readonly openMetrics: boolean;
  /** Whether there is a status page. */
  readonly page: boolean;
}

const PAGE = ['/', '/page.css', '/page.js', '/icon.svg'];

/** The routes by which the service is watched: events, metrics, health, and the status page. */
export function watchRoutes(
  service: UpdateService,
  { tally, openMetrics, page }: WatchOptions,
): readonly Route[] {
  const streams = new EventStreams(service);
  return [
    {
      method: 'GET',
      path: '/v1/events',
      right: 'read',
      handle: (exchange) => streams.open(exchange),
    },
    {
      method: 'GET',
      path: '/metrics',
      right: openMetrics ? null : 'read',
      handle: async ({ response }) => {
        const { METRICS_TYPE, renderMetrics } = await import('./metrics.js');
        const text = renderMetrics(service, { http: tally, watchers: streams.watchers });
        sendText(response, 200, text, { 'content-type': METRICS_TYPE });
      },
    },
    {
      method: 'GET',
      path: '/health',
      right: null,
      // That it answers is all that it tells: anybody may ask.
      handle: ({ response }) => sendText(response, 200, 'ok\n', { 'content-type': 'text/plain' }),
    },
    ...(page ? PAGE : []).map((path): Route => ({
      method: 'GET',
      path,
      // The page has no secrets; what it shows it asks for with the credentials of who looks at it.
      right: null,
      handle: async ({ response }) => {
        const { sendPage } = await import('./page/send-page.js');
        await sendPage(response, path);
      },
    })),
  ];
}
