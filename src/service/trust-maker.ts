import type { FlashTarget } from '../core/flash/device.js';
import type { Platform } from '../core/platform.js';
import type { AcceptanceRules } from '../core/trust/acceptance-rules.js';
import type { KeyStore } from '../core/trust/key-store.js';
import { OpenBmcTrust } from '../core/trust/openbmc-trust.js';
import { SingleImageTrust, type SingleImage } from '../core/trust/single-image-trust.js';
import type { Trust, TrustPolicy } from '../core/trust/trust.js';
import { UnsignedTrust } from '../core/trust/unsigned-trust.js';
import { chipSize } from '../core/update/plan/whole-chip.js';

/**
 * Makes the Trust for one reading of a bundle.
 * @param target - the flash that is updated; null if none is at hand
 * @param allHashes - see UpdateRequest.allHashes
 */
export type TrustMaker = (
  policy: TrustPolicy,
  target: FlashTarget | null,
  allHashes: boolean,
) => Promise<Trust>;

/** Keys and rules for bundles. */
export interface TrustSources {
  readonly platform: Platform;
  /** Loads the trusted keys; called for each reading that needs them. */
  readonly keys: () => Promise<KeyStore>;
  readonly rules: AcceptanceRules;
  /** Set if the source is a single image, not a tarball. */
  readonly single?: SingleImage | null;
}

/** The only place that makes a Trust. */
export function trustMaker({ platform, keys, rules, single = null }: TrustSources): TrustMaker {
  return async (policy, target, allHashes) => {
    if (policy === 'unsigned') return new UnsignedTrust(rules);
    if (single !== null) return SingleImageTrust.create(platform, await keys(), rules, single);
    return new OpenBmcTrust(platform, await keys(), rules, {
      chipSize: target === null ? null : chipSize(target),
      hashes: allHashes ? ['sha256', 'sha384', 'sha512'] : [],
    });
  };
}
