/**
 * What can be said of each signature of a bundle by itself: for a reader who wants to see all of it, where a Trust stops
 * at the first fault. The keys, their strength and the way in which they sign are those of OpenBmcTrust. Findings decide
 * nothing.
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

/** What is there of a bundle, damaged or not. */
export interface BundleEvidence {
  /** By MANIFEST's HashType; null if there is none. */
  readonly scheme: Scheme | null;
  /** MANIFEST, publickey, BLOCKS and signatures, whole, by member name. */
  readonly small: ReadonlyMap<string, Uint8Array>;
  /** The images that came whole. */
  readonly images: readonly { readonly name: string; readonly digests: Digests }[];
}

/**
 * What can be said of a signature. `present`: no keys were given to verify it with; `unknown`: something that the
 * verification takes is missing, or nothing vouches for the key that the signature matches.
 */
export type SignatureState = 'valid' | 'invalid' | 'missing' | 'unknown' | 'present';

/** One signature that is there or ought to be. */
export interface SignatureFinding {
  /** What it signs; `image-full` for all the other signatures together. */
  readonly of: string;
  readonly state: SignatureState;
  /** The key that it is verified with, or why its state is not `valid`. */
  readonly why: string;
}

/** A finding for each of the members named in `names`, in their order. */
export async function listFindings(
  platform: Platform,
  keys: KeyStore | null,
  evidence: BundleEvidence,
  names: readonly string[],
): Promise<SignatureFinding[]> {
  if (keys === null) {
    return names.map((of) =>
      evidence.small.has(signatureOf(of))
        ? { of, state: 'present', why: 'not checked: no --keys' }
        : { of, state: 'missing', why: `there is no ${signatureOf(of)}` },
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
  /** The bundle's publickey with MANIFEST's HashType; else why there is none. */
  #own: Verifier | string = 'MANIFEST and publickey are needed for it';
  /** Why nothing vouches for the bundle's publickey; null when a system key does. */
  #doubt: string | null = null;

  constructor(platform: Platform, keys: KeyStore, found: BundleEvidence) {
    this.#platform = platform;
    this.#found = found;
    this.#keys = keys;
  }

  /** Reads the bundle's own key, and whether a system key vouches for it. */
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
      if (state !== 'valid') this.#doubt ??= `it matches publickey, but ${signatureOf(name)} is ${state}`;
    }
  }

  async examine(name: string): Promise<Verdict> {
    const signature = this.#found.small.get(signatureOf(name));
    if (signature === undefined) return { state: 'missing', why: `there is no ${signatureOf(name)}` };
    if (name === 'MANIFEST' || name === 'publickey') return this.#bySystemKey(name, signature);
    if (typeof this.#own === 'string') return unknown(this.#own);
    const right = await this.#byOwnKey(this.#own, name, signature);
    if (typeof right === 'string') return unknown(right);
    if (!right) return invalid("it does not match by the bundle's publickey");
    return this.#doubt === null ? valid("by the bundle's publickey") : unknown(this.#doubt);
  }

  async #bySystemKey(name: string, signature: Uint8Array): Promise<Verdict> {
    const bytes = this.#found.small.get(name);
    if (bytes === undefined) return unknown(`there is no ${name}`);
    for (const [key, verifier] of this.#keys.entries()) {
      if (await verifier.verifyBytes(this.#platform, bytes, signature))
        return valid(`by the key ${key.type}`);
    }
    return invalid(`it matches none of the keys ${this.#keys.names}`);
  }

  /** Whether it matches, or why that is not known. */
  async #byOwnKey(own: Verifier, name: string, signature: Uint8Array): Promise<boolean | string> {
    const { small, images } = this.#found;
    if (signatureOf(name) === FULL_SIGNATURE) return own.verifyBytes(this.#platform, this.#full(), signature);
    const bytes = small.get(name);
    if (bytes !== undefined) return own.verifyBytes(this.#platform, bytes, signature);
    const image = images.find((image) => image.name === name);
    if (image === undefined) return `there is no whole ${name}`;
    if (own.hash === null) return 'pure Ed25519 cannot be checked over a stream';
    const digest = image.digests[own.hash];
    return digest === undefined
      ? `the ${own.hash} of ${name} is not known`
      : own.verifyDigest(digest, signature);
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
