/** The flash that QEMU's ast2600-evb boots from, as the kernel's device tree lays it out. */
import assert from 'node:assert/strict';

export const CHIP_SIZE = 64 * 2 ** 20;

/** The kernel uses the small sectors of this chip (MTD_SPI_NOR_USE_4K_SECTORS). */
export const ERASE_SIZE = 4096;

export interface Range {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

/** openbmc-flash-layout-64.dtsi. */
export const LAYOUT: readonly Range[] = [
  { name: 'u-boot', offset: 0, size: 0xe0000 },
  { name: 'u-boot-env', offset: 0xe0000, size: 0x20000 },
  { name: 'kernel', offset: 0x100000, size: 0x900000 },
  { name: 'rofs', offset: 0xa00000, size: 0x2000000 },
  { name: 'rwfs', offset: 0x2a00000, size: 0x1600000 },
];

export function range(name: string): Range {
  const found = LAYOUT.find((part) => part.name === name);
  if (found === undefined) throw new Error(`no partition ${name}`);
  return found;
}

/** Bytes of each image by the name of its partition. */
export type Images = Readonly<Record<string, Uint8Array>>;

/** `chip` after images were written: the erase blocks that they cover hold them, and 0xFF behind their ends. */
export function withImages(chip: Buffer, images: Images): Buffer {
  const after = Buffer.from(chip);
  for (const [name, image] of Object.entries(images)) {
    const { offset } = range(name);
    after.fill(0xff, offset, offset + Math.ceil(image.length / ERASE_SIZE) * ERASE_SIZE);
    after.set(image, offset);
  }
  return after;
}

/** Erase blocks, by their offsets, in which two chips differ. */
export function differing(a: Buffer, b: Buffer): number[] {
  const found: number[] = [];
  for (let at = 0; at < CHIP_SIZE; at += ERASE_SIZE) {
    if (a.compare(b, at, at + ERASE_SIZE, at, at + ERASE_SIZE) !== 0) found.push(at);
  }
  return found;
}

export function expectChip(found: Buffer, wanted: Buffer, message: string): void {
  const blocks = differing(found, wanted);
  const named = blocks.slice(0, 5).map((at) => `0x${at.toString(16)}`);
  assert.equal(
    blocks.length,
    0,
    `${message}: ${blocks.length} erase blocks are others, from ${named.join(', ')} on`,
  );
}
