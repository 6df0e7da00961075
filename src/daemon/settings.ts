import { parsePlace } from '../host/node/state/place.js';
import { SluiceError } from '../core/errors.js';
import { HTTP_LIMITS, type HttpLimits } from '../protocols/http/http-service.js';
import { TRUST_POLICIES, type TrustPolicy } from '../core/trust/trust.js';
import type { AcceptanceRules } from '../core/trust/acceptance-rules.js';
import { DEFAULT_KEYS, readConfig } from '../config/config.js';
import type { HttpConfig } from '../config/keys.js';
import { acceptanceRulesOf, policyOf } from '../config/job-options.js';
import { addressOf, type Address } from './addresses.js';
import type { Invocation } from '../config/invocation.js';
import { resumeLimitOf } from '../config/state-options.js';

/** Where the service listens by default. */
const DEFAULT_ADDRESS = '127.0.0.1:8080';

/** Seconds for which an interrupted upload can be resumed. */
const DEFAULT_RESUME_WITHIN_S = 60;

/** The settings from command line and configuration, with defaults. */
export interface ServeSettings {
  readonly flash: string;
  /** Folder of the trusted keys. */
  readonly keys: string;
  readonly guard: AcceptanceRules;
  readonly trust: TrustPolicy;
  readonly weakestTrust: TrustPolicy;
  readonly forceMounted: readonly string[];
  /** Undefined: from the environment. */
  readonly state: string | undefined;
  /** Maximum of sessions in a row without progress; undefined if not set. */
  readonly resumeLimit: number | undefined;
  /** Milliseconds. */
  readonly resumeWithin: number;
  /** Milliseconds; null: never; undefined if not set. */
  readonly idleExit: number | null | undefined;
  readonly addresses: readonly Address[];
  readonly limits: HttpLimits;
  readonly http: HttpConfig;
}

/** @throws SluiceError ERR_USAGE_CONFIG, ERR_USAGE_OPTION, ERR_USAGE_LISTEN */
export function settingsOf(invocation: Invocation): ServeSettings {
  const path = invocation.option('config');
  const config = path === undefined ? {} : readConfig(path);
  const flash = invocation.option('flash') ?? config.flash;
  if (flash === undefined) {
    throw new SluiceError('ERR_USAGE_OPTION', '--flash is missing: no flash to write');
  }
  // The service would ignore it, and clients could write the other partitions.
  if (config.only !== undefined) {
    throw new SluiceError(
      'ERR_USAGE_CONFIG',
      `${path}: "only" is for write and verify; with serve each request names its partitions`,
    );
  }
  const { trust, weakestTrust } = policiesOf(invocation, config);
  const { http = {}, resumeWithin = DEFAULT_RESUME_WITHIN_S, idleExit } = config;
  const entries = invocation.option('http')?.split(',') ?? http.listen ?? [DEFAULT_ADDRESS];
  const { connections, head, headBytes, silence } = http.limits ?? {};
  return {
    flash,
    keys: invocation.option('keys') ?? config.keys ?? DEFAULT_KEYS,
    guard: acceptanceRulesOf(invocation, config),
    trust,
    weakestTrust,
    forceMounted: config.forceMounted ?? [],
    state: folderOf(invocation.option('state') ?? config.state),
    resumeLimit: resumeLimitOf(invocation, config),
    resumeWithin: resumeWithin * 1000,
    idleExit: idleExit === undefined ? undefined : idleExit === 0 ? null : idleExit * 1000,
    addresses: entries.map((entry) => addressOf(entry, http.tls !== undefined)),
    limits: {
      connections: connections ?? HTTP_LIMITS.connections,
      head: milliseconds(head) ?? HTTP_LIMITS.head,
      headBytes: headBytes ?? HTTP_LIMITS.headBytes,
      silence: milliseconds(silence) ?? HTTP_LIMITS.silence,
    },
    http,
  };
}

/** Token and receipts need a folder, even if the journal could be elsewhere. */
function folderOf(state: string | undefined): string | undefined {
  if (state === undefined || parsePlace(state).kind === 'folder') return state;
  throw new SluiceError(
    'ERR_USAGE_STATE',
    `${state} is not a folder; serve stores its state in a folder only`,
  );
}

const milliseconds = (seconds: number | undefined): number | undefined =>
  seconds === undefined ? undefined : seconds * 1000;

function policiesOf(
  invocation: Invocation,
  config: { trust?: TrustPolicy; weakestTrust?: TrustPolicy },
): Pick<ServeSettings, 'trust' | 'weakestTrust'> {
  const trust = policyOf(invocation.option('trust') ?? config.trust ?? 'before-erase');
  const { weakestTrust = 'before-commit' } = config;
  if (TRUST_POLICIES.indexOf(trust) <= TRUST_POLICIES.indexOf(weakestTrust)) return { trust, weakestTrust };
  throw new SluiceError(
    'ERR_USAGE_CONFIG',
    `trust policy ${trust} is weaker than weakestTrust, ${weakestTrust}; to allow it, set "weakestTrust": "${trust}" in the configuration`,
  );
}
