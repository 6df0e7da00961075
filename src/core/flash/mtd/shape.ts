import { quote } from '../../text.js';
import type { FlashType, Geometry } from '../device.js';
import type { MtdFacts, MtdType } from '../mtd-syscalls.js';

/** MTD_WRITEABLE and MTD_NO_ERASE of mtd-abi.h. */
const WRITEABLE = 0x400;
const NO_ERASE = 0x1000;

/** The MTD types that sluice writes. */
const TYPES: Readonly<Partial<Record<MtdType, FlashType>>> = {
  nor: 'nor',
  // mtdram, and SRAM or FRAM on SPI: any byte can be written at any time.
  ram: 'nor',
  // Programs whole pages, which may have odd sizes; no bad blocks.
  dataflash: 'nor',
  nand: 'nand',
  'mlc-nand': 'nand',
};

/** `mtd5 "kernel"`, for messages. */
export function labelOf({ index, name }: MtdFacts): string {
  return `mtd${index} ${quote(name)}`;
}

/** Whether the MTD needs no erase, so that its driver may have none. */
export function needsNoErase({ flags }: MtdFacts): boolean {
  return (flags & NO_ERASE) !== 0;
}

/** The geometry of an MTD as a flash device. Sizes that contradict each other are replaced by the nearest valid ones. */
export function geometryOf(entry: MtdFacts): Geometry {
  const { size, type } = entry;
  const eraseSize = entry.eraseSize > 0 && entry.eraseSize <= size ? entry.eraseSize : Math.max(size, 1);
  const fits = entry.writeSize > 0 && eraseSize % entry.writeSize === 0;
  return {
    type: TYPES[type] ?? 'nor',
    size: size - (size % eraseSize),
    eraseSize,
    writeSize: fits ? entry.writeSize : 1,
  };
}

/** Why an MTD cannot be written, whatever the permissions of its node; null if it can. */
export function whyReadOnly(entry: MtdFacts): string | null {
  const { type, flags } = entry;
  if (type === 'rom') return 'it is a ROM';
  if (type === 'ubi') return 'it is a UBI volume shown as an MTD; use its address ubi:NAME';
  if (TYPES[type] === undefined) return `sluice does not write MTDs of type ${type}`;
  if ((flags & WRITEABLE) === 0) return 'the device is read-only (flag MTD_WRITEABLE is not set)';
  return null;
}

/** Why the sizes of an MTD contradict each other; null if they do not. The kernel makes some such MTDs read-only. */
export function whyMisshapen({ size, eraseSize, writeSize }: MtdFacts): string | null {
  if (eraseSize === 0 || size === 0 || size % eraseSize !== 0) {
    return `the size of ${size} bytes is not a multiple of the erase size of ${eraseSize} bytes`;
  }
  if (writeSize === 0 || eraseSize % writeSize !== 0) {
    return `the write size of ${writeSize} bytes does not divide the erase size of ${eraseSize} bytes`;
  }
  return null;
}
