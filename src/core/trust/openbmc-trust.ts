import type { BlockIndex } from '../bundle/block-index.js';
import type { Manifest } from '../bundle/manifest.js';
import { FULL_LIST, isImageName } from '../bundle/image-name.js';
import { SluiceError } from '../errors.js';
import type { HashName, Platform } from '../platform.js';
import type { Companions, Digests, Proof, Trust } from './trust.js';
import { ReceivedMembers } from './received-members.js';
import { isComplete, isInFull } from './full-signature.js';
import { type AcceptanceRules, checkIndex, checkSecurityVersion, requireRules } from './acceptance-rules.js';
import {
  type ManifestParts,
  hasManifestParts,
  verifyManifestParts,
  requireManifestParts,
} from './manifest-parts.js';
import { companionsOf, requireKnownSet, requireWholeChip } from './image-set.js';
import { checkImage, requireAllImages, requireIndexed } from './index-check.js';
import type { KeyStore } from './key-store.js';
import { checkSignature } from './signature-check.js';
import { StickyFailure } from '../sticky-failure.js';

/** Options of OpenBmcTrust. */
export interface TrustChainOptions {
  /**
   * Hashes to compute over images besides those of the keys. If MANIFEST comes after the images and names another hash,
   * the bundle is refused with ERR_TRUST_HASH_LATE; a source that can be read twice can then ask for all hashes.
   */
  readonly hashes?: readonly HashName[];
  /** Bytes of the chip that is updated; null if no flash is at hand. See image-set.ts. */
  readonly chipSize?: number | null;
  /**
   * Whether a bundle without BLOCKS can have any set of images, for a caller that knows their names by other means.
   * Everything else leaves this out: see image-set.ts.
   */
  readonly anyImages?: boolean;
}

/**
 * The signature chain of an OpenBMC bundle (docs/security.md, Chain of trust): a system key verifies MANIFEST and
 * publickey, and publickey verifies the rest. Members can come in any order, except that BLOCKS must come after
 * MANIFEST, publickey and their signatures. Each check runs as soon as its members have arrived.
 */
export class OpenBmcTrust implements Trust {
  readonly proves = true;
  readonly #platform: Platform;
  readonly #keys: KeyStore;
  readonly #rules: AcceptanceRules;
  readonly #earlyHashes: readonly HashName[];
  readonly #chipSize: number | null;
  readonly #anyImages: boolean;
  readonly #steps = new StickyFailure();
  readonly #received = new ReceivedMembers();
  /** Images whose own signature is verified. */
  readonly #signed = new Set<string>();
  #parts: ManifestParts | null = null;
  #index: BlockIndex | null = null;
  #fullProven = false;

  /** @throws SluiceError ERR_TRUST_MACHINE_UNKNOWN, ERR_USAGE_OPTION if the rules are invalid */
  constructor(platform: Platform, keys: KeyStore, rules: AcceptanceRules, options: TrustChainOptions = {}) {
    requireRules(rules);
    this.#platform = platform;
    this.#keys = keys;
    this.#rules = rules;
    this.#chipSize = options.chipSize ?? null;
    this.#anyImages = options.anyImages ?? false;
    this.#earlyHashes = [...new Set<HashName>(['sha256', ...keys.hashes, ...(options.hashes ?? [])])];
  }

  get index(): BlockIndex | null {
    return this.#steps.failed ? null : this.#index;
  }

  get indexKey(): string | null {
    return this.index === null ? null : (this.#parts?.keyType ?? null);
  }

  get manifest(): Manifest | null {
    return this.#parts?.manifest ?? null;
  }

  get keepsBlocksText(): boolean {
    return this.#parts !== null && this.#parts.verifier.hash === null;
  }

  hashes(): readonly HashName[] {
    this.#steps.check();
    if (this.#parts === null) return this.#earlyHashes;
    const { hash } = this.#parts.verifier;
    return hash === null || hash === 'sha256' ? ['sha256'] : ['sha256', hash];
  }

  async member(name: string, bytes: Uint8Array): Promise<void> {
    await this.#steps.run(async () => {
      this.#received.member(name, bytes, true);
      await this.#advance();
    });
  }

