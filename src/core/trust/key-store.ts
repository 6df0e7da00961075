import { SluiceError } from '../errors.js';
import type { HashName, Platform, PublicKey } from '../platform.js';
import { type Scheme, parseScheme } from './scheme.js';
import { Verifier } from './verifier.js';

/** One key that this machine trusts. */
export interface SystemKey {
  /** Name of the key and of its directory (upstream: KeyType). */
  readonly type: string;
  readonly key: PublicKey;
  readonly scheme: Scheme;
}

/** NIST SP 800-131A: RSA below 2048 bits has been disallowed since 2014. */
const MIN_RSA_BITS = 2048;

/** Longer keys gain nothing and keep a small board busy. */
const MAX_RSA_BITS = 8192;

/**
 * Refuses a key of a weak or unknown kind.
 * @param label - name of the key, for the message
 * @throws SluiceError ERR_TRUST_KEY
 */
export function requireStrongKey(key: PublicKey, label: string): void {
  const strong =
    key.kind === 'rsa'
      ? key.bits >= MIN_RSA_BITS && key.bits <= MAX_RSA_BITS
      : key.kind === 'ec'
        ? key.bits === 256 || key.bits === 384
        : key.kind === 'ed25519';
  if (!strong) {
    throw new SluiceError('ERR_TRUST_KEY', `${label} (${key.kind}, ${key.bits} bits) is not accepted`);
  }
}

/**
 * Makes a system key from the contents of its two files.
 * @param hashType - value of HashType= in its hashfunc
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

/** The system keys: each of them can verify a bundle. */
export class KeyStore {
  readonly keys: readonly SystemKey[];
  /** The hashes that these keys sign with, each once. */
  readonly hashes: readonly HashName[];
  readonly #verifiers: ReadonlyMap<SystemKey, Verifier>;

  /**
   * @throws SluiceError ERR_TRUST_NO_KEYS if there is no key; ERR_TRUST_KEY or ERR_TRUST_HASH if any key is weak or
   *   does not fit its scheme
   */
  constructor(keys: readonly SystemKey[]) {
    if (keys.length === 0) throw new SluiceError('ERR_TRUST_NO_KEYS', 'the key store has no keys');
    const verifiers = new Map<SystemKey, Verifier>();
    const hashes = new Set<HashName>();
    for (const key of keys) {
      const label = `system key ${key.type}`;
      requireStrongKey(key.key, label);
      verifiers.set(key, new Verifier(key.key, key.scheme, label));
      if (key.scheme.hash !== null) hashes.add(key.scheme.hash);
    }
    this.keys = [...keys];
    this.hashes = [...hashes];
    this.#verifiers = verifiers;
  }

  entries(): Iterable<readonly [SystemKey, Verifier]> {
    return this.#verifiers;
  }

  /** For messages. */
  get names(): string {
    return this.keys.map((key) => key.type).join(', ');
  }
}
