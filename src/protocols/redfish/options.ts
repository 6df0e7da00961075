import type { UpdateService } from '../../service/update-service.js';
import type { HttpCounters } from '../http/counters.js';
import type { Admission } from '../http/exchange.js';

/** Options of Redfish. */
export interface RedfishOptions {
  readonly service: UpdateService;
  readonly admission: Admission;
  /** Counts wrong credentials of logins. */
  readonly counters: HttpCounters;
  /** Milliseconds of silence after which a request fails. */
  readonly silence: number;
  /**
   * Hosts that SimpleUpdate may fetch from, also after redirects: names, addresses, or `*.example.org` for all
   * subdomains; null: any host.
   */
  readonly pullFrom: readonly string[] | null;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}
