import type { BlockIndex } from '../bundle/block-index.js';
import type { Manifest } from '../bundle/manifest.js';
import { FULL_LIST, isImageName } from '../bundle/image-name.js';
import { SluiceError } from '../errors.js';
import type { HashName, Platform } from '../platform.js';
import type { Digests, Proof, Trust } from './trust.js';
import { ReceivedMembers } from './received-members.js';
import { fullMessage, isComplete, isInFull } from './full-signature.js';
import { type AcceptanceRules, checkIndex, checkSecurityVersion, requireRules } from './acceptance-rules.js';
import {
  type ManifestParts,
  hasManifestParts,
  verifyManifestParts,
  requireManifestParts,
} from './manifest-parts.js';
import { requireKnownSet } from './image-set.js';
import { checkImage, requireAllImages, requireIndexed } from './index-check.js';
import type { KeyStore } from './key-store.js';
import { StickyFailure } from '../sticky-failure.js';

/** Options of a OpenBmcTrust. */
export interface TrustChainOptions {
  /**
   * Hashes to compute over images from the start, beside those of the keys: a reader who can come back may ask
   * for all, so that a MANIFEST behind the images can name any (else ERR_TRUST_HASH_LATE).
   */
  readonly hashes?: readonly HashName[];
  /**
   * Names of the images that the operator has asked for, such as `image-kernel`. A bundle without BLOCKS that has
   * not all images of a board is taken only for exactly these: see full-signature.ts on names. `any` takes every
   * set: for a caller who knows by other means that the images are what their names say.
   */
  readonly only?: readonly string[] | 'any' | null;
}

/** BLOCKS as it came, before its signature. */
interface UnprovenBlocks {
  readonly index: BlockIndex;
  readonly digests: Digests;
  readonly text: Uint8Array | null;
}

/**
 * The signature chain of an OpenBMC bundle (docs/security.md, Chain of trust): a system key vouches for MANIFEST and
 * publickey, the bundle's publickey for all the rest. Members may come in any order, but BLOCKS after the head
 * (MANIFEST, publickey and their signatures); each check is made as soon as what it needs is there.
 */
export class OpenBmcTrust implements Trust {
  readonly proves = true;
  readonly #platform: Platform;
  readonly #keys: KeyStore;
  readonly #guard: AcceptanceRules;
  readonly #earlyHashes: readonly HashName[];
  readonly #only: readonly string[] | 'any' | null;
  readonly #latch = new StickyFailure();
  readonly #evidence = new ReceivedMembers();
  /** Images whose own signature is right. */
  readonly #signed = new Set<string>();
  #head: ManifestParts | null = null;
  #blocks: UnprovenBlocks | null = null;
  #index: BlockIndex | null = null;
  #fullProven = false;

  /** @throws SluiceError ERR_TRUST_MACHINE_UNKNOWN, ERR_USAGE_OPTION: what is wrong with the guard itself */
  constructor(platform: Platform, keys: KeyStore, guard: AcceptanceRules, options: TrustChainOptions = {}) {
    requireRules(guard);
    this.#platform = platform;
    this.#keys = keys;
    this.#guard = guard;
    this.#only = options.only ?? null;
    this.#earlyHashes = [...new Set<HashName>(['sha256', ...keys.hashes, ...(options.hashes ?? [])])];
  }

  get index(): BlockIndex | null {
    return this.#latch.failed ? null : this.#index;
  }

  get indexKey(): string | null {
    return this.index === null ? null : (this.#head?.keyType ?? null);
  }

  get manifest(): Manifest | null {
    return this.#head?.manifest ?? null;
  }

  get keepsBlocksText(): boolean {
    return this.#head !== null && this.#head.verifier.hash === null;
  }

  hashes(): readonly HashName[] {
    this.#latch.check();
    if (this.#head === null) return this.#earlyHashes;
    const { hash } = this.#head.verifier;
    return hash === null || hash === 'sha256' ? ['sha256'] : ['sha256', hash];
  }

  async member(name: string, bytes: Uint8Array): Promise<void> {
    await this.#latch.run(async () => {
      this.#evidence.member(name, bytes, true);
      await this.#advance();
    });
  }

