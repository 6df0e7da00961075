import { FULL_LIST } from '../../core/bundle/image-name.js';
import { FULL_SIGNATURE, signatureOf, signedBy } from '../../core/bundle/members.js';
import { asSluiceError } from '../../core/errors.js';
import type { Platform } from '../../core/platform.js';
import { fullMessage } from '../../core/trust/full-signature.js';
import { type KeyStore, requireStrongKey } from '../../core/trust/key-store.js';
import { Verifier } from '../../core/trust/verifier.js';
import type { Inspection } from './inspection.js';

/**
 * What can be said of a signature. `present`: no keys were given to check it with; `unknown`: it cannot be told,
 * because something that it takes is missing or because nothing vouches for the key that it matches.
 */
export type SignatureState = 'valid' | 'invalid' | 'missing' | 'unknown' | 'present';

/** One signature that is there or ought to be. */
export interface FoundSignature {
  /** What it signs; `image-full` for all the other signatures together. */
  readonly of: string;
  readonly state: SignatureState;
  /** Whose key it is of, or why its state is not `valid`. */
  readonly why: string;
}

/** Judges each signature by itself, in the order of the bundle, without stopping at the first bad one. */
export async function judgeSignatures(
  platform: Platform,
  found: Inspection,
  keys: KeyStore | null,
): Promise<FoundSignature[]> {
  const names = namesToSign(found);
  if (keys === null) {
    return names.map((of) =>
      found.small.has(signatureOf(of))
        ? { of, state: 'present', why: 'not checked: no --keys' }
        : { of, state: 'missing', why: `there is no ${signatureOf(of)}` },
    );
  }
  const judge = new Judge(platform, found, keys);
  await judge.meet();
  const states: FoundSignature[] = [];
  for (const of of names) states.push({ of, ...(await judge.judge(of)) });
  return states;
}

/** Everything that a signature is there for, and what a bundle must have one for. */
function namesToSign({ members, index, scheme, small }: Inspection): string[] {
  const names = new Set(['MANIFEST', 'publickey']);
  if (small.has('BLOCKS')) names.add('BLOCKS');
  // With BLOCKS and pure Ed25519 the images have none of their own.
  const ofImages = !(index !== null && scheme !== null && scheme.hash === null);
  for (const { name, kind } of members) {
    if (kind === 'image' && ofImages) names.add(name);
    if (kind === 'signature') names.add(signedBy(name) ?? name);
  }
  names.delete(FULL_LIST);
  return [...names, FULL_LIST];
}

type Verdict = Omit<FoundSignature, 'of'>;
const valid = (why: string): Verdict => ({ state: 'valid', why });
const invalid = (why: string): Verdict => ({ state: 'invalid', why });
const unknown = (why: string): Verdict => ({ state: 'unknown', why });

class Judge {
  readonly #platform: Platform;
  readonly #found: Inspection;
  readonly #keys: KeyStore;
  /** The bundle's publickey with MANIFEST's HashType; else why there is none. */
  #own: Verifier | string = 'MANIFEST and publickey are needed for it';
  /** Why nothing vouches for the bundle's publickey; null when a system key does. */
  #doubt: string | null = null;

  constructor(platform: Platform, found: Inspection, keys: KeyStore) {
    this.#platform = platform;
    this.#found = found;
    this.#keys = keys;
  }

  /** Gets to know the bundle's own key. */
  async meet(): Promise<void> {
    const { scheme, small } = this.#found;
    const pem = small.get('publickey');
    if (scheme === null || pem === undefined) return;
    try {
      const key = await this.#platform.publicKey(pem);
      requireStrongKey(key, "the bundle's publickey");
      this.#own = new Verifier(key, scheme, "the bundle's publickey");
    } catch (thrown) {
      this.#own = asSluiceError(thrown).message;
    }
    for (const name of ['MANIFEST', 'publickey']) {
      const { state } = await this.judge(name);
      if (state !== 'valid') this.#doubt ??= `it matches publickey, but ${signatureOf(name)} is ${state}`;
    }
  }

  async judge(name: string): Promise<Verdict> {
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
      if (await verifier.bytes(this.#platform, bytes, signature)) return valid(`by the key ${key.type}`);
    }
    return invalid(`it matches none of the keys ${this.#keys.names}`);
  }

  /** Whether it matches, or why that cannot be told. */
  async #byOwnKey(own: Verifier, name: string, signature: Uint8Array): Promise<boolean | string> {
    const { small, images } = this.#found;
    if (signatureOf(name) === FULL_SIGNATURE) return own.bytes(this.#platform, this.#full(), signature);
    const bytes = small.get(name);
    if (bytes !== undefined) return own.bytes(this.#platform, bytes, signature);
    const image = images.find((image) => image.name === name);
    if (image === undefined) return `there is no whole ${name}`;
    if (own.hash === null) return 'pure Ed25519 cannot be checked over a stream';
    const digest = image.digests[own.hash];
    return digest === undefined ? `the ${own.hash} of ${name} is not known` : own.digest(digest, signature);
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
