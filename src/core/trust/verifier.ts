import type { HashName, Platform, PublicKey, SignatureScheme } from '../platform.js';
import { type Scheme, signatureScheme } from './scheme.js';

/** A key together with the one way in which it signs. */
export class Verifier {
  /** Hash of the digests that it takes; null when it needs the bytes themselves. */
  readonly hash: HashName | null;
  readonly #key: PublicKey;
  readonly #scheme: SignatureScheme;

  /**
   * @param whose the key's name, for the message
   * @throws SluiceError ERR_TRUST_HASH when the key cannot sign in that way
   */
  constructor(key: PublicKey, scheme: Scheme, whose: string) {
    this.#scheme = signatureScheme(scheme, key, whose);
    this.#key = key;
    this.hash = scheme.hash;
  }

  /** Whether `signature` is right for `bytes`. */
  async bytes(platform: Platform, bytes: Uint8Array, signature: Uint8Array): Promise<boolean> {
    if (this.hash === null) return this.#verify('sha512', bytes, signature);
    const hasher = platform.hasher(this.hash);
    hasher.update(bytes);
    return this.#verify(this.hash, hasher.digest(), signature);
  }

  /** Whether `signature` is right for what has this digest (by `hash`, which is not null then). */
  async digest(digest: Uint8Array, signature: Uint8Array): Promise<boolean> {
    return this.hash !== null && this.#verify(this.hash, digest, signature);
  }

  async #verify(hash: HashName, digest: Uint8Array, signature: Uint8Array): Promise<boolean> {
    if (signature.length === 0) return false;
    return (await this.#key.verify({ scheme: this.#scheme, hash, digest, signature })) === true;
  }
}
