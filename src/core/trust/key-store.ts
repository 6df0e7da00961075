import { SluiceError } from '../errors.js';
import type { HashName, Platform, PublicKey } from '../platform.js';
import { type Scheme, parseScheme } from './scheme.js';
import { Verifier } from './verifier.js';

/** One key that this board trusts. */
export interface SystemKey {
  /** Its name, which is that of its directory (upstream: KeyType). */
  readonly type: string;
  readonly key: PublicKey;
  readonly scheme: Scheme;
}

/** NIST SP 800-131A: RSA below 2048 bits has been disallowed since 2014. */
const LEAST_RSA_BITS = 2048;

/** A longer one only serves to keep a small board busy. */
const MOST_RSA_BITS = 8192;

/**
 * Refuses a key that is too weak to prove anything.
 * @param whose the key's name, for the message
 * @throws SluiceError ERR_TRUST_KEY
 */
export function requireStrongKey(key: PublicKey, whose: string): void {
  const strong =
    key.kind === 'rsa'
      ? key.bits >= LEAST_RSA_BITS && key.bits <= MOST_RSA_BITS
      : key.kind === 'ec'
        ? key.bits === 256 || key.bits === 384
        : key.kind === 'ed25519';
  if (!strong) {
    throw new SluiceError(
      'ERR_TRUST_KEY',
      `${whose} is of kind ${key.kind} with ${key.bits} bits, which is not accepted.`,
    );
  }
}

/**
 * Makes a system key of what stands in its two files.
 * @param hashType the value of HashType= in its hashfunc
 * @throws SluiceError ERR_TRUST_KEY, ERR_TRUST_HASH
 */
export async function systemKey(
  platform: Platform,
  type: string,
  pem: Uint8Array,
  hashType: string,
): Promise<SystemKey> {
  return { type, key: await platform.publicKey(pem), scheme: parseScheme(hashType) };
}

/** The system keys: each of them may vouch for a bundle. */
export class KeyStore {
  readonly keys: readonly SystemKey[];
  /** The hashes that these keys sign with, each once. */
  readonly hashes: readonly HashName[];
  readonly #verifiers: ReadonlyMap<SystemKey, Verifier>;

  /**
   * @throws SluiceError ERR_TRUST_NO_KEYS when there is none; ERR_TRUST_KEY or ERR_TRUST_HASH when any of them
   *   is weak or cannot sign as it says: a store that is half right is not used at all
   */
  constructor(keys: readonly SystemKey[]) {
    if (keys.length === 0) throw new SluiceError('ERR_TRUST_NO_KEYS', 'The key store is empty.');
    const verifiers = new Map<SystemKey, Verifier>();
    const hashes = new Set<HashName>();
    for (const key of keys) {
      const whose = `the system key ${key.type}`;
      requireStrongKey(key.key, whose);
      verifiers.set(key, new Verifier(key.key, key.scheme, whose));
      if (key.scheme.hash !== null) hashes.add(key.scheme.hash);
    }
    this.keys = [...keys];
    this.hashes = [...hashes];
    this.#verifiers = verifiers;
  }

  /** The keys, each with its verifier, in their order. */
  entries(): Iterable<readonly [SystemKey, Verifier]> {
    return this.#verifiers;
  }

  /** The names of the keys, for a message. */
  get names(): string {
    return this.keys.map((key) => key.type).join(', ');
  }
}
