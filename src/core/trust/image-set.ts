import { imageOf, partitionOf, WHOLE_CHIP_IMAGE as WHOLE } from '../bundle/image-name.js';
import { SluiceError } from '../errors.js';

/** The images of a board that is built of parts (phosphor-bmc-code-mgmt bmc/images.hpp); all of them, or the whole. */
const PARTS: readonly string[] = ['kernel', 'rofs', 'rwfs', 'u-boot'].map(imageOf);
/** May come beside either. */
const EXTRA = imageOf('hostfw');

/** The images that may come in one bundle without BLOCKS, as its first one tells. */
export function imagesBeside(member: string): readonly string[] {
  if (member === WHOLE) return [WHOLE, EXTRA];
  if (PARTS.includes(member)) return [...PARTS, EXTRA];
  return [...PARTS, WHOLE, EXTRA];
}

/**
 * Without BLOCKS the signatures tie the images to each other and to their order, not to their names: in a bundle
 * that lacks some, an image could be passed off as another one without any key. So the set of images must be one
 * that leaves no room for that, or exactly what the operator has named.
 *
 * @throws SluiceError ERR_TRUST_UNVOUCHED
 */
export function requireKnownSet(images: ReadonlyMap<string, unknown>, only: readonly string[] | null): void {
  const names = [...images.keys()].filter((name) => name !== EXTRA);
  const isSet = (wanted: readonly string[]) =>
    names.length === wanted.length && wanted.every((name) => images.has(name));
  if (isSet(PARTS) || isSet([WHOLE])) return;
  if (only !== null && isSet(only.filter((name) => name !== EXTRA))) return;
  const list = names.join(', ');
  const options = names.map(partitionOf).join(',');
  throw new SluiceError(
    'ERR_TRUST_UNVOUCHED',
    `the bundle has ${list} and no BLOCKS, so nothing ties these images to their names; say --only ${options} if they are what you expect`,
  );
}
