import { type Manifest, parseManifest } from '../bundle/manifest.js';
import { SluiceError } from '../errors.js';
import type { Platform } from '../platform.js';
import type { ReceivedMembers } from './received-members.js';
import { type AcceptanceRules, checkManifest } from './acceptance-rules.js';
import { type KeyStore, requireStrongKey } from './key-store.js';
import { parseScheme, type Scheme } from './scheme.js';
import { Verifier } from './verifier.js';

/** The head of the chain, proven: what the rest of the bundle is checked against. */
export interface ManifestParts {
  readonly manifest: Manifest;
  /** Name of the system key that vouches for it. */
  readonly keyType: string;
  /** The bundle's own key with MANIFEST's HashType. */
  readonly verifier: Verifier;
}

/** What the head consists of, in the order in which a missing part is complained of. */
const TEXTS = ['MANIFEST', 'publickey'] as const;

/** Whether all four members are there. */
export function hasManifestParts(evidence: ReceivedMembers): boolean {
  return TEXTS.every((name) => evidence.texts.has(name) && evidence.signatures.has(name));
}

/** @throws SluiceError ERR_BUNDLE_MEMBER_MISSING or ERR_TRUST_SIGNATURE_MISSING, naming the first that is missing */
export function requireManifestParts(evidence: ReceivedMembers): void {
  for (const name of TEXTS) {
    if (!evidence.texts.has(name)) {
      throw new SluiceError('ERR_BUNDLE_MEMBER_MISSING', `The bundle has no ${name}.`, { member: name });
    }
    if (!evidence.signatures.has(name)) {
      const member = `${name}.sig`;
      throw new SluiceError('ERR_TRUST_SIGNATURE_MISSING', `The bundle has no ${member}.`, { member });
    }
  }
}

/**
 * Proves the head (phosphor-bmc-code-mgmt, bmc/image_verify.cpp, verify steps 1 and 2): the first system key
 * that verifies both MANIFEST and publickey vouches for it. All four members must be there. MANIFEST and
 * publickey are parsed after that, so that no parser sees bytes that nobody vouches for.
 *
 * @throws SluiceError ERR_TRUST_SIGNATURE, ERR_BUNDLE_MANIFEST, ERR_TRUST_HASH, ERR_TRUST_KEY and those of the guard
 */
export async function verifyManifestParts(
  platform: Platform,
  keys: KeyStore,
  guard: AcceptanceRules,
  evidence: ReceivedMembers,
): Promise<ManifestParts> {
  requireManifestParts(evidence);
  const keyType = await findKey(platform, keys, evidence);
  const manifest = parseManifest(evidence.texts.get('MANIFEST') as Uint8Array);
  checkManifest(guard, manifest);
  if (manifest.hashType === null) {
    throw new SluiceError('ERR_TRUST_HASH', 'MANIFEST names no HashType.', { member: 'MANIFEST' });
  }
  const scheme = parseScheme(manifest.hashType);
  const pem = evidence.texts.get('publickey') as Uint8Array;
  return { manifest, keyType, verifier: await bundleVerifier(platform, pem, scheme) };
}

/**
 * The bundle's own key, which signs all but MANIFEST and publickey. Says nothing of who vouches for it.
 *
 * @throws SluiceError ERR_TRUST_KEY, ERR_TRUST_HASH
 */
export async function bundleVerifier(platform: Platform, pem: Uint8Array, scheme: Scheme): Promise<Verifier> {
  const key = await platform.publicKey(pem);
  const whose = "the bundle's publickey";
  requireStrongKey(key, whose);
  return new Verifier(key, scheme, whose);
}

/** Name of the first system key that verifies both. */
async function findKey(platform: Platform, keys: KeyStore, evidence: ReceivedMembers): Promise<string> {
  let refused: (typeof TEXTS)[number] = 'MANIFEST';
  for (const [key, verifier] of keys.entries()) {
    const verifies = (name: (typeof TEXTS)[number]): Promise<boolean> =>
      verifier.bytes(
        platform,
        evidence.texts.get(name) as Uint8Array,
        evidence.signatures.get(name) as Uint8Array,
      );
    if (!(await verifies('MANIFEST'))) continue;
    if (await verifies('publickey')) return key.type;
    refused = 'publickey';
  }
  throw new SluiceError(
    'ERR_TRUST_SIGNATURE',
    `${refused}.sig is not from a key of this board (${keys.names}).`,
    {
      member: refused,
    },
  );
}
