/**
 * Proving what is packed, by the very chain that boards prove it with: before a byte is written, and again over
 * the file that was made.
 *
 * @packageDocumentation
 */
import type { BlockIndex } from '../../core/bundle/block-index.js';
import { signatureOf } from '../../core/bundle/members.js';
import { SluiceError } from '../../core/errors.js';
import type { Source } from '../../host/node/sources/source.js';
import type { Abort, Platform } from '../../core/platform.js';
import { OpenBmcTrust } from '../../core/trust/openbmc-trust.js';
import type { Digests, Trust } from '../../core/trust/trust.js';
import type { KeyStore } from '../../core/trust/key-store.js';
import { CheckPass, type CheckResult } from '../../core/update/check/check-pass.js';
import type { Survey } from './survey.js';

/** A packer stands on no board, so every machine will do; the board that is updated looks at that again. */
const GUARD = { machine: 'any' } as const;

/** What is to be proven. */
export interface Claim {
  readonly survey: Survey;
  readonly index: BlockIndex;
  /** The text of `index`. */
  readonly blocks: Uint8Array;
  /** By member name, such as `image-kernel.sig`. */
  readonly signatures: ReadonlyMap<string, Uint8Array>;
}

/**
 * Checks all signatures that there are, from what the survey has kept of the images.
 *
 * @param complete - whether everything that must be there is to be there
 * @throws SluiceError ERR_TRUST_*, ERR_BUNDLE_MEMBER_MISSING
 */
export async function proveClaim(
  platform: Platform,
  keys: KeyStore,
  { survey, index, blocks, signatures }: Claim,
  complete: boolean,
): Promise<void> {
  const trust = new OpenBmcTrust(platform, keys, GUARD);
  const member = async (name: string, bytes: Uint8Array | undefined): Promise<void> => {
    if (bytes !== undefined) await trust.member(name, bytes);
  };
  const head = ['MANIFEST', 'publickey'].flatMap((name) => [name, signatureOf(name)]);
  for (const name of head) await member(name, survey.texts.get(name) ?? signatures.get(name));
  // Without its head a chain can say nothing yet.
  if (!complete && !head.every((name) => survey.texts.has(name) || signatures.has(name))) return;
  if (signatures.has(signatureOf('BLOCKS'))) {
    await trust.blocks(index, digestsOf(platform, trust, blocks), blocks);
  }
  for (const [name, bytes] of signatures) if (!head.includes(name)) await member(name, bytes);
  for (const { index, digests } of survey.images.values()) {
    await trust.image(index.member, index.size, digests);
  }
  if (complete) await trust.finish();
}

/**
 * Reads the file that was made as `sluice verify` would, at the end of which it is proven, block by block.
 *
 * @throws SluiceError ERR_SOURCE_CHANGED when an image is not the one that was surveyed; ERR_TRUST_*, ERR_BUNDLE_*
 */
export async function proveFile(
  platform: Platform,
  keys: KeyStore,
  source: Source,
  signal?: Abort,
): Promise<CheckResult> {
  const pass = new CheckPass({
    platform,
    trust: new OpenBmcTrust(platform, keys, GUARD),
    target: null,
    forecast: false,
    only: null,
    single: null,
    observer: {},
    signal,
  });
  try {
    await source.pump((bytes) => pass.write(bytes));
    await pass.end();
    return await pass.result();
  } catch (thrown) {
    // All signatures were right a moment ago, so it is the image that is another.
    const code = thrown instanceof SluiceError ? thrown.code : null;
    if (code !== 'ERR_TRUST_BLOCK' && code !== 'ERR_TRUST_IMAGE') throw thrown;
    const { message, member } = thrown as SluiceError;
    throw new SluiceError('ERR_SOURCE_CHANGED', `the second reading gave other bytes: ${message}`, {
      member,
      cause: thrown,
    });
  }
}

function digestsOf(platform: Platform, trust: Trust, bytes: Uint8Array): Digests {
  const digests: Digests = {};
  for (const name of trust.hashes()) {
    const hasher = platform.hasher(name);
    hasher.update(bytes);
    digests[name] = hasher.digest();
  }
  return digests;
}
