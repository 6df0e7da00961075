import type { Manifest } from '../../core/bundle/manifest.js';
import { SluiceError } from '../../core/errors.js';
import type { Platform, PublicKey } from '../../core/platform.js';
import { KeyStore, systemKey } from '../../core/trust/key-store.js';
import type { Scheme } from '../../core/trust/scheme.js';
import type { Signer } from './signatures.js';
import type { SigningKey } from './signing-key.js';

/** What a system key is chosen from. */
interface Choices {
  readonly platform: Platform;
  readonly key: SigningKey | null;
  readonly systemKey: SigningKey | null;
  readonly keys: KeyStore | null;
}

/** The key that signs MANIFEST and publickey, and the keys of the boards that verify them. */
export class SystemSigner implements Signer {
  readonly key: SigningKey | null;
  readonly scheme: Scheme;
  /** What a board has that takes the bundle. */
  readonly keys: KeyStore;
  /** Whether `keys` are those of boards, not made up from what signs. */
  readonly #known: boolean;

  private constructor(key: SigningKey | null, scheme: Scheme, keys: KeyStore, known: boolean) {
    this.key = key;
    this.scheme = scheme;
    this.keys = keys;
    this.#known = known;
  }

  /**
   * With a key store, its entry for the key says how the key signs. Without one the board is taken to have the
   * system key, or else the bundle's own publickey, with MANIFEST's HashType if the key can sign so.
   *
   * @param publicPem - the bundle's publickey
   * @throws SluiceError ERR_USAGE_KEY when the store has not got the key
   */
  static async choose(
    { platform, key: imageKey, systemKey: ownKey, keys }: Choices,
    publicPem: Uint8Array,
    scheme: Scheme,
    manifest: Manifest,
  ): Promise<SystemSigner> {
    const key = ownKey ?? imageKey;
    if (keys !== null) {
      const known = key === null ? keys.keys[0] : await entryOf(platform, keys, key);
      if (known !== undefined) return new SystemSigner(key, known.scheme, keys, true);
      // The image key need not be known to the board; only what it would have to sign cannot be signed then.
      if (ownKey === null) return new SystemSigner(null, scheme, keys, true);
      throw new SluiceError('ERR_USAGE_KEY', `--system-key is none of the keys of --keys (${keys.names})`);
    }
    const type = manifest.keyType ?? 'OpenBMC';
    const pem = key?.publicPem ?? publicPem;
    const name = fittingScheme(scheme, await platform.publicKey(pem));
    const made = await systemKey(platform, type, pem, name);
    return new SystemSigner(key, made.scheme, new KeyStore([made]), false);
  }

  /** Says in an error of `check` what may be missing, where only a guess was made at the board's keys. */
  async explain(check: () => Promise<void>): Promise<void> {
    try {
      await check();
    } catch (thrown) {
      const head = thrown instanceof SluiceError && ['MANIFEST', 'publickey'].includes(thrown.member ?? '');
      if (!head || this.#known || thrown.code !== 'ERR_TRUST_SIGNATURE') throw thrown;
      const whose = this.key === null ? "the bundle's own publickey" : 'the key that was given';
      throw new SluiceError(
        'ERR_TRUST_SIGNATURE',
        `${thrown.member}.sig does not match ${whose}; if the board has another system key, say --keys DIR or --system-key PEM`,
        { member: thrown.member, cause: thrown },
      );
    }
  }
}

/** The usual way of signing for a key: the names that OpenSSL on a stock board knows, where it knows any. */
export function defaultHashType({ kind, bits }: PublicKey): string {
  if (kind === 'rsa') return 'RSA-SHA256';
  if (kind === 'ec') return bits === 384 ? 'SHA384' : 'SHA256';
  return 'Ed25519-SHA512';
}

function fittingScheme(scheme: Scheme, key: PublicKey): string {
  return scheme.byKind[key.kind] === undefined ? defaultHashType(key) : scheme.name;
}

/** The entry of the store that the private key belongs to, found by what it signs. */
async function entryOf(platform: Platform, keys: KeyStore, key: SigningKey) {
  const probe = Uint8Array.of(0);
  for (const [entry, verifier] of keys.entries()) {
    if (entry.scheme.byKind[key.publicKey.kind] === undefined || entry.key.kind !== key.publicKey.kind)
      continue;
    if (await verifier.verifyBytes(platform, probe, key.sign(entry.scheme, probe))) return entry;
  }
  return undefined;
}
