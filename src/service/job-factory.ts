import type { FlashTarget } from '../core/flash/device.js';
import type { Abort, Platform } from '../core/platform.js';
import type { TrustPolicy } from '../core/trust/trust.js';
import { CheckPass, type CheckResult } from '../core/update/check/check-pass.js';
import type { SingleSource } from '../core/bundle/single-image.js';
import type { Observer } from '../core/update/report/observer.js';
import type { JournalStore } from '../core/update/resume/journal-store.js';
import { UpdateSession } from '../core/update/session.js';
import type { TrustMaker } from './trust-maker.js';
import { policyFor, type UpdateRequest } from './update-request.js';

/** Flash with the journal for the session that writes it. */
export interface JobTarget extends FlashTarget {
  readonly journal?: JournalStore | null;
}

/** Settings of all jobs on a flash. */
export interface JobRules {
  readonly platform: Platform;
  readonly trust: TrustMaker;
  /** Policy of requests that name none. */
  readonly policy: TrustPolicy;
  /** The weakest policy that a request may name. */
  readonly weakest: TrustPolicy;
  /** Partitions to write even if they are in use. */
  readonly forceMounted: readonly string[];
  /** See SessionOptions. */
  readonly resumeLimit?: number | undefined;
  /** Set if the source is a single image, not a tarball. */
  readonly single?: SingleSource | null;
}

/**
 * Makes the sessions and check passes of a service and of `sluice write` and `verify`. The only place that decides by
 * which policy and after which check a byte may be written.
 */
export class JobFactory {
  readonly #rules: JobRules;

  constructor(rules: JobRules) {
    this.#rules = rules;
  }

  /**
   * @param expect - result of a check pass over the same bundle; null: none
   * @throws SluiceError ERR_TRUST_*, ERR_USAGE_PARTITION
   */
  async session(
    target: JobTarget,
    { trust: asked, only, allHashes = false }: UpdateRequest,
    expect: CheckResult | null,
    observer: Observer,
    signal?: Abort,
  ): Promise<UpdateSession> {
    const {
      platform,
      trust,
      policy: defaultPolicy,
      weakest,
      forceMounted,
      resumeLimit,
      single = null,
    } = this.#rules;
    // After a check each block is compared with its result before the erase, whatever the policy.
    const policy = expect === null ? policyFor(asked, defaultPolicy, weakest) : 'before-erase';
    return new UpdateSession({
      platform,
      target,
      trust: await trust(policy, target, allHashes),
      policy,
      only,
      forceMounted,
      single,
      expect,
      observer,
      journal: target.journal ?? null,
      ...(resumeLimit === undefined ? {} : { resumeLimit }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /**
   * @param target - null if no flash is available
   * @param options.forecast - whether to compare the bundle with the content of the flash
   * @throws SluiceError ERR_TRUST_*
   */
  async check(
    target: JobTarget | null,
    { only, allHashes = false }: UpdateRequest,
    policy: TrustPolicy,
    options: { readonly forecast: boolean; readonly observer: Observer; readonly signal: Abort },
  ): Promise<CheckPass> {
    const { platform, trust, single = null } = this.#rules;
    return new CheckPass({
      platform,
      trust: await trust(policy, target, allHashes),
      target,
      only,
      single,
      ...options,
    });
  }
}