  async blocks(index: BlockIndex, digests: Digests, text: Uint8Array | null): Promise<void> {
    await this.#latch.run(async () => {
      if (this.#blocks !== null) {
        throw new SluiceError('ERR_BUNDLE_TAR_DUPLICATE', 'BLOCKS is there twice.', { member: 'BLOCKS' });
      }
      // Else its hashes and, for pure Ed25519, its bytes would have to be kept for a scheme not yet known.
      if (this.#head === null) {
        throw new SluiceError(
          'ERR_BUNDLE_ORDER',
          'BLOCKS comes before MANIFEST, publickey and their signatures.',
          {
            member: 'BLOCKS',
          },
        );
      }
      this.#blocks = { index, digests, text };
      await this.#advance();
    });
  }

  async image(name: string, size: number, digests: Digests): Promise<void> {
    await this.#latch.run(async () => {
      this.#evidence.image(name, size, digests);
      if (this.#index !== null) checkImage(this.#index, name, { size, digests });
      await this.#advance();
    });
  }

  async finish(): Promise<Proof> {
    return this.#latch.run(async () => {
      requireManifestParts(this.#evidence);
      const head = this.#head as ManifestParts;
      if (this.#blocks !== null && this.#index === null) throw missingSignature('BLOCKS');
      for (const name of this.#evidence.signatures.keys()) this.#requireSigned(name);
      if (this.#evidence.images.size === 0) {
        throw new SluiceError('ERR_BUNDLE_EMPTY', 'The bundle has no image.');
      }
      if (this.#index === null) {
        checkSecurityVersion(this.#guard, null);
        for (const name of this.#evidence.images.keys()) this.#requireVouched(name);
        if (this.#only !== 'any') requireKnownSet(this.#evidence.images, this.#only);
      } else {
        requireAllImages(this.#index, this.#evidence.images);
      }
      if (!this.#evidence.signatures.has(FULL_LIST)) throw missingSignature(FULL_LIST);
      await this.#proveFull(head);
      return { manifest: head.manifest, key: head.keyType };
    }, true);
  }

  /** Makes every check that has become possible. */
  async #advance(): Promise<void> {
    if (this.#head === null && hasManifestParts(this.#evidence)) {
      this.#head = await verifyManifestParts(this.#platform, this.#keys, this.#guard, this.#evidence);
    }
    const head = this.#head;
    if (head === null) return;
    await this.#proveIndex(head);
    for (const [name, signature] of this.#evidence.signatures) {
      if (isImageName(name) && !this.#signed.has(name)) {
        await this.#proveImage(head, name, signature);
      }
    }
    if (
      !this.#fullProven &&
      this.#evidence.signatures.has(FULL_LIST) &&
      isComplete(this.#evidence.signatures, this.#index)
    ) {
      await this.#proveFull(head);
      this.#fullProven = true;
    }
  }

  /** The index counts when its signature is right and everything that is known already agrees with it. */
  async #proveIndex(head: ManifestParts): Promise<void> {
    const signature = this.#evidence.signatures.get('BLOCKS');
    if (this.#index !== null || this.#blocks === null || signature === undefined) return;
    const { index, digests, text } = this.#blocks;
    const { hash } = head.verifier;
    let right: boolean;
    if (hash === null) {
      right = text !== null && (await head.verifier.bytes(this.#platform, text, signature));
    } else {
      const digest = digests[hash];
      right = digest !== undefined && (await head.verifier.digest(digest, signature));
    }
    if (!right) throw wrongSignature('BLOCKS');
    checkIndex(this.#guard, index, head.manifest);
    for (const [name, image] of this.#evidence.images) checkImage(index, name, image);
    this.#index = index;
    // Its bytes have served.
    this.#blocks = { index, digests, text: null };
  }

  /**
   * Checks the signature of one image, if its digest is known: from its bytes, or ahead of them from the proven
   * index, which the bytes must match in their turn.
   */
  async #proveImage(head: ManifestParts, name: string, signature: Uint8Array): Promise<void> {
    const { hash } = head.verifier;
    if (hash === null) {
      throw new SluiceError(
        'ERR_TRUST_HASH',
        `${name}.sig is pure Ed25519, which cannot be checked over a stream; BLOCKS or Ed25519-SHA512 can.`,
        { member: name },
      );
    }
    const entry = this.#index === null ? undefined : requireIndexed(this.#index, name);
    const image = this.#evidence.images.get(name);
    if (image !== undefined && image.digests[hash] === undefined) {
      throw new SluiceError(
        'ERR_TRUST_HASH_LATE',
        `MANIFEST names ${hash} after ${name} has passed, over which it was not computed.`,
        { member: name },
      );
    }
    const digest = image?.digests[hash] ?? (hash === 'sha256' ? entry?.sha256 : undefined);
    if (digest === undefined) return;
    if (!(await head.verifier.digest(digest, signature))) throw wrongSignature(name);
    this.#signed.add(name);
  }

  async #proveFull(head: ManifestParts): Promise<void> {
    const signature = this.#evidence.signatures.get(FULL_LIST) as Uint8Array;
    const message = fullMessage(this.#evidence.signatures);
    if (!(await head.verifier.bytes(this.#platform, message, signature))) throw wrongSignature(FULL_LIST);
  }

  /** A signature whose member is not there: something was taken out of the bundle. */
  #requireSigned(name: string): void {
    if (name === FULL_LIST || this.#evidence.texts.has(name) || this.#evidence.images.has(name)) return;
    if (name === 'BLOCKS' && this.#blocks !== null) return;
    throw new SluiceError('ERR_BUNDLE_MEMBER_MISSING', `The bundle has ${name}.sig but no ${name}.`, {
      member: name,
    });
  }

  /** Without an index an image needs a signature, and a place in image-full.sig that ties it to this bundle. */
  #requireVouched(name: string): void {
    if (!this.#signed.has(name)) {
      throw new SluiceError('ERR_TRUST_UNVOUCHED', `Neither ${name}.sig nor BLOCKS vouches for ${name}.`, {
        member: name,
      });
    }
    if (!isInFull(name)) {
      throw new SluiceError(
        'ERR_TRUST_UNVOUCHED',
        `${FULL_LIST}.sig does not cover ${name} and there is no BLOCKS, so it may be from another bundle.`,
        { member: name },
      );
    }
  }
}

const wrongSignature = (name: string): SluiceError =>
  new SluiceError('ERR_TRUST_SIGNATURE', `${name}.sig does not match ${name}.`, { member: name });

const missingSignature = (name: string): SluiceError =>
  new SluiceError('ERR_TRUST_SIGNATURE_MISSING', `The bundle has no ${name}.sig.`, { member: name });
