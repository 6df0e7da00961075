/**
 * Signature schemes by their names in `HashType=` of MANIFEST and of the hashfunc of a key.
 *
 * @packageDocumentation
 */
import { SluiceError } from '../errors.js';
import type { HashName, PublicKey, SignatureScheme } from '../platform.js';
import { quote } from '../text.js';

/** A signature scheme. */
export interface Scheme {
  /** As written in `HashType=`. */
  readonly name: string;
  /** Hash label digest is signed; null when the bytes themselves are (pure Ed25519). */
  readonly hash: HashName | null;
  /** How each kind of key signs under this name; other kinds do not fit. */
  readonly byKind: Partial<Readonly<Record<PublicKey['kind'], SignatureScheme>>>;
}

/** A name such as `SHA256` is only the digest: upstream passes it to EVP_get_digestbyname for every kind of key. */
const BY_KEY = { rsa: 'rsa-pkcs1', ec: 'ecdsa' } as const;

const NAME = /^(?:(rsa-pss|rsa|ecdsa|ed25519)-)?(sha256|sha384|sha512)$/;

/**
 * Parses a scheme name, in upper or lower case: `SHA256` and `RSA-SHA256` (PKCS#1 v1.5 or ECDSA, depending on the key),
 * `RSA-PSS-SHA256`, `ECDSA-SHA256`, each also with 384 and 512; `Ed25519-SHA256` and `Ed25519-SHA512` (sign the raw
 * digest); `Ed25519` (signs the bytes).
 * @throws SluiceError ERR_TRUST_HASH for every other name, including MD5 and SHA-1
 */
export function parseScheme(name: string): Scheme {
  const lower = asciiLowerCase(name);
  if (lower === 'ed25519') return { name, hash: null, byKind: { ed25519: 'ed25519' } };
  const match = NAME.exec(lower);
  if (match === null) throw unknownScheme(name);
  const hash = match[2] as HashName;
  switch (match[1]) {
    case 'rsa-pss':
      return { name, hash, byKind: { rsa: 'rsa-pss' } };
    case 'ecdsa':
      return { name, hash, byKind: { ec: 'ecdsa' } };
    case 'ed25519':
      if (hash === 'sha384') throw unknownScheme(name);
      return { name, hash, byKind: { ed25519: 'ed25519' } };
    default:
      return { name, hash, byKind: BY_KEY };
  }
}

/**
 * How `key` signs under `scheme`.
 * @param label - name of the key, for the message
 * @throws SluiceError ERR_TRUST_HASH if they do not fit
 */
export function signatureScheme(scheme: Scheme, key: PublicKey, label: string): SignatureScheme {
  const fitting = scheme.byKind[key.kind];
  if (fitting === undefined) {
    throw new SluiceError('ERR_TRUST_HASH', `${label} (${key.kind}) cannot sign with ${scheme.name}`);
  }
  return fitting;
}

/** `toLowerCase` maps some other letters to ASCII (the Kelvin sign to k); a name with such a letter must not match. */
function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function unknownScheme(name: string): SluiceError {
  return new SluiceError('ERR_TRUST_HASH', `hash or scheme ${quote(name)} is not accepted`);
}
