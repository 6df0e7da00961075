import type { BlockIndex } from '../bundle/block-index.js';
import { BlocksParser } from '../bundle/block-index-parser.js';
import { SluiceError } from '../errors.js';
import type { HashName, Platform } from '../platform.js';
import { NO_COMPANIONS, type Companions, type Digests, type Proof, type Trust } from './trust.js';
import {
  type AcceptanceRules,
  checkIndex,
  checkMachine,
  checkSecurityVersion,
  checkVersion,
  requireRules,
} from './acceptance-rules.js';
import { checkImage, requireIndexed } from './index-check.js';
import type { KeyStore } from './key-store.js';
import { StickyFailure } from '../sticky-failure.js';
import { quote, quoteName } from '../text.js';

/** One image with a detached signature. */
export interface SingleImage {
  /** `image-` and the name of its partition, such as `image-kernel` or `image-spi0.0`. */
  readonly name: string;
  /** Signature of the image; null only if BLOCKS is given. */
  readonly signature: Uint8Array | null;
  /** BLOCKS and its signature. */
  readonly blocks?: { readonly text: Uint8Array; readonly signature: Uint8Array } | undefined;
}

/** Verifies a single image: the system keys sign the image and BLOCKS directly. */
export class SingleImageTrust implements Trust {
  readonly proves = true;
  readonly keepsBlocksText = false;
  readonly manifest = null;
  readonly #keys: KeyStore;
  readonly #image: SingleImage;
  readonly #steps = new StickyFailure();
  readonly #index: BlockIndex | null;
  readonly #indexKey: string | null;
  /** The system key that verifies the image, or BLOCKS if the image has no signature; null before that. */
  #key: string | null;
  #signed = false;
  #seen = false;

  private constructor(keys: KeyStore, image: SingleImage, index: BlockIndex | null, key: string | null) {
    this.#keys = keys;
    this.#image = image;
    this.#index = index;
    this.#indexKey = key;
    this.#key = key;
  }

  /**
   * Verifies everything that can be verified before the image.
   * @throws SluiceError ERR_TRUST_*, ERR_BUNDLE_BLOCKS
   */
  static async create(
    platform: Platform,
    keys: KeyStore,
    rules: AcceptanceRules,
    image: SingleImage,
  ): Promise<SingleImageTrust> {
    requireRules(rules);
    const { blocks, signature } = image;
    if (signature?.length === 0 || (signature === null && blocks === undefined)) {
      throw new SluiceError(
        'ERR_TRUST_SIGNATURE_MISSING',
        `signature of ${quoteName(image.name)} is missing or empty`,
        {
          member: image.name,
        },
      );
    }
    if (signature !== null && keys.hashes.length === 0) {
      throw new SluiceError(
        'ERR_TRUST_HASH',
        `keys of this machine (${keys.names}) are pure Ed25519, which cannot be verified over a stream; use BLOCKS`,
        { member: image.name },
      );
    }
    if (blocks === undefined) {
      // Only BLOCKS names the machine and version of a bare image.
      checkMachine(rules, null);
      checkVersion(rules, null);
      checkSecurityVersion(rules, null);
      return new SingleImageTrust(keys, image, null, null);
    }
    const { index, key } = await proveBlocks(
      platform,
      keys,
      rules,
      image.name,
      blocks.text,
      blocks.signature,
    );
    const trust = new SingleImageTrust(keys, image, index, key);
    const { sha256 } = requireIndexed(index, image.name);
    // With the digest in the index, a wrong signature is found before the image. A signature over another hash is
    // checked at the end.
    await trust.#tryKeys({ sha256 });
    return trust;
  }

  get index(): BlockIndex | null {
    return this.#steps.failed ? null : this.#index;
  }

  get indexKey(): string | null {
    return this.index === null ? null : this.#indexKey;
  }

  hashes(): readonly HashName[] {
    this.#steps.check();
    return this.#signed ? ['sha256'] : [...new Set<HashName>(['sha256', ...this.#keys.hashes])];
  }

  async member(name: string, _bytes: Uint8Array): Promise<void> {
    await this.#steps.run(async () => {
      throw new SluiceError(
        'ERR_BUNDLE_MEMBER',
        `member ${quote(name)} is unknown: the upload is a single image`,
        { member: name },
      );
    });
  }

  async blocks(_index: BlockIndex, _digests: Digests, _text: Uint8Array | null): Promise<void> {
    await this.member('BLOCKS', new Uint8Array(0));
  }

  /** Refuses nothing new: `create` has checked what can be known. */
  beforeUnproven(): Companions {
    this.#steps.check();
    return NO_COMPANIONS;
  }

  async image(name: string, size: number, digests: Digests): Promise<void> {
    await this.#steps.run(async () => {
      if (name !== this.#image.name || this.#seen) {
        throw new SluiceError('ERR_BUNDLE_MEMBER', `image ${quote(name)} was not announced or came twice`, {
          member: name,
        });
      }
      if (this.#index !== null) checkImage(this.#index, name, { size, digests });
      await this.#tryKeys(digests);
      if (!this.#signed) throw signatureMismatch(name, this.#keys);
      this.#seen = true;
    });
  }

  async finish(): Promise<Proof> {
    return this.#steps.run(async () => {
      if (!this.#seen) {
        throw new SluiceError('ERR_BUNDLE_MEMBER_MISSING', `${quoteName(this.#image.name)} is missing`, {
          member: this.#image.name,
        });
      }
      return { manifest: null, key: this.#key };
    }, true);
  }

  /**
   * Looks for a key that verifies the signature of the image with one of these digests.
   * @throws SluiceError ERR_TRUST_SIGNATURE if no key can, whatever the missing digests are
   */
  async #tryKeys(digests: Digests): Promise<void> {
    if (this.#signed) return;
    const { signature, name } = this.#image;
    if (signature === null) {
      this.#signed = true;
      return;
    }
    let undecided = false;
    for (const [key, verifier] of this.#keys.entries()) {
      // A pure Ed25519 key needs the bytes, which a stream does not keep. It can only sign BLOCKS.
      if (verifier.hash === null) continue;
      const digest = digests[verifier.hash];
      if (digest === undefined) {
        undecided = true;
      } else if (await verifier.verifyDigest(digest, signature)) {
        this.#key = key.type;
        this.#signed = true;
        return;
      }
    }
    if (!undecided) throw signatureMismatch(name, this.#keys);
  }
}

/** The index with only this image, and the name of the key that verifies it. */
async function proveBlocks(
  platform: Platform,
  keys: KeyStore,
  rules: AcceptanceRules,
  name: string,
  text: Uint8Array,
  signature: Uint8Array,
): Promise<{ index: BlockIndex; key: string }> {
  if (signature.length === 0) {
    throw new SluiceError('ERR_TRUST_SIGNATURE_MISSING', 'signature of BLOCKS is empty', {
      member: 'BLOCKS',
    });
  }
  for (const [key, verifier] of keys.entries()) {
    if (!(await verifier.verifyBytes(platform, text, signature))) continue;
    const parser = new BlocksParser(text.length);
    parser.write(text);
    const whole = parser.end();
    checkIndex(rules, whole, null);
    return { index: { ...whole, images: new Map([[name, requireIndexed(whole, name)]]) }, key: key.type };
  }
  throw signatureMismatch('BLOCKS', keys);
}

const signatureMismatch = (name: string, keys: KeyStore): SluiceError =>
  new SluiceError(
    'ERR_TRUST_SIGNATURE',
    `no key of this machine (${keys.names}) verifies the signature of ${quoteName(name)}`,
    { member: name },
  );
