import { isImageName } from '../bundle/image-name.js';
import { memberKind, signedBy } from '../bundle/members.js';
import { SluiceError } from '../errors.js';
import type { Digests } from './trust.js';
import { quote } from '../text.js';

/** What is known of an image whose last byte has come. */
export interface ImageEvidence {
  /** Bytes. */
  readonly size: number;
  readonly digests: Digests;
}

/** RSA of 8192 bits, the largest key, makes signatures of this many bytes; a longer one is not kept. */
const LONGEST_SIGNATURE = 1024;

/** Everything that a bundle has brought so far, each thing once. Nothing in here is proven. */
export class ReceivedMembers {
  /** Signatures by the member that they sign. */
  readonly signatures = new Map<string, Uint8Array>();
  /** MANIFEST and publickey. */
  readonly texts = new Map<string, Uint8Array>();
  readonly images = new Map<string, ImageEvidence>();

  /**
   * Takes MANIFEST, publickey or a signature.
   * @param checked whether a signature must be one (under `unsigned` it may be anything)
   * @throws SluiceError ERR_BUNDLE_MEMBER, ERR_BUNDLE_TAR_DUPLICATE, ERR_TRUST_SIGNATURE_MISSING, ERR_TRUST_SIGNATURE
   */
  member(name: string, bytes: Uint8Array, checked: boolean): void {
    const kind = memberKind(name);
    if (kind === 'manifest' || kind === 'publickey') return put(this.texts, name, name, bytes);
    const signed = signedBy(name);
    if (signed === null) {
      throw new SluiceError('ERR_BUNDLE_MEMBER', `${name} is not one of the small members.`, {
        member: name,
      });
    }
    if (checked && bytes.length === 0) {
      throw new SluiceError('ERR_TRUST_SIGNATURE_MISSING', `${name} is empty.`, { member: name });
    }
    if (checked && bytes.length > LONGEST_SIGNATURE) {
      throw new SluiceError(
        'ERR_TRUST_SIGNATURE',
        `${name} has ${bytes.length} bytes, more than any signature.`,
        {
          member: name,
        },
      );
    }
    put(this.signatures, signed, name, bytes);
  }

  /**
   * Takes what is known of an image.
   * @throws SluiceError ERR_BUNDLE_MEMBER, ERR_BUNDLE_TAR_DUPLICATE, ERR_SESSION_STATE
   */
  image(name: string, size: number, digests: Digests): void {
    if (!isImageName(name)) {
      throw new SluiceError('ERR_BUNDLE_MEMBER', `${quote(name)} is not the name of an image.`, {
        member: name,
      });
    }
    if (digests.sha256 === undefined) {
      throw new SluiceError('ERR_SESSION_STATE', `${name} came without its SHA-256.`, { member: name });
    }
    put(this.images, name, name, { size, digests });
  }
}

/** A second member of the same name could be the one that is used while the first was the one that was checked. */
function put<T>(map: Map<string, T>, key: string, member: string, value: T): void {
  if (map.has(key))
    throw new SluiceError('ERR_BUNDLE_TAR_DUPLICATE', `${member} is there twice.`, { member });
  map.set(key, value);
}
