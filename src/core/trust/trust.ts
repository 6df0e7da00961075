/**
 * The contract between the update session and the verifier of a bundle. The session passes on members as they arrive,
 * in any order. The trust decides as early as it can, and throws to refuse.
 *
 * @packageDocumentation
 */
import type { BlockIndex } from '../bundle/block-index.js';
import type { Manifest } from '../bundle/manifest.js';
import type { HashName } from '../platform.js';

/** What must be verified before flash is changed (docs/security.md, What each policy guarantees). */
export type TrustPolicy = 'before-erase' | 'before-commit' | 'unsigned';

/** Every policy, by the name that options and requests take; from the strictest to the weakest. */
export const TRUST_POLICIES: readonly TrustPolicy[] = ['before-erase', 'before-commit', 'unsigned'];

/** Digests of one byte string, by hash. */
export type Digests = Partial<Record<HashName, Uint8Array>>;

/** What was verified, for the receipt. */
export interface Proof {
  readonly manifest: Manifest | null;
  /** Name of the system key (KeyType) that verified the bundle; null if nothing was verified. */
  readonly key: string | null;
}

/** The images that can come with one that has begun, if no index lists them. */
export interface Companions {
  /** Those without which the bundle is refused at its end. */
  readonly required: readonly string[];
  /** Whether the bundle can have an image of this name. */
  allows(name: string): boolean;
}

/** Companions of an image that is not in a bundle. */
export const NO_COMPANIONS: Companions = { required: [], allows: () => false };

/** Verifies the members of one bundle. Every method throws SluiceError ERR_TRUST_* to refuse. */
export interface Trust {
  /** Whether signatures are verified; false only under the policy `unsigned`. */
  readonly proves: boolean;
  /** Adds one small member (MANIFEST, publickey, any .sig). The bytes are kept. */
  member(name: string, bytes: Uint8Array): Promise<void>;
  /** The digests to compute over a member (an image or BLOCKS) that starts now. */
  hashes(): readonly HashName[];
  /**
   * Adds the parsed BLOCKS with its digests and, if `keepsBlocksText`, its bytes. `index` returns it once it is
   * verified.
   */
  blocks(index: BlockIndex, digests: Digests, text: Uint8Array | null): Promise<void>;
  /** Whether the signature of BLOCKS needs its bytes (pure Ed25519). */
  readonly keepsBlocksText: boolean;
  /** The block index, once verified; null before that, and for a bundle without BLOCKS. */
  readonly index: BlockIndex | null;
  /** Name of the system key that verified `index`; null while that is null, and under `unsigned`. */
  readonly indexKey: string | null;
  /** MANIFEST, once verified (under `unsigned`: once parsed). */
  readonly manifest: Manifest | null;
  /**
   * An image begins whose blocks are written before they are verified. Refuses what `finish` would refuse, whatever is
   * still to come: what can be known here must not cost a partition. BLOCKS counts as missing if it has not come, as
   * its place is ahead of the images.
   * @param size - bytes of the image; null if it is not known in advance
   * @param alone - whether the source is this image and nothing else
   */
  beforeUnproven(name: string, size: number | null, alone: boolean): Companions;
  /** Adds size and digests of one image, after its last byte. */
  image(name: string, size: number, digests: Digests): Promise<void>;
  /** Ends the bundle; throws if a required member is missing or not verified. */
  finish(): Promise<Proof>;
}
