/**
 * image-full.sig, which binds the signatures of a bundle together: it signs the `.sig` members that are there,
 * one after the other in a fixed order (phosphor-bmc-code-mgmt, bmc/image_verify.cpp, verifyFullImage). It
 * binds their bytes and their order, not their names; only BLOCKS does that.
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

/** Whether image-full.sig can bind an image of this name. */
export function isInFull(name: string): boolean {
  return FULL_ORDER.includes(name);
}

/**
 * Whether no signature can join the message any more, so that image-full.sig is right now or never. Only a
 * proven index tells: an image outside it is refused, so once each of its images has its signature the set is
 * complete. Without an index another image may follow until the bundle ends.
 */
export function isComplete(signatures: ReadonlyMap<string, Uint8Array>, index: BlockIndex | null): boolean {
  return (
    index !== null &&
    FULL_ORDER.every((name) => signatures.has(name) || (isImageName(name) && !index.images.has(name)))
  );
}
