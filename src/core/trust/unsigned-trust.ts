import type { BlockIndex } from '../bundle/block-index.js';
import { isImageName } from '../bundle/image-name.js';
import { type Manifest, parseManifest } from '../bundle/manifest.js';
import { SluiceError } from '../errors.js';
import type { HashName } from '../platform.js';
import { NO_COMPANIONS, type Companions, type Digests, type Proof, type Trust } from './trust.js';
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
 * The policy `unsigned`: signatures are not verified. Checks against accidents remain: each member once, machine,
 * purpose and versions as in MANIFEST or BLOCKS, and BLOCKS as a checksum of the images.
 */
export class UnsignedTrust implements Trust {
  readonly proves = false;
  readonly keepsBlocksText = false;
  readonly #rules: AcceptanceRules;
  readonly #steps = new StickyFailure();
  readonly #received = new ReceivedMembers();
  #manifest: Manifest | null = null;
  #index: BlockIndex | null = null;

  /** @throws SluiceError ERR_TRUST_MACHINE_UNKNOWN, ERR_USAGE_OPTION if the rules are invalid */
  constructor(rules: AcceptanceRules) {
    requireRules(rules);
    this.#rules = rules;
  }

  readonly indexKey = null;

  get index(): BlockIndex | null {
    return this.#steps.failed ? null : this.#index;
  }

  get manifest(): Manifest | null {
    return this.#manifest;
  }

  hashes(): readonly HashName[] {
    this.#steps.check();
    return ['sha256'];
  }

  async member(name: string, bytes: Uint8Array): Promise<void> {
    await this.#steps.run(async () => {
      this.#received.member(name, bytes, false);
      if (name !== 'MANIFEST') return;
      const manifest = parseManifest(bytes);
      checkManifest(this.#rules, manifest);
      if (this.#index !== null) checkIndex(this.#rules, this.#index, manifest);
      this.#manifest = manifest;
    });
  }

  async blocks(index: BlockIndex, _digests: Digests, _text: Uint8Array | null): Promise<void> {
    await this.#steps.run(async () => {
      this.#received.addBlocks(index, {});
      checkIndex(this.#rules, index, this.#manifest);
      for (const [name, image] of this.#received.images) checkImage(index, name, image);
      this.#index = index;
    });
  }

  beforeUnproven(_name: string, _size: number | null, alone: boolean): Companions {
    return this.#steps.runSync(() => {
      checkSecurityVersion(this.#rules, null);
      if (alone) checkVersion(this.#rules, null);
      return alone ? NO_COMPANIONS : { required: [], allows: isImageName };
    });
  }

  async image(name: string, size: number, digests: Digests): Promise<void> {
    await this.#steps.run(async () => {
      this.#received.image(name, size, digests);
      if (this.#index !== null) checkImage(this.#index, name, { size, digests });
    });
  }

  async finish(): Promise<Proof> {
    return this.#steps.run(async () => {
      if (this.#received.images.size === 0) {
        throw new SluiceError('ERR_BUNDLE_EMPTY', 'the bundle has no image');
      }
      if (this.#index !== null) {
        requireAllImages(this.#index, this.#received.images);
      } else {
        checkSecurityVersion(this.#rules, null);
        if (this.#manifest === null) checkVersion(this.#rules, null);
      }
      return { manifest: this.#manifest, key: null };
    }, true);
  }
}
