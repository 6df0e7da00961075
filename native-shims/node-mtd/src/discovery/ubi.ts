import { join } from 'node:path';
import { NodeMtdError } from '../errors.js';
import { Attributes, readFolder, shown } from './attributes.js';
import { type Roots, withDefaults } from './roots.js';

/** One UBI volume. Sizes are bytes. */
export interface UbiEntry {
  /** The N of ubiN_M. */
  readonly ubi: number;
  /** The M of ubiN_M. */
  readonly volume: number;
  /** Unique within one UBI device only. */
  readonly name: string;
  readonly type: 'dynamic' | 'static';
  /** LEBs that are reserved for it. */
  readonly lebs: number;
  /** What of a LEB can be used (`usable_eb_size`). */
  readonly lebSize: number;
  readonly minIo: number;
  /** Bytes that it holds: all of a dynamic volume, what was written to a static one. */
  readonly dataBytes: number;
  /** A static volume whose checksum was found to be wrong. */
  readonly corrupted: boolean;
  /** An update was begun and not brought to its end. */
  readonly updateMarker: boolean;
  /** Index of the MTD under it. */
  readonly mtd: number;
  /** Its device node. */
  readonly path: string;
  /** Of the device node. */
  readonly major: number;
  readonly minor: number;
}

/** An MTD that UBI has. */
export interface UbiAttachment {
  readonly ubi: number;
  readonly mtd: number;
}

/**
 * All UBI volumes, ascending by UBI device and volume; none on a kernel without UBI.
 * @throws NodeMtdError ERR_MALFORMED
 */
export function listUbi(roots?: Partial<Roots>): UbiEntry[] {
  const at = withDefaults(roots);
  const folder = join(at.sys, 'class/ubi');
  const entries: UbiEntry[] = [];
  for (const { ubi, mtd } of listAttached(roots)) {
    const minIo = new Attributes(join(folder, `ubi${ubi}`)).number('min_io_size');
    for (const volume of numbers(folder, new RegExp(`^ubi${ubi}_([0-9]+)$`))) {
      const sysfs = new Attributes(join(folder, `ubi${ubi}_${volume}`));
      entries.push({
        ubi,
        volume,
        name: sysfs.name('name'),
        type: toType(sysfs),
        lebs: sysfs.number('reserved_ebs'),
        lebSize: sysfs.number('usable_eb_size'),
        minIo,
        dataBytes: sysfs.number('data_bytes'),
        corrupted: sysfs.flag('corrupted'),
        updateMarker: sysfs.flag('upd_marker'),
        mtd,
        path: join(at.dev, `ubi${ubi}_${volume}`),
        ...sysfs.dev(),
      });
      checkSizes(sysfs, entries[entries.length - 1] as UbiEntry);
    }
  }
  const known = new Set(entries.map(({ ubi, volume }) => `ubi${ubi}_${volume}`));
  const stray = readFolder(folder).find((name) => /^ubi[0-9]+_[0-9]+$/.test(name) && !known.has(name));
  if (stray !== undefined) throw malformed(`${folder}/${stray} belongs to no UBI device`);
  return entries;
}

/**
 * Which MTDs UBI has, ascending by UBI device.
 * @throws NodeMtdError ERR_MALFORMED
 */
export function listAttached(roots?: Partial<Roots>): UbiAttachment[] {
  const folder = join(withDefaults(roots).sys, 'class/ubi');
  return numbers(folder, /^ubi([0-9]+)$/).map((ubi) => ({
    ubi,
    mtd: new Attributes(join(folder, `ubi${ubi}`)).number('mtd_num'),
  }));
}

/** The numbers in the names that match, ascending. */
function numbers(folder: string, pattern: RegExp): number[] {
  const found: number[] = [];
  for (const name of readFolder(folder)) {
    const digits = pattern.exec(name)?.[1];
    if (digits === undefined) continue;
    // Of `ubi1` and `ubi01`, one is not of the kernel's making.
    if (!/^(?:0|[1-9][0-9]{0,8})$/.test(digits)) throw malformed(`${folder} has ${shown(name)}`);
    found.push(Number(digits));
  }
  return found.sort((a, b) => a - b);
}

function toType(sysfs: Attributes): 'dynamic' | 'static' {
  const word = sysfs.line('type');
  if (word === 'dynamic' || word === 'static') return word;
  throw malformed(`${sysfs.folder}/type is no type: ${shown(word)}`);
}

function checkSizes(sysfs: Attributes, { lebs, lebSize, minIo, dataBytes }: UbiEntry): void {
  const size = lebs * lebSize;
  if (lebs === 0 || lebSize === 0 || minIo === 0 || !Number.isSafeInteger(size) || dataBytes > size) {
    throw malformed(
      `${sysfs.folder}: ${lebs} LEBs of ${lebSize} bytes with ${dataBytes} bytes in them, ${minIo} at a time`,
    );
  }
}

function malformed(message: string): NodeMtdError {
  return new NodeMtdError('ERR_MALFORMED', message);
}
