/**
 * Names of images. This is the one file that knows that the member with the bytes of the partition `kernel` is called
 * `image-kernel`; everything else asks here, or speaks of partitions.
 *
 * @packageDocumentation
 */

/** What every image's member name begins with; the rest is the name of its partition. */
const PREFIX = 'image-';

/** The alphabet of MTD names on the boards that OpenBMC builds for; no dot, so that no image looks like a `.sig`. */
const IMAGE_NAME = /^image-[a-z0-9][a-z0-9_-]*$/;

/**
 * The list of signatures that `image-full.sig` signs is called image-full by the OpenBMC build. It is never
 * shipped, and an image of that name would make `image-full.sig` mean two things.
 */
export const FULL_LIST = 'image-full';

/** The partition that stands for the whole chip. */
export const WHOLE_CHIP = 'bmc';

/** The image of the whole chip: the only image that can be cut into those of its partitions. */
export const WHOLE_CHIP_IMAGE = imageOf(WHOLE_CHIP);

/** The partitions of a chip that is updated by parts (phosphor-bmc-code-mgmt bmc/images.hpp). */
export const CHIP_PARTITIONS: readonly string[] = ['kernel', 'rofs', 'rwfs', 'u-boot'];

/**
 * Whether `name` can be the member name of an image, such as `image-u-boot`. Holds for members of a bundle only: a
 * single image is for any partition that the flash has, whatever its name (`spi0.0`, `NAND simulator partition 0`).
 */
export function isImageName(name: string): boolean {
  return IMAGE_NAME.test(name) && name !== FULL_LIST;
}

/** Whether `name` claims to be an image or the signature of one, be it a valid name or not. */
export function looksLikeImage(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** Partition that an image is for: `image-kernel` gives `kernel`. The name must be an image's. */
export function partitionOf(image: string): string {
  return image.slice(PREFIX.length);
}

/** Member name of the image for a partition: `kernel` gives `image-kernel`. */
export function imageOf(partition: string): string {
  return PREFIX + partition;
}
