import type { MtdEntry } from 'node-mtd';
import type { FlashType, Geometry } from '../../../../core/flash/device.js';

/** MTD_WRITEABLE and MTD_NO_ERASE of mtd-abi.h. */
const WRITEABLE = 0x400;
const NO_ERASE = 0x1000;

/** What each type of MTD is to sluice; what has no line here is not written. */
const TYPES: Readonly<Partial<Record<MtdEntry['type'], FlashType>>> = {
  nor: 'nor',
  // mtdram, and SRAM or FRAM behind SPI: any byte can be written at any time, which is more than NOR can.
  ram: 'nor',
  // Pages of odd sizes and no bad blocks; a program is of whole pages.
  dataflash: 'nor',
  nand: 'nand',
  'mlc-nand': 'nand',
};

/** Whether it does without erases, so that its driver may have none. */
export function needsNoErase({ flags }: MtdEntry): boolean {
  return (flags & NO_ERASE) !== 0;
}

/** The shape of an MTD as a flash device. One that breaks the rules gets the nearest that keeps them. */
export function geometryOf(entry: MtdEntry): Geometry {
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
export function whyReadOnly(entry: MtdEntry): string | null {
  const { type, flags } = entry;
  if (type === 'rom') return 'it is a ROM';
  if (type === 'ubi') return 'it is a UBI volume in the shape of an MTD; its own address is ubi:NAME';
  if (TYPES[type] === undefined) return `sluice does not write MTDs of type ${type}`;
  if ((flags & WRITEABLE) === 0) return 'its flags say that it must not be written (no MTD_WRITEABLE)';
  return null;
}

/** Why the sizes of an MTD do not go together; null when they do. The kernel makes some such read-only by itself. */
export function whyMisshapen({ size, eraseSize, writeSize }: MtdEntry): string | null {
  if (eraseSize === 0 || size === 0 || size % eraseSize !== 0) {
    return `its ${size} bytes are no whole number of erase blocks of ${eraseSize}`;
  }
  if (writeSize === 0 || eraseSize % writeSize !== 0) {
    return `its write size of ${writeSize} does not divide its erase block of ${eraseSize}`;
  }
  return null;
}
