import { join } from 'node:path';
import { NodeMtdError } from '../errors.js';
import { Attributes, readFolder, quote } from './attributes.js';
import { type Roots, withDefaults } from './roots.js';

/** One UBI volume. Sizes are bytes. */
export interface UbiEntry {
  /** The N of ubiN_M. */
  readonly ubi: number;
  /** The M of ubiN_M. */
  readonly volume: number;
  /** Unique only within one UBI device. */
  readonly name: string;
  readonly type: 'dynamic' | 'static';
  /** Number of reserved LEBs. */
  readonly lebs: number;
  /** Usable bytes of a LEB (`usable_eb_size`). */
  readonly lebSize: number;
  /** Smallest unit of a write. */
  readonly minIo: number;
  /** Bytes of data: the size of a dynamic volume, the written bytes of a static one. */
  readonly dataBytes: number;
  /** The kernel found a wrong checksum in a static volume. */
  readonly corrupted: boolean;
  /** An update was started and not finished. */
  readonly updateMarker: boolean;
  /** Index of the MTD below the UBI device. */
  readonly mtd: number;
  /** The device node. */
  readonly path: string;
  /** Of the device node. */
  readonly major: number;
  readonly minor: number;
}

/** An MTD that is attached to UBI. */
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
 * The MTDs that are attached to UBI, ascending by UBI device.
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
    // The kernel makes no leading zeros: `ubi01` could hide `ubi1`.
    if (!/^(?:0|[1-9][0-9]{0,8})$/.test(digits))
      throw malformed(`${folder} has a malformed name: ${quote(name)}`);
    found.push(Number(digits));
  }
  return found.sort((a, b) => a - b);
}

function toType(sysfs: Attributes): 'dynamic' | 'static' {
  const word = sysfs.line('type');
  if (word === 'dynamic' || word === 'static') return word;
  throw malformed(`${sysfs.folder}/type is not a type: ${quote(word)}`);
}

function checkSizes(sysfs: Attributes, { lebs, lebSize, minIo, dataBytes }: UbiEntry): void {
  const size = lebs * lebSize;
  if (lebs === 0 || lebSize === 0 || minIo === 0 || !Number.isSafeInteger(size) || dataBytes > size) {
    throw malformed(
      `${sysfs.folder}: ${lebs} LEBs of ${lebSize} bytes, ${dataBytes} bytes of data, minimum I/O of ${minIo} bytes`,
    );
  }
}

function malformed(message: string): NodeMtdError {
  return new NodeMtdError('ERR_MALFORMED', message);
}
