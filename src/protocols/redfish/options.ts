import type { UpdateService } from '../../service/update-service.js';
import type { HttpCounters } from '../http/counters.js';
import type { Admission } from '../http/exchange.js';

/** What Redfish works with. */
export interface RedfishOptions {
  readonly service: UpdateService;
  readonly gatekeeper: Admission;
  /** Counts what is refused. */
  readonly counters: HttpCounters;
  /** Milliseconds of silence after which a sender is given up. */
  readonly silence: number;
  /**
   * Hosts that SimpleUpdate may fetch from, also by way of redirects: names, addresses, or `*.example.org` for all
   * below; null: any host.
   */
  readonly pullFrom: readonly string[] | null;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Told what cannot be told to the sender. */
  readonly log: (message: string, error: unknown) => void;
}
