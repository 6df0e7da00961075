/**
 * Which images a bundle without BLOCKS can have. image-full.sig covers the signatures of the images in a fixed order and
 * not their names (full-signature.ts), so a relay can rename images as long as their order stays. No two of the sets
 * accepted here have the same number of images. So in a bundle that was signed as one of them, each image has the only
 * name that its place among the signatures allows.
 *
 * A bundle of one part, which no OpenBMC build makes, could be renamed to `image-bmc`. So `image-bmc` must also have the
 * size of the chip, which none of its parts has.
 *
 * @packageDocumentation
 */
import { CHIP_PARTITIONS, imageOf, WHOLE_CHIP_IMAGE as WHOLE } from '../bundle/image-name.js';
import { SluiceError } from '../errors.js';
import type { Companions } from './trust.js';

export const PART_IMAGES: readonly string[] = CHIP_PARTITIONS.map(imageOf);
/** Optional beside the parts (the eMMC tarball of OpenBMC). Beside the whole chip no build has it. */
export const HOSTFW_IMAGE = imageOf('hostfw');

/** The images that a bundle without BLOCKS can have if `member` is the first. */
export function imagesBeside(member: string): readonly string[] {
  if (member === WHOLE) return [WHOLE];
  if (PART_IMAGES.includes(member)) return [...PART_IMAGES, HOSTFW_IMAGE];
  return [...PART_IMAGES, WHOLE, HOSTFW_IMAGE];
}

/** What `requireKnownSet` will ask of a bundle that has the image `first`. */
export function companionsOf(first: string): Companions {
  const beside = imagesBeside(first);
  return {
    required: PART_IMAGES.includes(first) ? PART_IMAGES : [],
    allows: (name) => beside.includes(name),
  };
}

/**
 * Requires that the names of the images follow from what image-full.sig signs.
 * @param images - by member name, such as `image-kernel`
 * @throws SluiceError ERR_TRUST_PLACE
 */
export function requireKnownSet(images: ReadonlyMap<string, unknown>): void {
  const isSet = (wanted: readonly string[]) =>
    images.size === wanted.length && wanted.every((name) => images.has(name));
  if (isSet([WHOLE]) || isSet(PART_IMAGES) || isSet([...PART_IMAGES, HOSTFW_IMAGE])) return;
  throw new SluiceError(
    'ERR_TRUST_PLACE',
    `no signature covers the names of ${[...images.keys()].join(', ')}; without BLOCKS a bundle must have all images of a board`,
  );
}

/**
 * Requires that an image is no part of a chip under the name of the whole. An image larger than the chip is refused when
 * its place is looked up.
 * @param size - bytes of the image; null if it is not known yet
 * @param chipSize - bytes; null if no flash is at hand
 * @throws SluiceError ERR_TRUST_PLACE
 */
export function requireWholeChip(member: string, size: number | null, chipSize: number | null): void {
  if (member !== WHOLE || size === null || chipSize === null || size >= chipSize) return;
  throw new SluiceError(
    'ERR_TRUST_PLACE',
    `${member} has ${size} bytes and the chip has ${chipSize}; without BLOCKS it may be an image of a part`,
    { member },
  );
}
