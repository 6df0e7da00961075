import { SluiceError } from '../core/errors.js';
import { TRUST_POLICIES, type TrustPolicy } from '../core/trust/trust.js';
import type { CheckResult } from '../core/update/check/check-pass.js';
import type { Progress } from '../core/update/report/progress.js';
import type { Origin } from '../core/audit/audit-line.js';

/** The request for an update or a check, in any protocol. */
export interface UpdateRequest {
  /** Partitions to write; null for all images of the bundle. */
  readonly only: readonly string[] | null;
  /** Null: the policy of the service. */
  readonly trust: TrustPolicy | null;
  /** An earlier check of the same bundle, or its name (see CheckStore.find); null: none. */
  readonly check: CheckResult | string | null;
  /** Bytes of the source; null if unknown. */
  readonly size: number | null;
  /** Key chosen by the client to resume the upload after an interruption; null: none. */
  readonly resume: string | null;
  readonly from: Origin;
  /**
   * Whether to compute digests of all kinds, for a bundle that names its hash after its images (ERR_TRUST_HASH_LATE).
   * @default false
   */
  readonly allHashes?: boolean;
  /** Progress shared by a check and the update after it, for one percentage over both. @default a new one */
  readonly progress?: Progress;
}

/**
 * The policy for a request: the requested one, if it is at least as strict as `weakest`.
 * @throws SluiceError ERR_TRUST_POLICY
 */
export function policyFor(
  requested: TrustPolicy | null,
  defaultPolicy: TrustPolicy,
  weakest: TrustPolicy,
): TrustPolicy {
  const policy = requested ?? defaultPolicy;
  if (TRUST_POLICIES.indexOf(policy) <= TRUST_POLICIES.indexOf(weakest)) return policy;
  throw new SluiceError(
    'ERR_TRUST_POLICY',
    `trust policy ${policy} is weaker than ${weakest}, the weakest that this service accepts`,
  );
}
