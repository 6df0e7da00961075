/**
 * Signature schemes by the names that `HashType=` in MANIFEST and in a key's hashfunc gives them.
 *
 * @packageDocumentation
 */
import { SluiceError } from '../errors.js';
import type { HashName, PublicKey, SignatureScheme } from '../platform.js';
import { quote } from '../text.js';

/** What a name asks for. */
export interface Scheme {
  /** As it was written. */
  readonly name: string;
  /** Hash whose digest is signed; null when the bytes themselves are (pure Ed25519). */
  readonly hash: HashName | null;
  /** How each kind of key signs under this name; a kind that is missing does not fit the name. */
  readonly byKind: Partial<Readonly<Record<PublicKey['kind'], SignatureScheme>>>;
}

/** OpenSSL's digest names say the hash alone: upstream hands them to EVP_get_digestbyname, whatever the key. */
const BY_KEY = { rsa: 'rsa-pkcs1', ec: 'ecdsa' } as const;

const NAME = /^(?:(rsa-pss|rsa|ecdsa|ed25519)-)?(sha256|sha384|sha512)$/;

/**
 * Reads a scheme name, in any case: `SHA256` and `RSA-SHA256` (the key decides: PKCS#1 v1.5 or ECDSA),
 * `RSA-PSS-SHA256`, `ECDSA-SHA256`, each also with 384 and 512; `Ed25519-SHA256` and `Ed25519-SHA512` (the raw
 * digest is the signed message); `Ed25519` (the bytes are).
 * @throws SluiceError ERR_TRUST_HASH for every other name, MD5 and SHA-1 among them
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
 * @param whose the key's name, for the message
 * @throws SluiceError ERR_TRUST_HASH when they do not fit; there is no second choice
 */
export function signatureScheme(scheme: Scheme, key: PublicKey, whose: string): SignatureScheme {
  const fitting = scheme.byKind[key.kind];
  if (fitting === undefined) {
    throw new SluiceError(
      'ERR_TRUST_HASH',
      `${scheme.name} is not a way to sign with ${whose}, a key of kind ${key.kind}.`,
    );
  }
  return fitting;
}

/** `toLowerCase` folds some other letters into ASCII (the Kelvin sign into k), which must not pass for it. */
function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function unknownScheme(name: string): SluiceError {
  return new SluiceError('ERR_TRUST_HASH', `${quote(name)} is not a hash or scheme that is accepted.`);
}
