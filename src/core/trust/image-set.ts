import { imageOf, partitionOf, WHOLE_CHIP_IMAGE as WHOLE } from '../bundle/image-name.js';
import { SluiceError } from '../errors.js';
import { isInFull } from './full-signature.js';
import type { Companions } from './trust.js';

/** The images of a chip that is updated by parts (phosphor-bmc-code-mgmt bmc/images.hpp). */
const PART_IMAGES: readonly string[] = ['kernel', 'rofs', 'rwfs', 'u-boot'].map(imageOf);
/** Optional beside the parts and beside the whole chip. */
const HOSTFW_IMAGE = imageOf('hostfw');

/** The images that a bundle without BLOCKS can have if `member` is the first. */
export function imagesBeside(member: string): readonly string[] {
  if (member === WHOLE) return [WHOLE, HOSTFW_IMAGE];
  if (PART_IMAGES.includes(member)) return [...PART_IMAGES, HOSTFW_IMAGE];
  return [...PART_IMAGES, WHOLE, HOSTFW_IMAGE];
}

/**
 * What `requireKnownSet` will ask of a bundle that has the image `first`.
 * @param only - as there
 */
export function companionsOf(first: string, only: readonly string[] | null): Companions {
  const beside = imagesBeside(first);
  return {
    required: only === null && PART_IMAGES.includes(first) ? PART_IMAGES : [],
    allows: (name) => beside.includes(name) || (isInFull(name) && only?.includes(name) === true),
  };
}

/**
 * Without BLOCKS the signatures do not cover the names of the images. Example: image-kernel renamed to image-rofs, in a
 * bundle without any other image, verifies. So the bundle must have all images of a chip, or exactly those that the
 * operator has named.
 *
 * @throws SluiceError ERR_TRUST_UNVOUCHED
 */
export function requireKnownSet(images: ReadonlyMap<string, unknown>, only: readonly string[] | null): void {
  const names = [...images.keys()].filter((name) => name !== HOSTFW_IMAGE);
  const isSet = (wanted: readonly string[]) =>
    names.length === wanted.length && wanted.every((name) => images.has(name));
  if (isSet(PART_IMAGES) || isSet([WHOLE])) return;
  if (only !== null && isSet(only.filter((name) => name !== HOSTFW_IMAGE))) return;
  const list = names.join(', ');
  const options = names.map(partitionOf).join(',');
  throw new SluiceError(
    'ERR_TRUST_UNVOUCHED',
    `no signature covers the names of ${list}, because the bundle has no BLOCKS; use --only ${options} if these images are expected`,
  );
}
