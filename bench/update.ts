import { nodePlatform } from '../src/board/node-platform.js';
import {
  KeyStore,
  systemKey,
  TrustChain,
  UpdateSession,
  type FlashTarget,
  type Platform,
  type Receipt,
} from '../src/core.js';
import { keys } from '../test/kit/generated-bundle.js';

/** Machine name in the bundles of this harness. */
export const MACHINE = 'quanta-q71l';

const platform: Platform = await nodePlatform();
const store = new KeyStore([await systemKey(platform, 'OpenBMC', keys().pem, 'RSA-SHA256')]);

/**
 * Writes one proven bundle, in this process.
 * @param pump - hands every byte of the bundle to its argument
 * @throws Error when it does not end in a commit: what failed is not worth a figure
 */
export async function writeBundle(
  target: FlashTarget,
  pump: (take: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<Receipt> {
  const trust = new TrustChain(platform, store, { machine: MACHINE });
  const session = new UpdateSession({ platform, target, trust, policy: 'before-erase' });
  await pump((bytes) => session.write(bytes));
  const receipt = await session.end();
  if (receipt.outcome !== 'committed') throw new Error(`${receipt.code}: ${receipt.message}`);
  return receipt;
}