  async blocks(index: BlockIndex, digests: Digests, text: Uint8Array | null): Promise<void> {
    await this.#steps.run(async () => {
      this.#received.addBlocks(index, { digests, bytes: text });
      // The scheme of its signature is unknown until then: all hashes and all bytes of BLOCKS would have to be kept.
      if (this.#parts === null) {
        throw new SluiceError(
          'ERR_BUNDLE_ORDER',
          'BLOCKS comes before MANIFEST, publickey and their signatures',
          { member: 'BLOCKS' },
        );
      }
      await this.#advance();
    });
  }

  beforeUnproven(name: string, size: number | null): Companions {
    return this.#steps.runSync(() => {
      checkSecurityVersion(this.#rules, null);
      requireInFull(name);
      this.#requirePlace(name, size);
      if (this.#parts?.verifier.hash === null) throw pureEd25519(name);
      return this.#anyImages ? { required: [], allows: isInFull } : companionsOf(name);
    });
  }

  async image(name: string, size: number, digests: Digests): Promise<void> {
    await this.#steps.run(async () => {
      this.#requirePlace(name, size);
      this.#received.image(name, size, digests);
      if (this.#index !== null) checkImage(this.#index, name, { size, digests });
      await this.#advance();
    });
  }

  async finish(): Promise<Proof> {
    return this.#steps.run(async () => {
      requireManifestParts(this.#received);
      const parts = this.#parts as ManifestParts;
      if (this.#received.blocks !== null && this.#index === null) throw signatureMissing('BLOCKS');
      for (const name of this.#received.signatures.keys()) this.#requireSignedMember(name);
      if (this.#received.images.size === 0) {
        throw new SluiceError('ERR_BUNDLE_EMPTY', 'the bundle has no image');
      }
      if (this.#index === null) {
        checkSecurityVersion(this.#rules, null);
        for (const name of this.#received.images.keys()) this.#requireImageSignature(name);
        if (!this.#anyImages) requireKnownSet(this.#received.images);
      } else {
        requireAllImages(this.#index, this.#received.images);
      }
      await this.#requireValid(parts, FULL_LIST);
      return { manifest: parts.manifest, key: parts.keyType };
    }, true);
  }

  /** Runs every check whose members have arrived. */
  async #advance(): Promise<void> {
    if (this.#parts === null && hasManifestParts(this.#received)) {
      this.#parts = await verifyManifestParts(this.#platform, this.#keys, this.#rules, this.#received);
    }
    const parts = this.#parts;
    if (parts === null) return;
    await this.#proveIndex(parts);
    for (const name of this.#received.signatures.keys()) {
      if (isImageName(name) && !this.#signed.has(name)) await this.#proveImage(parts, name);
    }
    if (
      !this.#fullProven &&
      this.#received.signatures.has(FULL_LIST) &&
      isComplete(this.#received.signatures, this.#index)
    ) {
      await this.#requireValid(parts, FULL_LIST);
      this.#fullProven = true;
    }
  }

  /** Verifies BLOCKS and checks the members received so far against it. Only then `index` returns it. */
  async #proveIndex(parts: ManifestParts): Promise<void> {
    const { blocks, signatures, images } = this.#received;
    if (this.#index !== null || blocks === null || !signatures.has('BLOCKS')) return;
    await this.#requireValid(parts, 'BLOCKS');
    const { index } = blocks;
    checkIndex(this.#rules, index, parts.manifest);
    for (const [name, image] of images) checkImage(index, name, image);
    this.#index = index;
    // Frees the bytes.
    this.#received.blocks = { index };
  }

  /**
   * Verifies the signature of one image as soon as its digest is known, from its bytes or before them from the verified
   * index. The bytes are then checked against the index.
   */
  async #proveImage(parts: ManifestParts, name: string): Promise<void> {
    const image = this.#received.images.get(name);
    const sha256 = this.#index?.images.get(name)?.sha256;
    const content = image ?? { digests: sha256 === undefined ? {} : { sha256 } };
    const result = await checkSignature(this.#platform, parts.verifier, this.#received, name, content);
    if (result === 'pure') {
      throw pureEd25519(name);
    }
    if (this.#index !== null) requireIndexed(this.#index, name);
    if (result === 'valid') {
      this.#signed.add(name);
    } else if (result !== 'unhashed') {
      throw signatureMismatch(name);
    } else if (image !== undefined) {
      const { hash } = parts.verifier;
      throw new SluiceError(
        'ERR_TRUST_HASH_LATE',
        `MANIFEST names ${hash} and came after ${name}, which was hashed without ${hash}`,
        { member: name },
      );
    }
  }

  #requirePlace(name: string, size: number | null): void {
    if (this.#index === null && !this.#anyImages) requireWholeChip(name, size, this.#chipSize);
  }

  /** Refuses a member unless publickey of the bundle verifies it. */
  async #requireValid(parts: ManifestParts, name: string): Promise<void> {
    const result = await checkSignature(this.#platform, parts.verifier, this.#received, name);
    if (result === 'unsigned') throw signatureMissing(name);
    if (result !== 'valid') throw signatureMismatch(name);
  }

  /** Refuses a signature without its member: a member was removed from the bundle. */
  #requireSignedMember(name: string): void {
    if (this.#received.content(name) !== undefined) return;
    throw new SluiceError('ERR_BUNDLE_MEMBER_MISSING', `the bundle has ${name}.sig but no ${name}`, {
      member: name,
    });
  }

  /** Without an index an image needs a signature, and image-full.sig must cover it. */
  #requireImageSignature(name: string): void {
    if (!this.#signed.has(name)) {
      throw unvouched(name, `has no signature: the bundle has neither ${name}.sig nor BLOCKS`);
    }
    requireInFull(name);
  }
}

/** @throws SluiceError ERR_TRUST_UNVOUCHED */
function requireInFull(name: string): void {
  if (isInFull(name)) return;
  const fault = `${FULL_LIST}.sig does not cover ${name}, and the bundle has no BLOCKS`;
  throw unvouched(name, `may be from another bundle: ${fault}`);
}

const unvouched = (name: string, fault: string): SluiceError =>
  new SluiceError('ERR_TRUST_UNVOUCHED', `${name} ${fault}`, { member: name });

const pureEd25519 = (name: string): SluiceError =>
  new SluiceError(
    'ERR_TRUST_HASH',
    `${name}.sig is pure Ed25519, which cannot be verified over a stream; use BLOCKS or Ed25519-SHA512`,
    { member: name },
  );

const signatureMismatch = (name: string): SluiceError =>
  new SluiceError('ERR_TRUST_SIGNATURE', `${name}.sig is not a signature of ${name}`, { member: name });

const signatureMissing = (name: string): SluiceError =>
  new SluiceError('ERR_TRUST_SIGNATURE_MISSING', `the bundle has no ${name}.sig`, { member: name });
