/** What every image's member name begins with; the rest is the name of its partition. */
const PREFIX = 'image-';

/** The alphabet of MTD names on the boards that OpenBMC builds for; no dot, so that no image looks like a `.sig`. */
const IMAGE_NAME = /^image-[a-z0-9][a-z0-9_-]*$/;

/**
 * The list of signatures that `image-full.sig` signs is called image-full by the OpenBMC build. It is never
 * shipped, and an image of that name would make `image-full.sig` mean two things.
 */
const NOT_AN_IMAGE = 'image-full';

/** Whether `name` can be the member name of an image, such as `image-u-boot`. */
export function isImageName(name: string): boolean {
  return IMAGE_NAME.test(name) && name !== NOT_AN_IMAGE;
}

/**
 * Names of bare images come from the operator, not from a sender: with blanks and capitals too, as the kernel's own
 * names of MTDs have (`NAND simulator partition 0`).
 */
const BARE_IMAGE_NAME = /^image-[A-Za-z0-9][A-Za-z0-9 _-]{0,63}$/;

/** Whether `name` can be that of a bare image, which is in no tarball. */
export function isBareImageName(name: string): boolean {
  return BARE_IMAGE_NAME.test(name) && name !== NOT_AN_IMAGE;
}

/** Partition that an image is for: `image-kernel` gives `kernel`. The name must be an image's. */
export function partitionOf(image: string): string {
  return image.slice(PREFIX.length);
}

/** Member name of the image for a partition: `kernel` gives `image-kernel`. */
export function imageOf(partition: string): string {
  return PREFIX + partition;
}
