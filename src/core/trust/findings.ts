/**
 * The state of each signature of a bundle, for `sluice inspect`: a Trust stops at the first fault, findings list all of
 * them. Both check signatures by signature-check.ts. Findings decide nothing.
 *
 * @packageDocumentation
 */
import { signatureOf } from '../bundle/members.js';
import { asSluiceError } from '../errors.js';
import type { Platform } from '../platform.js';
import type { KeyStore } from './key-store.js';
import { bundleVerifier, SIGNED_TEXTS } from './manifest-parts.js';
import type { ReceivedMembers } from './received-members.js';
import type { Scheme } from './scheme.js';
import { checkSignature, findSystemKey } from './signature-check.js';
import type { Verifier } from './verifier.js';

/**
 * `present`: not verified, because no keys were given. `unknown`: a member that the verification needs is missing, or
 * publickey, which verifies the signature, is itself not verified.
 */
export type SignatureState = 'valid' | 'invalid' | 'missing' | 'unknown' | 'present';

/** One signature that is present or required. */
export interface SignatureFinding {
  /** The signed member; `image-full` for all other signatures together. */
  readonly of: string;
  readonly state: SignatureState;
  /** The key that verifies the signature, or why the state is not `valid`. */
  readonly why: string;
}

type Verdict = readonly [SignatureState, why: string];

/**
 * One finding for each name, in order.
 * @param received - the complete members; the bytes of BLOCKS are among the texts
 * @param scheme - from HashType in MANIFEST; null if there is none
 */
export async function listFindings(
  platform: Platform,
  keys: KeyStore | null,
  received: ReceivedMembers,
  scheme: Scheme | null,
  names: readonly string[],
): Promise<SignatureFinding[]> {
  const system = keys === null ? null : await systemVerdicts(platform, keys, received);
  const own = system === null ? '' : await readOwnKey(platform, received, scheme);
  const findings: SignatureFinding[] = [];
  for (const of of names) {
    let verdict: Verdict = ['present', 'not verified: no keys given'];
    if (!received.signatures.has(of)) verdict = missing(of);
    else if (system !== null)
      verdict = system.get(of) ?? (await ownVerdict(platform, own, received, of, system));
    findings.push({ of, state: verdict[0], why: verdict[1] });
  }
  return findings;
}

const missing = (name: string): Verdict => ['missing', `the bundle has no ${signatureOf(name)}`];

/** The verdicts on MANIFEST and publickey, which one system key must verify. */
async function systemVerdicts(
  platform: Platform,
  keys: KeyStore,
  received: ReceivedMembers,
): Promise<ReadonlyMap<string, Verdict>> {
  const find = (...names: [string, ...string[]]) => findSystemKey(platform, keys, received, ...names);
  const both = await find(...SIGNED_TEXTS);
  const manifest = both ?? (await find('MANIFEST'));
  const publickey = both ?? (await find('publickey'));
  const verdictOf = (name: string, key: string | null): [string, Verdict] => {
    if (!received.signatures.has(name)) return [name, missing(name)];
    if (!received.texts.has(name)) return [name, ['unknown', `the bundle has no ${name}`]];
    if (key === null) return [name, ['invalid', `no key (${keys.names}) verifies it`]];
    if (both === null && name === 'publickey' && manifest !== null)
      return [name, ['invalid', `verified with key ${key}, but MANIFEST with key ${manifest}`]];
    return [name, ['valid', `verified with key ${key}`]];
  };
  return new Map([verdictOf('MANIFEST', manifest), verdictOf('publickey', publickey)]);
}

/** publickey of the bundle, not verified, or why it cannot be used. */
async function readOwnKey(
  platform: Platform,
  received: ReceivedMembers,
  scheme: Scheme | null,
): Promise<Verifier | string> {
  const pem = received.texts.get('publickey');
  if (scheme === null || pem === undefined) return 'needs MANIFEST and publickey';
  return bundleVerifier(platform, pem, scheme).catch((thrown: unknown) => asSluiceError(thrown).message);
}

/** The verdict on a member that publickey of the bundle signs. */
async function ownVerdict(
  platform: Platform,
  own: Verifier | string,
  received: ReceivedMembers,
  name: string,
  system: ReadonlyMap<string, Verdict>,
): Promise<Verdict> {
  if (typeof own === 'string') return ['unknown', own];
  const result = await checkSignature(platform, own, received, name);
  if (result === 'unsigned') return missing(name);
  if (result === 'absent') return ['unknown', `${name} is missing or incomplete`];
  if (result === 'pure') return ['unknown', 'pure Ed25519 cannot be verified over a stream'];
  if (result === 'unhashed') return ['unknown', `${own.hash} of ${name} is unknown`];
  if (result === 'invalid') return ['invalid', 'publickey of the bundle does not verify it'];
  for (const [text, [state]] of system) {
    if (state !== 'valid')
      return ['unknown', `verified with publickey, but ${signatureOf(text)} is ${state}`];
  }
  return ['valid', 'verified with publickey of the bundle'];
}
