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

/** Flash, with the journal of the session that writes it. */
export interface JobTarget extends FlashTarget {
  readonly journal?: JournalStore | null;
}

/** What holds for all jobs on a flash. */
export interface JobRules {
  readonly platform: Platform;
  readonly trust: TrustMaker;
  /** Policy of requests that name none. */
  readonly policy: TrustPolicy;
  /** The weakest policy that a request may name. */
  readonly weakest: TrustPolicy;
  /** Partitions that are written even if they are in use. */
  readonly forceMounted: readonly string[];
  /** See SessionOptions. */
  readonly resumeLimit?: number | undefined;
  /** Set when the source is one image and no tarball. */
  readonly single?: SingleSource | null;
}

/**
 * Makes the sessions and check passes of a service and of `sluice write` and `verify`. The one place that decides by
 * which policy, and after which check, a byte may touch flash.
 */
export class JobFactory {
  readonly #rules: JobRules;

  constructor(rules: JobRules) {
    this.#rules = rules;
  }

  /**
   * @param expect - what a check pass over the same bundle has found; null without one
   * @throws SluiceError ERR_TRUST_*, ERR_USAGE_PARTITION
   */
  async session(
    target: JobTarget,
    { trust: asked, only, allHashes = false }: UpdateRequest,
    expect: CheckResult | null,
    observer: Observer,
    signal?: Abort,
  ): Promise<UpdateSession> {
    const { platform, trust, policy: usual, weakest, forceMounted, resumeLimit, single = null } = this.#rules;
    // What was checked is proven before it is erased, whatever else would do.
    const policy = expect === null ? policyFor(asked, usual, weakest) : 'before-erase';
    return new UpdateSession({
      platform,
      target,
      trust: await trust(policy, only, allHashes),
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
   * @param target - null where there is no flash at hand
   * @param forecast - compare the bundle with what the flash holds
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
      trust: await trust(policy, only, allHashes),
      target,
      only,
      single,
      ...options,
    });
  }
}
