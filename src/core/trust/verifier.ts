import type { HashName, Platform, PublicKey, SignatureScheme } from '../platform.js';
import { type Scheme, signatureScheme } from './scheme.js';

/** A key with its signature scheme. */
export class Verifier {
  /** Hash of the digests that the key signs; null if it signs the bytes (pure Ed25519). */
  readonly hash: HashName | null;
  readonly #key: PublicKey;
  readonly #scheme: SignatureScheme;

  /**
   * @param label - name of the key, for the message
   * @throws SluiceError ERR_TRUST_HASH if the key does not fit the scheme
   */
  constructor(key: PublicKey, scheme: Scheme, label: string) {
    this.#scheme = signatureScheme(scheme, key, label);
    this.#key = key;
    this.hash = scheme.hash;
  }

  /** Whether `signature` is a signature of `bytes`. */
  async verifyBytes(platform: Platform, bytes: Uint8Array, signature: Uint8Array): Promise<boolean> {
    if (this.hash === null) return this.#verify('sha512', bytes, signature);
    const hasher = platform.hasher(this.hash);
    hasher.update(bytes);
    return this.#verify(this.hash, hasher.digest(), signature);
  }

  /** Whether `signature` is a signature of the bytes with this digest, which is by `hash`. */
  async verifyDigest(digest: Uint8Array, signature: Uint8Array): Promise<boolean> {
    return this.hash !== null && this.#verify(this.hash, digest, signature);
  }

  async #verify(hash: HashName, digest: Uint8Array, signature: Uint8Array): Promise<boolean> {
    if (signature.length === 0) return false;
    return (await this.#key.verify({ scheme: this.#scheme, hash, digest, signature })) === true;
  }
}
