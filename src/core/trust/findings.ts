/**
 * The state of each signature of a bundle, for `sluice inspect`: a Trust stops at the first fault, findings list all of
 * them. Keys and schemes are checked as in OpenBmcTrust. Findings decide nothing.
 *
 * @packageDocumentation
 */
import { FULL_SIGNATURE, signatureOf, signedBy } from '../bundle/members.js';
import { asSluiceError } from '../errors.js';
import type { Platform } from '../platform.js';
import { fullMessage } from './full-signature.js';
import type { KeyStore } from './key-store.js';
import { bundleVerifier } from './manifest-parts.js';
import type { Scheme } from './scheme.js';
import type { Digests } from './trust.js';
import type { Verifier } from './verifier.js';

/** The members of a bundle, complete or not. */
export interface BundleEvidence {
  /** From HashType in MANIFEST; null if there is none. */
  readonly scheme: Scheme | null;
  /** Complete MANIFEST, publickey, BLOCKS and signatures, by member name. */
  readonly small: ReadonlyMap<string, Uint8Array>;
  /** The complete images. */
  readonly images: readonly { readonly name: string; readonly digests: Digests }[];
}

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

/** One finding for each name, in order. */
export async function listFindings(
  platform: Platform,
  keys: KeyStore | null,
  evidence: BundleEvidence,
  names: readonly string[],
): Promise<SignatureFinding[]> {
  if (keys === null) {
    return names.map((of) =>
      evidence.small.has(signatureOf(of))
        ? { of, state: 'present', why: 'not verified: no keys given' }
        : { of, state: 'missing', why: `the bundle has no ${signatureOf(of)}` },
    );
  }
  const examiner = new SignatureExaminer(platform, keys, evidence);
  await examiner.findOwnKey();
  const findings: SignatureFinding[] = [];
  for (const of of names) findings.push({ of, ...(await examiner.examine(of)) });
  return findings;
}

type Verdict = Omit<SignatureFinding, 'of'>;
const valid = (why: string): Verdict => ({ state: 'valid', why });
const invalid = (why: string): Verdict => ({ state: 'invalid', why });
const unknown = (why: string): Verdict => ({ state: 'unknown', why });

class SignatureExaminer {
  readonly #platform: Platform;
  readonly #found: BundleEvidence;
  readonly #keys: KeyStore;
  /** publickey of the bundle, or why it cannot be used. */
  #own: Verifier | string = 'needs MANIFEST and publickey';
  /** Why publickey is not verified; null if a system key verifies it. */
  #doubt: string | null = null;

  constructor(platform: Platform, keys: KeyStore, found: BundleEvidence) {
    this.#platform = platform;
    this.#found = found;
    this.#keys = keys;
  }

  /** Reads publickey and verifies it with the system keys. */
  async findOwnKey(): Promise<void> {
    const { scheme, small } = this.#found;
    const pem = small.get('publickey');
    if (scheme === null || pem === undefined) return;
    try {
      this.#own = await bundleVerifier(this.#platform, pem, scheme);
    } catch (thrown) {
      this.#own = asSluiceError(thrown).message;
    }
    for (const name of ['MANIFEST', 'publickey']) {
      const { state } = await this.examine(name);
      if (state !== 'valid') this.#doubt ??= `verified with publickey, but ${signatureOf(name)} is ${state}`;
    }
  }

  async examine(name: string): Promise<Verdict> {
    const signature = this.#found.small.get(signatureOf(name));
    if (signature === undefined) return { state: 'missing', why: `the bundle has no ${signatureOf(name)}` };
    if (name === 'MANIFEST' || name === 'publickey') return this.#bySystemKey(name, signature);
    if (typeof this.#own === 'string') return unknown(this.#own);
    const verified = await this.#byOwnKey(this.#own, name, signature);
    if (typeof verified === 'string') return unknown(verified);
    if (!verified) return invalid('publickey of the bundle does not verify it');
    return this.#doubt === null ? valid('verified with publickey of the bundle') : unknown(this.#doubt);
  }

  async #bySystemKey(name: string, signature: Uint8Array): Promise<Verdict> {
    const bytes = this.#found.small.get(name);
    if (bytes === undefined) return unknown(`the bundle has no ${name}`);
    for (const [key, verifier] of this.#keys.entries()) {
      if (await verifier.verifyBytes(this.#platform, bytes, signature))
        return valid(`verified with key ${key.type}`);
    }
    return invalid(`no key (${this.#keys.names}) verifies it`);
  }

  /** Whether the key verifies the signature, or why that is unknown. */
  async #byOwnKey(own: Verifier, name: string, signature: Uint8Array): Promise<boolean | string> {
    const { small, images } = this.#found;
    if (signatureOf(name) === FULL_SIGNATURE) return own.verifyBytes(this.#platform, this.#full(), signature);
    const bytes = small.get(name);
    if (bytes !== undefined) return own.verifyBytes(this.#platform, bytes, signature);
    const image = images.find((image) => image.name === name);
    if (image === undefined) return `${name} is missing or incomplete`;
    if (own.hash === null) return 'pure Ed25519 cannot be verified over a stream';
    const digest = image.digests[own.hash];
    return digest === undefined ? `${own.hash} of ${name} is unknown` : own.verifyDigest(digest, signature);
  }

  #full(): Uint8Array {
    const signatures = new Map<string, Uint8Array>();
    for (const [name, bytes] of this.#found.small) {
      const signed = signedBy(name);
      if (signed !== null) signatures.set(signed, bytes);
    }
    return fullMessage(signatures);
  }
}
