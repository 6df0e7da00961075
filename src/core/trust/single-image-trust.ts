import type { BlockIndex } from '../bundle/block-index.js';
import { BlocksParser } from '../bundle/block-index-parser.js';
import { isBareImageName } from '../bundle/image-name.js';
import { SluiceError } from '../errors.js';
import type { HashName, Platform } from '../platform.js';
import type { Digests, Proof, Trust } from './trust.js';
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
import { quote } from '../text.js';

/** One image with a detached signature. */
export interface SingleImage {
  /** Member name that it stands for, such as `image-kernel`. */
  readonly name: string;
  /** Its signature; null only where BLOCKS vouches for it. */
  readonly signature: Uint8Array | null;
  /** BLOCKS and its signature. */
  readonly blocks?: { readonly text: Uint8Array; readonly signature: Uint8Array } | undefined;
}

/** Vouches for a single image: the system keys sign it, and BLOCKS, directly. */
export class SingleImageTrust implements Trust {
  readonly proves = true;
  readonly keepsBlocksText = false;
  readonly manifest = null;
  readonly #keys: KeyStore;
  readonly #image: SingleImage;
  readonly #latch = new StickyFailure();
  readonly #index: BlockIndex | null;
  /** System key that vouches, once one does. */
  #key: string | null;
  #signed = false;
  #seen = false;

  private constructor(keys: KeyStore, image: SingleImage, index: BlockIndex | null, key: string | null) {
    this.#keys = keys;
    this.#image = image;
    this.#index = index;
    this.#key = key;
  }

  /**
   * Proves all that can be proven before the image comes.
   * @throws SluiceError ERR_TRUST_*, ERR_BUNDLE_BLOCKS
   */
  static async create(
    platform: Platform,
    keys: KeyStore,
    guard: AcceptanceRules,
    image: SingleImage,
  ): Promise<SingleImageTrust> {
    requireRules(guard);
    if (!isBareImageName(image.name)) {
      throw new SluiceError('ERR_BUNDLE_MEMBER', `${quote(image.name)} is not the name of an image.`);
    }
    const { blocks, signature } = image;
    if (signature?.length === 0 || (signature === null && blocks === undefined)) {
      throw new SluiceError(
        'ERR_TRUST_SIGNATURE_MISSING',
        `The signature of ${image.name} is missing or empty.`,
        {
          member: image.name,
        },
      );
    }
    if (signature !== null && keys.hashes.length === 0) {
      throw new SluiceError(
        'ERR_TRUST_HASH',
        `The keys of this board (${keys.names}) sign with pure Ed25519, which cannot be checked over a stream; BLOCKS can.`,
        { member: image.name },
      );
    }
    if (blocks === undefined) {
      // Nothing but BLOCKS says which machine and version a bare image is for.
      checkMachine(guard, null);
      checkVersion(guard, null);
      checkSecurityVersion(guard, null);
      return new SingleImageTrust(keys, image, null, null);
    }
    const { index, key } = await proveBlocks(
      platform,
      keys,
      guard,
      image.name,
      blocks.text,
      blocks.signature,
    );
    const trust = new SingleImageTrust(keys, image, index, key);
    const { sha256 } = requireIndexed(index, image.name);
    // The index names the digest that the image must have, so a wrong signature shows before any byte comes;
    // when another hash is in use, it shows at the end.
    await trust.#tryKeys({ sha256 });
    return trust;
  }

  get index(): BlockIndex | null {
    return this.#latch.failed ? null : this.#index;
  }

  get indexKey(): string | null {
    return this.index === null ? null : this.#key;
  }

  hashes(): readonly HashName[] {
    this.#latch.check();
    return this.#signed ? ['sha256'] : [...new Set<HashName>(['sha256', ...this.#keys.hashes])];
  }

  async member(name: string, _bytes: Uint8Array): Promise<void> {
    await this.#latch.run(async () => {
      throw new SluiceError('ERR_BUNDLE_MEMBER', `A single image has no member ${quote(name)}.`, {
        member: name,
      });
    });
  }

  async blocks(_index: BlockIndex, _digests: Digests, _text: Uint8Array | null): Promise<void> {
    await this.member('BLOCKS', new Uint8Array(0));
  }

  async image(name: string, size: number, digests: Digests): Promise<void> {
    await this.#latch.run(async () => {
      if (name !== this.#image.name || this.#seen) {
        throw new SluiceError(
          'ERR_BUNDLE_MEMBER',
          `${quote(name)} is not the one image that was announced.`,
          {
            member: name,
          },
        );
      }
      if (this.#index !== null) checkImage(this.#index, name, { size, digests });
      await this.#tryKeys(digests);
      if (!this.#signed) throw wrongSignature(name, this.#keys);
      this.#seen = true;
    });
  }

  async finish(): Promise<Proof> {
    return this.#latch.run(async () => {
      if (!this.#seen) {
        throw new SluiceError('ERR_BUNDLE_MEMBER_MISSING', `${this.#image.name} has not come.`, {
          member: this.#image.name,
        });
      }
      return { manifest: null, key: this.#key };
    }, true);
  }

  /**
   * Looks for a key that verifies the image's signature over one of these digests.
   * @throws SluiceError ERR_TRUST_SIGNATURE when no key can, however the other digests may turn out
   */
  async #tryKeys(digests: Digests): Promise<void> {
    if (this.#signed) return;
    const { signature, name } = this.#image;
    if (signature === null) {
      this.#signed = true;
      return;
    }
    let open = false;
    for (const [key, verifier] of this.#keys.entries()) {
      // A pure Ed25519 key needs the bytes, which a stream does not keep: it can vouch by BLOCKS only.
      if (verifier.hash === null) continue;
      const digest = digests[verifier.hash];
      if (digest === undefined) {
        open = true;
      } else if (await verifier.digest(digest, signature)) {
        this.#key = key.type;
        this.#signed = true;
        return;
      }
    }
    if (!open) throw wrongSignature(name, this.#keys);
  }
}

/** The index, cut down to the one image, and the name of the key that signs it. */
async function proveBlocks(
  platform: Platform,
  keys: KeyStore,
  guard: AcceptanceRules,
  name: string,
  text: Uint8Array,
  signature: Uint8Array,
): Promise<{ index: BlockIndex; key: string }> {
  if (signature.length === 0) {
    throw new SluiceError('ERR_TRUST_SIGNATURE_MISSING', 'The signature of BLOCKS is empty.', {
      member: 'BLOCKS',
    });
  }
  for (const [key, verifier] of keys.entries()) {
    if (!(await verifier.bytes(platform, text, signature))) continue;
    const parser = new BlocksParser(text.length);
    parser.write(text);
    const whole = parser.end();
    checkIndex(guard, whole, null);
    return { index: { ...whole, images: new Map([[name, requireIndexed(whole, name)]]) }, key: key.type };
  }
  throw wrongSignature('BLOCKS', keys);
}

const wrongSignature = (name: string, keys: KeyStore): SluiceError =>
  new SluiceError(
    'ERR_TRUST_SIGNATURE',
    `The signature of ${name} is not from a key of this board (${keys.names}).`,
    {
      member: name,
    },
  );
