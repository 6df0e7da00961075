import type { Admission, Route } from '../protocols/http/exchange.js';
import type { HttpLimits } from '../protocols/http/http-service.js';
import { pageRoutes } from '../protocols/page/page-routes.js';
import { redfishRoutes } from '../protocols/redfish/routes.js';
import type { HttpCounters } from '../protocols/http/counters.js';
import { v1Routes } from '../protocols/v1/v1.js';
import { watchRoutes } from '../protocols/v1/watch-routes.js';
import type { UpdateService } from '../service/update-service.js';
import type { HttpConfig } from '../config/keys.js';

/** What the routes are made with. */
export interface RouteParts {
  readonly config: HttpConfig;
  readonly limits: HttpLimits;
  /** For parts that bring a way of their own to prove who one is. */
  readonly gate: Admission;
  readonly tally: HttpCounters;
  readonly log: (message: string, error?: unknown) => void;
}

/** Everything that the service answers, as far as the configuration has it. */
export async function routesOf(
  service: UpdateService,
  { config, limits: { silence }, gate, tally, log }: RouteParts,
): Promise<readonly Route[]> {
  return [
    ...v1Routes(service, { silence }),
    ...watchRoutes(service, {
      tally,
      openMetrics: config.metricsWithoutCredentials === true,
    }),
    ...(config.page === false ? [] : pageRoutes()),
    ...(config.redfish === false
      ? []
      : redfishRoutes({
          service,
          gatekeeper: gate,
          counters: tally,
          silence,
          pullFrom: config.pullFrom ?? null,
          now: () => performance.now(),
          log,
        })),
  ];
}
