import type { Gatekeeper, Route } from '../../ingress/http/exchange.js';
import type { HttpLimits } from '../../ingress/http/http-service.js';
import { redfishRoutes } from '../../ingress/http/redfish/routes.js';
import type { HttpTally } from '../../ingress/http/tally.js';
import { v1Routes } from '../../ingress/http/v1.js';
import { watchRoutes } from '../../ingress/http/watch-routes.js';
import type { UpdateService } from '../../ingress/service/update-service.js';
import type { HttpConfig } from '../config/keys.js';

/** What the routes are made with. */
export interface RouteParts {
  readonly config: HttpConfig;
  readonly limits: HttpLimits;
  /** For parts that bring a way of their own to prove who one is. */
  readonly gate: Gatekeeper;
  readonly tally: HttpTally;
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
      page: config.page !== false,
    }),
    ...(config.redfish === false
      ? []
      : redfishRoutes({
          service,
          gatekeeper: gate,
          silence,
          pullFrom: config.pullFrom ?? null,
          now: () => performance.now(),
          log,
        })),
  ];
}
