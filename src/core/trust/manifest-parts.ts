import { type Manifest, parseManifest } from '../bundle/manifest.js';
import { SluiceError } from '../errors.js';
import type { Platform } from '../platform.js';
import type { ReceivedMembers } from './received-members.js';
import { type AcceptanceRules, checkManifest } from './acceptance-rules.js';
import { type KeyStore, requireStrongKey } from './key-store.js';
import { parseScheme, type Scheme } from './scheme.js';
import { findSystemKey } from './signature-check.js';
import { Verifier } from './verifier.js';

/** MANIFEST and publickey, verified: the rest of the bundle is checked against them. */
export interface ManifestParts {
  readonly manifest: Manifest;
  /** Name of the system key that verifies both. */
  readonly keyType: string;
  /** publickey of the bundle with the HashType of MANIFEST. */
  readonly verifier: Verifier;
}

/** The members that the system keys sign, in the order in which a missing one is reported. */
export const SIGNED_TEXTS = ['MANIFEST', 'publickey'] as const;

/** Whether both texts and both signatures have arrived. */
export function hasManifestParts(received: ReceivedMembers): boolean {
  return SIGNED_TEXTS.every((name) => received.texts.has(name) && received.signatures.has(name));
}

/** @throws SluiceError ERR_BUNDLE_MEMBER_MISSING or ERR_TRUST_SIGNATURE_MISSING for the first one missing */
export function requireManifestParts(received: ReceivedMembers): void {
  for (const name of SIGNED_TEXTS) {
    if (!received.texts.has(name)) {
      throw new SluiceError('ERR_BUNDLE_MEMBER_MISSING', `the bundle has no ${name}`, { member: name });
    }
    if (!received.signatures.has(name)) {
      const member = `${name}.sig`;
      throw new SluiceError('ERR_TRUST_SIGNATURE_MISSING', `the bundle has no ${member}`, { member });
    }
  }
}

/**
 * Finds the first system key that verifies both MANIFEST and publickey (phosphor-bmc-code-mgmt, bmc/image_verify.cpp,
 * verify steps 1 and 2). Both are parsed only after they are verified.
 *
 * @throws SluiceError ERR_TRUST_SIGNATURE, ERR_BUNDLE_MANIFEST, ERR_TRUST_HASH, ERR_TRUST_KEY, and the errors of the rules
 */
export async function verifyManifestParts(
  platform: Platform,
  keys: KeyStore,
  rules: AcceptanceRules,
  received: ReceivedMembers,
): Promise<ManifestParts> {
  requireManifestParts(received);
  const keyType = await findSystemKey(platform, keys, received, ...SIGNED_TEXTS);
  if (keyType === null) {
    const member =
      (await findSystemKey(platform, keys, received, 'MANIFEST')) === null ? 'MANIFEST' : 'publickey';
    throw new SluiceError(
      'ERR_TRUST_SIGNATURE',
      `no key of this machine (${keys.names}) verifies ${member}.sig`,
      { member },
    );
  }
  const manifest = parseManifest(received.texts.get('MANIFEST') as Uint8Array);
  checkManifest(rules, manifest);
  if (manifest.hashType === null) {
    throw new SluiceError('ERR_TRUST_HASH', 'MANIFEST names no HashType', { member: 'MANIFEST' });
  }
  const scheme = parseScheme(manifest.hashType);
  const pem = received.texts.get('publickey') as Uint8Array;
  return { manifest, keyType, verifier: await bundleVerifier(platform, pem, scheme) };
}

/**
 * publickey of the bundle, which signs all members except MANIFEST and publickey. Does not verify publickey itself.
 * @throws SluiceError ERR_TRUST_KEY, ERR_TRUST_HASH
 */
export async function bundleVerifier(platform: Platform, pem: Uint8Array, scheme: Scheme): Promise<Verifier> {
  const key = await platform.publicKey(pem);
  const label = 'publickey of the bundle';
  requireStrongKey(key, label);
  return new Verifier(key, scheme, label);
}
