import type { BlockIndex, ImageIndex } from '../bundle/block-index.js';
import { equalDigests } from '../bytes.js';
import { SluiceError } from '../errors.js';
import type { ReceivedImage } from './received-members.js';

/**
 * Checks a received image against the index.
 * @throws SluiceError ERR_TRUST_INDEX if the index does not list it, ERR_TRUST_IMAGE if size or digest differ
 */
export function checkImage(index: BlockIndex, name: string, image: ReceivedImage): void {
  const entry = requireIndexed(index, name);
  if (entry.size !== image.size) {
    throw new SluiceError(
      'ERR_TRUST_IMAGE',
      `${name} has ${image.size} bytes, but ${entry.size} bytes in BLOCKS`,
      { member: name },
    );
  }
  const { sha256 } = image.digests;
  if (sha256 === undefined || !equalDigests(entry.sha256, sha256)) {
    throw new SluiceError('ERR_TRUST_IMAGE', `SHA-256 of ${name} differs from the one in BLOCKS`, {
      member: name,
    });
  }
}

/**
 * The index of one image.
 * @throws SluiceError ERR_TRUST_INDEX if the index does not list it
 */
export function requireIndexed(index: BlockIndex, name: string): ImageIndex {
  const entry = index.images.get(name);
  if (entry === undefined) {
    throw new SluiceError('ERR_TRUST_INDEX', `${name} is not in BLOCKS`, { member: name });
  }
  return entry;
}

/** @throws SluiceError ERR_TRUST_INDEX if an image of the index is not in the bundle */
export function requireAllImages(index: BlockIndex, images: ReadonlyMap<string, unknown>): void {
  for (const name of index.images.keys()) {
    if (!images.has(name)) {
      throw new SluiceError('ERR_TRUST_INDEX', `${name} is in BLOCKS but not in the bundle`, {
        member: name,
      });
    }
  }
}
