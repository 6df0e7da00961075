/**
 * What the update session asks of whoever vouches for a bundle. The session feeds members as they arrive, in
 * whatever order they arrive; the trust decides as early as it can and refuses by throwing.
 *
 * @packageDocumentation
 */
import type { BlockIndex } from '../bundle/block-index.js';
import type { Manifest } from '../bundle/manifest.js';
import type { HashName } from '../platform.js';

/** When bytes may touch flash (docs/security.md, What each policy guarantees). */
export type TrustPolicy = 'before-erase' | 'before-commit' | 'unsigned';

/** Digests of one byte string, by hash. */
export type Digests = Partial<Record<HashName, Uint8Array>>;

/** What was proven, for the receipt. */
export interface Proof {
  readonly manifest: Manifest | null;
  /** Name of the system key (KeyType) that the chain ends in; null when nothing was checked. */
  readonly key: string | null;
}

/** Vouches for the members of one bundle. Every method throws SluiceError ERR_TRUST_* to refuse. */
export interface Trust {
  /** Whether it checks signatures at all; false only under the policy `unsigned`. */
  readonly proves: boolean;
  /** Takes one small member (MANIFEST, publickey, any .sig), whole. The bytes are kept. */
  member(name: string, bytes: Uint8Array): Promise<void>;
  /** Which digests must be computed over a member (an image or BLOCKS) that starts now. */
  hashes(): readonly HashName[];
  /**
   * Takes BLOCKS as parsed, with its digests and, where pure Ed25519 will need them, its bytes.
   * It counts only once its signature is there: see `index`.
   */
  blocks(index: BlockIndex, digests: Digests, text: Uint8Array | null): Promise<void>;
  /** Whether the bytes of BLOCKS itself must be kept for its signature (pure Ed25519). */
  readonly keepsBlocksText: boolean;
  /** The block index, once it is proven; null before that, and for a bundle without one. */
  readonly index: BlockIndex | null;
  /** Name of the system key that `index` was verified with; null as long as that is null, and under `unsigned`. */
  readonly indexKey: string | null;
  /** MANIFEST, once it is proven (under `unsigned`: once it is read). */
  readonly manifest: Manifest | null;
  /** Takes the digests of one image as a whole, when its last byte has come. */
  image(name: string, size: number, digests: Digests): Promise<void>;
  /** Called at the end of the bundle: everything that must be there is there and verified, or it throws. */
  finish(): Promise<Proof>;
}
