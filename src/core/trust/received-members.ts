import type { BlockIndex } from '../bundle/block-index.js';
import { FULL_LIST } from '../bundle/image-name.js';
import { memberKind, signedBy } from '../bundle/members.js';
import { SluiceError } from '../errors.js';
import { fullMessage } from './full-signature.js';
import type { Digests } from './trust.js';

/** Size and digests of an image that was received completely. */
export interface ReceivedImage {
  /** Bytes. */
  readonly size: number;
  readonly digests: Digests;
}

/** What a signature is over: the bytes of a member that is kept, or the digests of another. */
export interface SignedContent {
  readonly bytes?: Uint8Array | null;
  readonly digests?: Digests;
}

/** Signature size of RSA with 8192 bits, the largest key. */
const MAX_SIGNATURE_BYTES = 1024;

/** The members received so far, each once. None of them is verified. */
export class ReceivedMembers {
  /** Signatures by the member that they sign. */
  readonly signatures = new Map<string, Uint8Array>();
  /** MANIFEST and publickey. */
  readonly texts = new Map<string, Uint8Array>();
  readonly images = new Map<string, ReceivedImage>();
  /** BLOCKS, parsed. */
  blocks: (SignedContent & { readonly index: BlockIndex }) | null = null;

  /** What the signature of this member is over; undefined if the member was not received. */
  content(name: string): SignedContent | undefined {
    if (name === FULL_LIST) return { bytes: fullMessage(this.signatures) };
    const bytes = this.texts.get(name);
    if (bytes !== undefined) return { bytes };
    return (name === 'BLOCKS' ? this.blocks : this.images.get(name)) ?? undefined;
  }

  /**
   * Adds MANIFEST, publickey or a signature.
   * @param checked - whether the size of a signature is checked; not under the policy `unsigned`
   * @throws SluiceError ERR_BUNDLE_MEMBER, ERR_BUNDLE_TAR_DUPLICATE, ERR_TRUST_SIGNATURE_MISSING, ERR_TRUST_SIGNATURE
   */
  member(name: string, bytes: Uint8Array, checked: boolean): void {
    const kind = memberKind(name);
    if (kind === 'manifest' || kind === 'publickey') return put(this.texts, name, name, bytes);
    const signed = signedBy(name);
    if (signed === null) {
      throw new SluiceError('ERR_BUNDLE_MEMBER', `${name} is not MANIFEST, publickey or a signature`, {
        member: name,
      });
    }
    if (checked && bytes.length === 0) {
      throw new SluiceError('ERR_TRUST_SIGNATURE_MISSING', `${name} is empty`, { member: name });
    }
    if (checked && bytes.length > MAX_SIGNATURE_BYTES) {
      throw new SluiceError(
        'ERR_TRUST_SIGNATURE',
        `${name} has ${bytes.length} bytes; a signature has at most ${MAX_SIGNATURE_BYTES} bytes`,
        { member: name },
      );
    }
    put(this.signatures, signed, name, bytes);
  }

  /**
   * Adds BLOCKS.
   * @throws SluiceError ERR_BUNDLE_TAR_DUPLICATE
   */
  addBlocks(index: BlockIndex, content: SignedContent): void {
    if (this.blocks !== null) throw duplicate('BLOCKS');
    this.blocks = { ...content, index };
  }

  /**
   * Adds the size and digests of an image.
   * @throws SluiceError ERR_BUNDLE_TAR_DUPLICATE, ERR_SESSION_STATE
   */
  image(name: string, size: number, digests: Digests): void {
    if (digests.sha256 === undefined) {
      throw new SluiceError('ERR_SESSION_STATE', `SHA-256 of ${name} was not computed`, { member: name });
    }
    put(this.images, name, name, { size, digests });
  }
}

/** Refuses a second member of the same name: the first could be checked and the second used. */
function put<T>(map: Map<string, T>, key: string, member: string, value: T): void {
  if (map.has(key)) throw duplicate(member);
  map.set(key, value);
}

const duplicate = (member: string): SluiceError =>
  new SluiceError('ERR_BUNDLE_TAR_DUPLICATE', `the bundle has ${member} twice`, { member });
