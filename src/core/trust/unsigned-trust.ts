import type { BlockIndex } from '../bundle/block-index.js';
import { type Manifest, parseManifest } from '../bundle/manifest.js';
import { SluiceError } from '../errors.js';
import type { HashName } from '../platform.js';
import type { Digests, Proof, Trust } from './trust.js';
import { ReceivedMembers } from './received-members.js';
import {
  type AcceptanceRules,
  checkIndex,
  checkManifest,
  checkSecurityVersion,
  checkVersion,
  requireRules,
} from './acceptance-rules.js';
import { checkImage, requireAllImages } from './index-check.js';
import { StickyFailure } from '../sticky-failure.js';

/**
 * The policy `unsigned`: no signature is looked at. What guards against accidents stays: each member once, the
 * machine, purpose and versions where MANIFEST or BLOCKS tells them, and BLOCKS as a check sum of the images.
 */
export class UnsignedTrust implements Trust {
  readonly proves = false;
  readonly keepsBlocksText = false;
  readonly #guard: AcceptanceRules;
  readonly #latch = new StickyFailure();
  readonly #evidence = new ReceivedMembers();
  #manifest: Manifest | null = null;
  #index: BlockIndex | null = null;

  /** @throws SluiceError ERR_TRUST_MACHINE_UNKNOWN, ERR_USAGE_OPTION: what is wrong with the guard itself */
  constructor(guard: AcceptanceRules) {
    requireRules(guard);
    this.#guard = guard;
  }

  readonly indexKey = null;

  get index(): BlockIndex | null {
    return this.#latch.failed ? null : this.#index;
  }

  get manifest(): Manifest | null {
    return this.#manifest;
  }

  hashes(): readonly HashName[] {
    this.#latch.check();
    return ['sha256'];
  }

  async member(name: string, bytes: Uint8Array): Promise<void> {
    await this.#latch.run(async () => {
      this.#evidence.member(name, bytes, false);
      if (name !== 'MANIFEST') return;
      const manifest = parseManifest(bytes);
      checkManifest(this.#guard, manifest);
      if (this.#index !== null) checkIndex(this.#guard, this.#index, manifest);
      this.#manifest = manifest;
    });
  }

  async blocks(index: BlockIndex, _digests: Digests, _text: Uint8Array | null): Promise<void> {
    await this.#latch.run(async () => {
      if (this.#index !== null) {
        throw new SluiceError('ERR_BUNDLE_TAR_DUPLICATE', 'BLOCKS is there twice.', { member: 'BLOCKS' });
      }
      checkIndex(this.#guard, index, this.#manifest);
      for (const [name, image] of this.#evidence.images) checkImage(index, name, image);
      this.#index = index;
    });
  }

  async image(name: string, size: number, digests: Digests): Promise<void> {
    await this.#latch.run(async () => {
      this.#evidence.image(name, size, digests);
      if (this.#index !== null) checkImage(this.#index, name, { size, digests });
    });
  }

  async finish(): Promise<Proof> {
    return this.#latch.run(async () => {
      if (this.#evidence.images.size === 0) {
        throw new SluiceError('ERR_BUNDLE_EMPTY', 'The bundle has no image.');
      }
      if (this.#index !== null) {
        requireAllImages(this.#index, this.#evidence.images);
      } else {
        checkSecurityVersion(this.#guard, null);
        if (this.#manifest === null) checkVersion(this.#guard, null);
      }
      return { manifest: this.#manifest, key: null };
    }, true);
  }
}
