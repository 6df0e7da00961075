import type { BlockIndex, ImageIndex } from '../bundle/block-index.js';
import { equalDigests } from '../bytes.js';
import { SluiceError } from '../errors.js';
import type { ImageEvidence } from './received-members.js';

/**
 * Checks an image that has come against the index.
 * @throws SluiceError ERR_TRUST_INDEX when it is not in there, ERR_TRUST_IMAGE when it is another
 */
export function checkImage(index: BlockIndex, name: string, image: ImageEvidence): void {
  const entry = requireIndexed(index, name);
  if (entry.size !== image.size) {
    throw new SluiceError(
      'ERR_TRUST_IMAGE',
      `${name} has ${image.size} bytes, not ${entry.size} as BLOCKS says.`,
      {
        member: name,
      },
    );
  }
  const { sha256 } = image.digests;
  if (sha256 === undefined || !equalDigests(entry.sha256, sha256)) {
    throw new SluiceError('ERR_TRUST_IMAGE', `${name} does not have the SHA-256 that BLOCKS names.`, {
      member: name,
    });
  }
}

/**
 * The index of one image.
 * @throws SluiceError ERR_TRUST_INDEX when there is no such image in it
 */
export function requireIndexed(index: BlockIndex, name: string): ImageIndex {
  const entry = index.images.get(name);
  if (entry === undefined) {
    throw new SluiceError('ERR_TRUST_INDEX', `${name} is not in BLOCKS.`, { member: name });
  }
  return entry;
}

/** @throws SluiceError ERR_TRUST_INDEX when an image of the index has not come */
export function requireAllImages(index: BlockIndex, images: ReadonlyMap<string, unknown>): void {
  for (const name of index.images.keys()) {
    if (!images.has(name)) {
      throw new SluiceError('ERR_TRUST_INDEX', `${name} is in BLOCKS but not in the bundle.`, {
        member: name,
      });
    }
  }
}
