import type { UpdateService } from '../../service/update-service.js';
import type { Route } from '../http/exchange.js';
import { sendText } from '../http/reply.js';
import { EventStreams } from './sse.js';
import type { HttpCounters } from '../http/counters.js';

export interface WatchOptions {
  /** The counters of the HttpService. */
  readonly counters: HttpCounters;
  /** Whether /metrics needs no credentials. */
  readonly openMetrics: boolean;
}

/** The routes for monitoring: events, metrics and health. */
export function watchRoutes(
  service: UpdateService,
  { counters, openMetrics }: WatchOptions,
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
        const text = renderMetrics(service, { http: counters, watchers: streams.watchers });
        sendText(response, 200, text, { 'content-type': METRICS_TYPE });
      },
    },
    {
      method: 'GET',
      path: '/health',
      right: null,
      // Shows only that the service runs, so no credentials are needed.
      handle: ({ response }) => sendText(response, 200, 'ok\n', { 'content-type': 'text/plain' }),
    },
  ];
}
