/**
 * image-full.sig, which binds the signatures of a bundle together. It signs the `.sig` members of the bundle, joined in
 * a fixed order (phosphor-bmc-code-mgmt, bmc/image_verify.cpp, verifyFullImage). So it covers their bytes and their
 * order but not their names. Only BLOCKS covers the names.
 *
 * @packageDocumentation
 */
import type { BlockIndex } from '../bundle/block-index.js';
import { isImageName } from '../bundle/image-name.js';
import { FULL_ORDER } from '../bundle/members.js';
import { concat } from '../bytes.js';

/** The bytes that image-full.sig signs. */
export function fullMessage(signatures: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const name of FULL_ORDER) {
    const signature = signatures.get(name);
    if (signature !== undefined) parts.push(signature);
  }
  return concat(parts);
}

/** Whether image-full.sig can cover an image of this name. */
export function isInFull(name: string): boolean {
  return FULL_ORDER.includes(name);
}

/**
 * Whether all signatures that image-full.sig covers have arrived, so that it can be verified. Only a verified index
 * lists all images: without one, another image may follow until the end of the bundle.
 */
export function isComplete(signatures: ReadonlyMap<string, Uint8Array>, index: BlockIndex | null): boolean {
  return (
    index !== null &&
    FULL_ORDER.every((name) => signatures.has(name) || (isImageName(name) && !index.images.has(name)))
  );
}
