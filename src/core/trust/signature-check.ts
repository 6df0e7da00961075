/**
 * The check of one signature against the members received so far. It exists once: OpenBmcTrust refuses the first
 * signature that is not valid, findings.ts lists the state of each.
 *
 * @packageDocumentation
 */
import type { Platform } from '../platform.js';
import type { KeyStore } from './key-store.js';
import type { ReceivedMembers, SignedContent } from './received-members.js';
import type { Verifier } from './verifier.js';

/**
 * - `valid`, `invalid`: the key verifies the signature, or does not
 * - `unsigned`: the signature is not there
 * - `absent`: the signed member is not there
 * - `pure`: the key is pure Ed25519, which needs the bytes, and only digests are known
 * - `unhashed`: the digest that the key signs was not computed
 *
 * Only `valid` is a permission.
 */
export type SignatureResult = 'valid' | 'invalid' | 'unsigned' | 'absent' | 'pure' | 'unhashed';

/**
 * Checks the signature of a member with one key.
 * @param content - what the signature is over
 */
export async function checkSignature(
  platform: Platform,
  verifier: Verifier,
  received: ReceivedMembers,
  name: string,
  content: SignedContent | undefined = received.content(name),
): Promise<SignatureResult> {
  const signature = received.signatures.get(name);
  if (signature === undefined) return 'unsigned';
  if (content === undefined) return 'absent';
  const { bytes = null, digests = {} } = content;
  if (bytes !== null) return resultOf(await verifier.verifyBytes(platform, bytes, signature));
  if (verifier.hash === null) return 'pure';
  const digest = digests[verifier.hash];
  return digest === undefined ? 'unhashed' : resultOf(await verifier.verifyDigest(digest, signature));
}

const resultOf = (verified: boolean): SignatureResult => (verified ? 'valid' : 'invalid');

/** Name of the first system key that verifies every one of these members; null if none does. */
export async function findSystemKey(
  platform: Platform,
  keys: KeyStore,
  received: ReceivedMembers,
  ...names: readonly [string, ...string[]]
): Promise<string | null> {
  for (const [{ type }, verifier] of keys.entries()) {
    let result: SignatureResult = 'unsigned';
    for (const name of names) {
      result = await checkSignature(platform, verifier, received, name);
      if (result !== 'valid') break;
    }
    if (result === 'valid') return type;
  }
  return null;
}
