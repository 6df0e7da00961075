import { loadFingerprint } from '../src/host/node/crypto/fingerprint.js';
import { nodePlatform } from '../src/host/node/platform.js';
import {
  KeyStore,
  systemKey,
  OpenBmcTrust,
  UpdateSession,
  type FlashTarget,
  type Layout,
  type Platform,
  type Receipt,
  type TrustPolicy,
} from '../src/core/index.js';
import type { JournalStore } from '../src/core/update/resume/journal-store.js';
import { rsaSigner } from '../test/kit/keys.js';

/** Machine name in the bundles of this harness. */
export const MACHINE = 'quanta-q71l';

/** Flash of `size` bytes, all of it one partition. */
export const layoutOf = (size: number): Layout => ({
  name: 'bench',
  size,
  partitions: [{ name: 'rofs', offset: 0, size }],
});

/** As the launcher has it. */
export const own: Platform = { ...(await nodePlatform()), fingerprint: await loadFingerprint(true) };
const store = new KeyStore([await systemKey(own, 'OpenBMC', rsaSigner.pem, 'RSA-SHA256')]);

export interface WriteOptions {
  /** @default "before-erase" */
  readonly policy?: TrustPolicy;
  readonly journal?: JournalStore | null;
  readonly platform?: Platform;
}

/**
 * Writes one proven bundle, in this process.
 * @param pump - hands every byte of the bundle to its argument
 * @throws Error when it does not end in a commit: what failed is not worth a figure
 */
export async function writeBundle(
  target: FlashTarget,
  pump: (take: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
  { policy = 'before-erase', journal = null, platform = own }: WriteOptions = {},
): Promise<Receipt> {
  const trust = new OpenBmcTrust(platform, store, { machine: MACHINE }, { anyImages: true });
  const session = new UpdateSession({ platform, target, trust, policy, journal });
  await pump((bytes) => session.write(bytes));
  const receipt = await session.end();
  if (receipt.outcome !== 'committed') throw new Error(`${receipt.code}: ${receipt.message}`);
  return receipt;
}
