/**
 * Public keys on node:crypto: parses strict PEM and verifies signatures over digests.
 *
 * @packageDocumentation
 */
import { type KeyObject, constants, createPublicKey, publicDecrypt, verify } from 'node:crypto';
import { toLatin1 } from '../../../core/bytes.js';
import { SluiceError } from '../../../core/errors.js';
import type { PublicKey, SignatureCheck } from '../../../core/platform.js';
import { DIGEST_LENGTH, isPkcs1, isPss } from './rsa-encoding.js';

/** RSA with 8192 bits, the largest accepted, takes 1.5 KiB. */
const MAX_PEM_BYTES = 16 * 1024;

/** Exactly one SubjectPublicKeyInfo (RFC 7468): no certificate, no private key, no second key. */
const PEM = /^-----BEGIN PUBLIC KEY-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END PUBLIC KEY-----[\r\n]*$/;

const ED25519_SIGNATURE_BYTES = 64;

const refuse = (message: string, cause?: unknown): SluiceError =>
  new SluiceError('ERR_TRUST_KEY', message, { cause });

/**
 * DER of a PEM public key.
 * @throws SluiceError ERR_TRUST_KEY
 */
function decodePem(pem: Uint8Array): Buffer {
  if (pem.length > MAX_PEM_BYTES)
    throw refuse(`public key has ${pem.length} bytes; the maximum is ${MAX_PEM_BYTES} bytes`);
  const body = PEM.exec(toLatin1(pem))?.[1]?.replace(/[\r\n]/g, '');
  if (body === undefined) {
    throw refuse('public key is not a single PEM block with "-----BEGIN PUBLIC KEY-----"');
  }
  const der = Buffer.from(body, 'base64');
  // Buffer skips invalid characters, so the text must be the same when encoded again.
  if (der.toString('base64') !== body) throw refuse('public key is not base64');
  return der;
}

function namedCurveKey(key: KeyObject): KeyObject {
  try {
    return createPublicKey({ key: key.export({ format: 'jwk' }), format: 'jwk' });
  } catch (cause) {
    throw refuse('EC key has an unknown curve', cause);
  }
}

/** The key object of a canonical DER SubjectPublicKeyInfo. */
function decodeKey(der: Buffer): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch (cause) {
    throw refuse('public key is not a valid SubjectPublicKeyInfo', cause);
  }
  // Makes a key from the name of its curve: one with explicit curve parameters then differs below.
  if (key.asymmetricKeyType === 'ec') key = namedCurveKey(key);
  // Refuses bytes after the key and ambiguous encodings.
  if (!key.export({ type: 'spki', format: 'der' }).equals(der)) {
    throw refuse('public key has extra bytes or a non-canonical encoding');
  }
  return key;
}

/**
 * Parses a PEM SubjectPublicKeyInfo: RSA, ECDSA P-256 or P-384, Ed25519.
 * @throws SluiceError ERR_TRUST_KEY for everything else
 */
export function parsePublicKey(pem: Uint8Array): PublicKey {
  const key = decodeKey(decodePem(pem));
  const details = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'rsa': {
      const exponent = details.publicExponent ?? 0n;
      // With e = 1 the signature is the encoded message, which anybody can make.
      if (exponent < 3n || exponent % 2n === 0n) {
        throw refuse(`RSA key has the insecure public exponent ${exponent}`);
      }
      return new RsaKey(key, details.modulusLength ?? 0);
    }
    case 'ec':
      if (details.namedCurve === 'prime256v1') return new EcKey(key, 256);
      if (details.namedCurve === 'secp384r1') return new EcKey(key, 384);
      throw refuse(`EC key has the curve ${details.namedCurve ?? 'unknown'}, not P-256 or P-384`);
    case 'ed25519':
      return new Ed25519Key(key);
    default:
      throw refuse(`public key of kind ${key.asymmetricKeyType ?? 'unknown'} is not accepted`);
  }
}

class RsaKey implements PublicKey {
  readonly kind = 'rsa';
  readonly bits: number;
  readonly #key: KeyObject;

  constructor(key: KeyObject, bits: number) {
    this.#key = key;
    this.bits = bits;
  }

  async verify({ scheme, hash, digest, signature }: SignatureCheck): Promise<boolean> {
    if (scheme !== 'rsa-pkcs1' && scheme !== 'rsa-pss') return false;
    // RFC 8017 8.1.2 and 8.2.2, step 1: a signature is exactly as long as the modulus.
    if (signature.length !== Math.ceil(this.bits / 8)) return false;
    let encoded: Uint8Array;
    try {
      encoded = publicDecrypt({ key: this.#key, padding: constants.RSA_NO_PADDING }, signature);
    } catch {
      return false; // not below the modulus
    }
    if (encoded.length !== signature.length) return false;
    return scheme === 'rsa-pkcs1' ? isPkcs1(encoded, hash, digest) : isPss(encoded, this.bits, hash, digest);
  }
}

class EcKey implements PublicKey {
  readonly kind = 'ec';
  readonly bits: 256 | 384;
  /** Uncompressed point (SEC 1, 2.3.3). */
  readonly #point: Buffer;

  constructor(key: KeyObject, bits: 256 | 384) {
    const { x = '', y = '' } = key.export({ format: 'jwk' });
    this.#point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
    this.bits = bits;
  }

  async verify({ scheme, hash, digest, signature }: SignatureCheck): Promise<boolean> {
    if (scheme !== 'ecdsa' || digest.length !== DIGEST_LENGTH[hash]) return false;
    // node:crypto verifies ECDSA only over messages. Loaded on demand: most boards have RSA keys.
    const { p256, p384 } = await import('@noble/curves/nist.js');
    try {
      const curve = this.bits === 256 ? p256 : p384;
      // lowS off: OpenSSL makes signatures with either s.
      return curve.verify(signature, digest, this.#point, { prehash: false, format: 'der', lowS: false });
    } catch {
      return false; // not DER, or numbers out of range
    }
  }
}

class Ed25519Key implements PublicKey {
  readonly kind = 'ed25519';
  readonly bits = 255;
  readonly #key: KeyObject;

  constructor(key: KeyObject) {
    this.#key = key;
  }

  async verify({ scheme, digest, signature }: SignatureCheck): Promise<boolean> {
    if (scheme !== 'ed25519' || signature.length !== ED25519_SIGNATURE_BYTES) return false;
    try {
      return verify(null, digest, this.#key, signature);
    } catch {
      return false;
    }
  }
}
