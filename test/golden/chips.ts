import { noise } from '../kit/noise.js';

/** The chips of the scenarios: how each is created, and its content before the first step. */

/** Bytes of an erase block. */
export const BLOCK = 65_536;

/** The partitions of quanta-q71l on a chip of 2 MiB. */
export const LAYOUT = {
  name: 'golden',
  size: 32 * BLOCK,
  partitions: [
    { name: 'bmc', offset: 0, size: 32 * BLOCK },
    { name: 'u-boot', offset: 0, size: 6 * BLOCK },
    { name: 'u-boot-env', offset: 6 * BLOCK, size: 2 * BLOCK },
    { name: 'kernel', offset: 8 * BLOCK, size: 8 * BLOCK },
    { name: 'rofs', offset: 16 * BLOCK, size: 12 * BLOCK },
    { name: 'rwfs', offset: 28 * BLOCK, size: 4 * BLOCK },
  ],
} as const;

/** The images of the update. The sizes end one byte into a block, at its end, inside it, and 3 bytes before its end. */
export const IMAGES = {
  kernel: noise(5 * BLOCK + 1, 1),
  rofs: noise(9 * BLOCK, 2),
  rwfs: noise(70_000, 3),
  'u-boot': noise(4 * BLOCK - 3, 4),
} as const;

export interface ChipSpec {
  /** Arguments of `sluice sim create`; null for an image file written as a block device, partition rofs. */
  readonly create: readonly string[] | null;
  /** Content at first; null for that of `sim create`. */
  readonly content: Uint8Array | null;
}

const ROFS = range('rofs');
const previous = previousVersion();
const NAND = ['--type', 'nand', '--erase-size', `${BLOCK}`];

export const CHIPS = {
  nor: { create: [], content: previous },
  'nor-noise': { create: [], content: noise(LAYOUT.size, 99) },
  'nor-blank': { create: [], content: null },
  /** With a timing model, in virtual time: forecasts know how long a write takes. */
  'nor-timed': { create: ['--timing', 'n25q256a'], content: previous },
  /** One factory bad block in kernel, one in rofs. */
  nand: { create: [...NAND, '--bad', '10,19'], content: null },
  /** Three factory bad blocks in kernel: five good ones for an image of six. */
  'nand-short': { create: [...NAND, '--bad', '8,9,12'], content: null },
  file: { create: null, content: previous.slice(ROFS.offset, ROFS.offset + ROFS.size) },
} as const satisfies Record<string, ChipSpec>;

export type ChipName = keyof typeof CHIPS;

/** Where a partition lies on the chip. */
export function range(name: string): { readonly offset: number; readonly size: number } {
  const found = LAYOUT.partitions.find((partition) => partition.name === name);
  if (found === undefined) throw new Error(`no partition ${name}`);
  return found;
}

/**
 * A chip with an earlier version of the images: most blocks equal the update, some differ, one is erased, and one
 * differs only in bits that go from 1 to 0.
 */
function previousVersion(): Uint8Array {
  const chip = noise(LAYOUT.size, 99);
  for (const [name, image] of Object.entries(IMAGES)) {
    const { offset } = range(name);
    chip.fill(0xff, offset, offset + Math.ceil(image.length / BLOCK) * BLOCK);
    chip.set(image, offset);
  }
  const block = (name: string, index: number): Uint8Array => {
    const start = range(name).offset + index * BLOCK;
    return chip.subarray(start, start + BLOCK);
  };
  block('kernel', 1).set(noise(BLOCK, 11));
  block('kernel', 4).set(noise(BLOCK, 12));
  block('rofs', 0).set(noise(BLOCK, 13));
  block('rofs', 7).set(noise(100, 14));
  block('rwfs', 0).fill(0xff);
  const last = block('u-boot', 3);
  for (let at = 0; at < 1000; at++) last[at] = (last[at] as number) | 0x0f;
  return chip;
}
