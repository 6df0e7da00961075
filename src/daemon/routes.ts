import type { Admission } from '../protocols/http/exchange.js';
import type { HttpLimits } from '../protocols/http/http-service.js';
import { plainMount, type Mount } from '../protocols/http/route-group.js';
import { pageRoutes } from '../protocols/page/page-routes.js';
import { redfishMount } from '../protocols/redfish/routes.js';
import type { HttpCounters } from '../protocols/http/counters.js';
import { v1Routes } from '../protocols/v1/v1.js';
import { watchRoutes } from '../protocols/v1/watch-routes.js';
import type { UpdateService } from '../service/update-service.js';
import type { HttpConfig } from '../config/keys.js';

/** Options of routesOf. */
export interface RouteParts {
  readonly config: HttpConfig;
  readonly limits: HttpLimits;
  /** For protocols with their own authentication scheme. */
  readonly gate: Admission;
  readonly counters: HttpCounters;
}

/** All routes that the configuration enables. */
export function routesOf(
  service: UpdateService,
  { config, limits: { silence }, gate, counters }: RouteParts,
): readonly Mount[] {
  const plain = plainMount([
    ...v1Routes(service, { silence }),
    ...watchRoutes(service, { counters, openMetrics: config.metricsWithoutCredentials === true }),
    ...(config.page === false ? [] : pageRoutes()),
  ]);
  if (config.redfish === false) return [plain];
  const redfish = redfishMount({
    service,
    admission: gate,
    counters,
    silence,
    pullFrom: config.pullFrom ?? null,
    now: () => performance.now(),
  });
  return [redfish, plain];
}
