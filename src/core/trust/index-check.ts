import type { BlockIndex, ImageIndex } from '../bundle/block-index.js';
import type { Manifest } from '../bundle/manifest.js';
import { equalDigests } from '../bytes.js';
import { SluiceError } from '../errors.js';
import { quote } from '../text.js';
import type { ReceivedImage } from './received-members.js';

/** @throws SluiceError ERR_TRUST_INDEX if BLOCKS and MANIFEST name different machines or versions */
export function checkSameBundle(index: BlockIndex, manifest: Manifest | null): void {
  if (manifest === null || (index.machine === manifest.machine && index.version === manifest.version)) return;
  throw indexFault(
    `BLOCKS is for ${quote(index.machine)} ${quote(index.version)}, but MANIFEST is for ${quote(manifest.machine ?? '')} ${quote(manifest.version)}`,
    'BLOCKS',
  );
}

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
  if (entry === undefined) throw indexFault(`${name} is not in BLOCKS`, name);
  return entry;
}

/** ERR_TRUST_INDEX for each image of the index that is not in the bundle. */
export function missingImages(index: BlockIndex, images: { has(name: string): boolean }): SluiceError[] {
  const missing = [...index.images.keys()].filter((name) => !images.has(name));
  return missing.map((member) => indexFault(`${member} is in BLOCKS but not in the bundle`, member));
}

/** @throws SluiceError ERR_TRUST_INDEX if an image of the index is not in the bundle */
export function requireAllImages(index: BlockIndex, images: { has(name: string): boolean }): void {
  const [fault] = missingImages(index, images);
  if (fault !== undefined) throw fault;
}

const indexFault = (message: string, member: string): SluiceError =>
  new SluiceError('ERR_TRUST_INDEX', message, { member });
