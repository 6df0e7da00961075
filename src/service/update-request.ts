import { SluiceError } from '../core/errors.js';
import { TRUST_POLICIES, type TrustPolicy } from '../core/trust/trust.js';
import type { CheckResult } from '../core/update/check/check-pass.js';
import type { Progress } from '../core/update/report/progress.js';
import type { Origin } from '../core/audit/audit-line.js';

/** What a sender asks for, whatever protocol it speaks. */
export interface UpdateRequest {
  /** Partitions to write; null for all that the bundle has images for. */
  readonly only: readonly string[] | null;
  /** Null: as the service is set up. */
  readonly trust: TrustPolicy | null;
  /** A check of the same bundle that was made before, or its name: see CheckStore.find; null for none. */
  readonly check: CheckResult | string | null;
  /** Bytes that will come; null when not known. */
  readonly size: number | null;
  /** Chosen by the sender, to resume this upload after an interruption; null for none. */
  readonly resume: string | null;
  readonly from: Origin;
  /**
   * Takes digests of every kind, for a bundle that names its hash behind its images (ERR_TRUST_HASH_LATE).
   * @default false
   */
  readonly allHashes?: boolean;
  /** The progress of a check and the update that follows it, so that one percentage spans both. @default its own */
  readonly progress?: Progress;
}

/**
 * The policy for a request: what it asks for, unless that is weaker than what is allowed.
 * @throws SluiceError ERR_TRUST_POLICY
 */
export function policyFor(asked: TrustPolicy | null, usual: TrustPolicy, weakest: TrustPolicy): TrustPolicy {
  const policy = asked ?? usual;
  if (TRUST_POLICIES.indexOf(policy) <= TRUST_POLICIES.indexOf(weakest)) return policy;
  throw new SluiceError(
    'ERR_TRUST_POLICY',
    `${policy} was asked for; this service takes ${weakest} at least`,
  );
}
