import {
  type KeyObject,
  type Sign,
  type SignKeyObjectInput,
  constants,
  createHash,
  createPrivateKey,
  createPublicKey,
  sign,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parsePublicKey } from '../../host/node/crypto/public-key.js';
import { toLatin1 } from '../../core/bytes.js';
import { SluiceError } from '../../core/errors.js';
import { systemFailure } from '../../core/system-reason.js';
import type { PublicKey, SignatureScheme } from '../../core/platform.js';
import type { Digests } from '../../core/trust/trust.js';
import { requireStrongKey } from '../../core/trust/key-store.js';
import { signatureScheme, type Scheme } from '../../core/trust/scheme.js';

/** A private key and what of it may be shown. */
export class SigningKey {
  /** PEM SubjectPublicKeyInfo of the public half. */
  readonly publicPem: Uint8Array;
  readonly publicKey: PublicKey;
  readonly #name: string;
  readonly #key: KeyObject;

  /**
   * @param pem - an unencrypted private key (PKCS#8, or the older forms that OpenSSL writes)
   * @param name - for messages
   * @throws SluiceError ERR_USAGE_KEY when it cannot be read, ERR_TRUST_KEY when it is of a kind or strength
   * that no board accepts
   */
  constructor(pem: Uint8Array, name: string) {
    this.#name = name;
    this.#key = parsePrivate(pem, name);
    this.publicPem = Buffer.from(createPublicKey(this.#key).export({ type: 'spki', format: 'pem' }));
    this.publicKey = parsePublicKey(this.publicPem);
    requireStrongKey(this.publicKey, `the key of ${name}`);
  }

  /** @throws SluiceError ERR_USAGE_KEY, ERR_TRUST_KEY */
  static read(path: string): SigningKey {
    let pem: Uint8Array;
    try {
      pem = readFileSync(path);
    } catch (cause) {
      throw systemFailure('ERR_USAGE_KEY', `cannot read the key ${path}`, cause);
    }
    return new SigningKey(pem, path);
  }

  /**
   * Refuses a public key that does not belong to this private key: no board could verify its signatures.
   * @param pem - SubjectPublicKeyInfo
   * @throws SluiceError ERR_USAGE_KEY, ERR_TRUST_KEY
   */
  requireHalfOf(pem: Uint8Array, whose: string): void {
    // The strict parser first, so that what is compared is what a board would accept.
    parsePublicKey(pem);
    const other = createPublicKey(Buffer.from(pem));
    if (other.equals(createPublicKey(this.#key))) return;
    throw new SluiceError('ERR_USAGE_KEY', `${this.#name} is not the private key of ${whose}`);
  }

  /**
   * Signs a message that is at hand as a whole.
   * @throws SluiceError ERR_TRUST_HASH when the key cannot sign by that scheme
   */
  sign(scheme: Scheme, message: Uint8Array): Uint8Array {
    const way = this.#way(scheme);
    if (way !== 'ed25519') return sign(scheme.hash, message, this.#how(way));
    const { hash } = scheme;
    // Node would hash for Ed25519 by itself; here the digest is the message (docs/formats.md, HashType).
    const signed = hash === null ? message : createHash(hash).update(message).digest();
    return sign(null, signed, this.#key);
  }

  /**
   * Signs what has passed by.
   * @param digests - of it; the one by the scheme's hash must be among them
   * @param stream - what it has flowed into, made with the scheme's hash: node:crypto signs no digests but by Ed25519
   * @throws SluiceError ERR_TRUST_HASH when the key cannot sign by that scheme, or not over a stream
   */
  signStreamed(scheme: Scheme, digests: Digests, stream: Sign): Uint8Array {
    const way = this.#way(scheme);
    if (way !== 'ed25519') return stream.sign(this.#how(way));
    const digest = scheme.hash === null ? undefined : digests[scheme.hash];
    if (digest !== undefined) return sign(null, digest, this.#key);
    throw new SluiceError('ERR_TRUST_HASH', `${scheme.name} cannot sign over a stream`);
  }

  #way(scheme: Scheme): SignatureScheme {
    return signatureScheme(scheme, this.publicKey, this.#name);
  }

  #how(way: SignatureScheme): SignKeyObjectInput {
    if (way !== 'rsa-pss') return { key: this.#key };
    return {
      key: this.#key,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    };
  }
}

function parsePrivate(pem: Uint8Array, name: string): KeyObject {
  try {
    return createPrivateKey(Buffer.from(pem));
  } catch (cause) {
    // The message of OpenSSL could quote the file, so only the kind of file is reported.
    const encrypted = /ENCRYPTED/.test(toLatin1(pem.subarray(0, 256)));
    const why = encrypted ? 'it is encrypted' : 'it is not a private key in PEM';
    throw new SluiceError('ERR_USAGE_KEY', `cannot use the key ${name}: ${why}`, { cause });
  }
}
