import { quote } from '../../text.js';
import type { FlashType, Geometry } from '../device.js';
import type { MtdFacts, MtdType } from '../mtd-syscalls.js';

/** MTD_WRITEABLE and MTD_NO_ERASE of mtd-abi.h. */
const WRITEABLE = 0x400;
const NO_ERASE = 0x1000;

/** What each type of MTD is to sluice; other types are not written. */
const TYPES: Readonly<Partial<Record<MtdType, FlashType>>> = {
  nor: 'nor',
  // mtdram, and SRAM or FRAM behind SPI: any byte can be written at any time, which is more than NOR can.
  ram: 'nor',
  // Pages of odd sizes and no bad blocks; a program is of whole pages.
  dataflash: 'nor',
  nand: 'nand',
  'mlc-nand': 'nand',
};

/** `mtd5 "kernel"`, for messages. */
export function labelOf({ index, name }: MtdFacts): string {
  return `mtd${index} ${quote(name)}`;
}

/** Whether it needs no erase, so that its driver may have none. */
export function needsNoErase({ flags }: MtdFacts): boolean {
  return (flags & NO_ERASE) !== 0;
}

/** The geometry of an MTD as a flash device; an MTD that breaks the rules gets the nearest that keeps them. */
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

/** Why an MTD cannot be written, whatever its node allows; null when it can. */
export function whyReadOnly(entry: MtdFacts): string | null {
  const { type, flags } = entry;
  if (type === 'rom') return 'it is a ROM';
  if (type === 'ubi') return 'it is a UBI volume in the shape of an MTD; its own address is ubi:NAME';
  if (TYPES[type] === undefined) return `sluice does not write MTDs of type ${type}`;
  if ((flags & WRITEABLE) === 0) return 'its flags say that it must not be written (no MTD_WRITEABLE)';
  return null;
}

/** Why the sizes of an MTD contradict each other; null when they do not. The kernel makes some such MTDs read-only. */
export function whyMisshapen({ size, eraseSize, writeSize }: MtdFacts): string | null {
  if (eraseSize === 0 || size === 0 || size % eraseSize !== 0) {
    return `its ${size} bytes are no whole number of erase blocks of ${eraseSize}`;
  }
  if (writeSize === 0 || eraseSize % writeSize !== 0) {
    return `its write size of ${writeSize} does not divide its erase block of ${eraseSize}`;
  }
  return null;
}
