import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { NodeMtdError } from '../errors.js';
import { Attributes, readFolder, quote } from './attributes.js';
import { type ProcMtd, readProcMtd } from './proc-mtd.js';
import { type Roots, withDefaults } from './roots.js';

/** The type in sysfs; `unknown` also for types that are not in this list. */
export type MtdType =
  'absent' | 'ram' | 'rom' | 'nor' | 'nand' | 'mlc-nand' | 'dataflash' | 'ubi' | 'unknown';

const TYPES: ReadonlySet<string> = new Set<MtdType>([
  'absent',
  'ram',
  'rom',
  'nor',
  'nand',
  'mlc-nand',
  'dataflash',
  'ubi',
]);

/** One MTD: a chip or a partition of a chip. Sizes are bytes. */
export interface MtdEntry {
  /** The N of mtdN. It can change at every boot. */
  readonly index: number;
  /** Not unique. */
  readonly name: string;
  readonly type: MtdType;
  /** MTD_WRITEABLE (0x400) and the other flags of mtd-abi.h. */
  readonly flags: number;
  readonly size: number;
  /** 0 if the MTD cannot be erased. */
  readonly eraseSize: number;
  readonly writeSize: number;
  readonly oobSize: number;
  /** Bytes from the start of the MTD that contains this partition; null: not a partition. */
  readonly offset: number | null;
  /** Index of the MTD that contains this one; null if sysfs does not show it. */
  readonly parent: number | null;
  /** Real path of the parent folder in sysfs, which MTDs of the same chip have in common. */
  readonly siblingsOf: string;
  /** The device node. */
  readonly path: string;
  /** Of the device node. */
  readonly major: number;
  readonly minor: number;
}

/**
 * All MTDs, ascending by index; none on a kernel without MTD.
 * @throws NodeMtdError ERR_MALFORMED if /proc/mtd or sysfs are malformed or contradict each other
 */
export function listMtd(roots?: Partial<Roots>): MtdEntry[] {
  const at = withDefaults(roots);
  const lines = readProcMtd(join(at.proc, 'mtd'));
  const folder = join(at.sys, 'class/mtd');
  const folders = new Set(readFolder(folder).filter((name) => /^mtd[0-9]+$/.test(name)));
  const entries: MtdEntry[] = [];
  const nodes = new Set<string>();
  for (const line of lines) {
    if (!folders.delete(`mtd${line.index}`)) {
      throw malformed(`mtd${line.index} is in ${at.proc}/mtd but not in ${folder}`);
    }
    const entry = readEntry(at, folder, line);
    const node = `${entry.major}:${entry.minor}`;
    if (nodes.has(node)) throw malformed(`mtd${entry.index} has the device number ${node} of another MTD`);
    nodes.add(node);
    entries.push(entry);
  }
  const [unlisted] = folders;
  if (unlisted !== undefined) throw malformed(`${unlisted} is in ${folder} but not in ${at.proc}/mtd`);
  for (const { index, parent } of entries) {
    if (parent !== null && (parent === index || !entries.some((other) => other.index === parent))) {
      throw malformed(`mtd${index} is in mtd${parent}, which does not exist`);
    }
  }
  return entries;
}

/**
 * One MTD as it is now; undefined if it does not exist.
 * @throws NodeMtdError ERR_MALFORMED as `listMtd`
 */
export function readMtd(index: number, roots?: Partial<Roots>): MtdEntry | undefined {
  const at = withDefaults(roots);
  const line = readProcMtd(join(at.proc, 'mtd')).find((other) => other.index === index);
  return line && readEntry(at, join(at.sys, 'class/mtd'), line);
}

function readEntry(at: Roots, folder: string, line: ProcMtd): MtdEntry {
  const sysfs = new Attributes(join(folder, `mtd${line.index}`));
  const siblingsOf = dirname(realpathSync(sysfs.folder));
  const parent = /^mtd(0|[1-9][0-9]{0,8})$/.exec(basename(siblingsOf));
  const entry: MtdEntry = {
    index: line.index,
    name: sysfs.name('name'),
    type: toType(sysfs),
    flags: sysfs.number('flags'),
    size: sysfs.number('size'),
    eraseSize: sysfs.number('erasesize'),
    writeSize: sysfs.number('writesize'),
    oobSize: sysfs.number('oobsize'),
    offset: sysfs.has('offset') ? sysfs.number('offset') : null,
    parent: parent ? Number(parent[1]) : null,
    siblingsOf,
    path: join(at.dev, `mtd${line.index}`),
    ...sysfs.dev(),
  };
  for (const what of ['name', 'size', 'eraseSize'] as const) {
    if (entry[what] !== line[what]) {
      throw malformed(
        `mtd${line.index}: ${what} is ${quote(`${line[what]}`)} in ${at.proc}/mtd and ${quote(`${entry[what]}`)} in ${sysfs.folder}`,
      );
    }
  }
  return entry;
}

function toType(sysfs: Attributes): MtdType {
  const word = sysfs.line('type');
  if (TYPES.has(word)) return word as MtdType;
  if (/^[a-z][a-z0-9-]{0,31}$/.test(word)) return 'unknown';
  throw malformed(`${sysfs.folder}/type is not a type: ${quote(word)}`);
}

function malformed(message: string): NodeMtdError {
  return new NodeMtdError('ERR_MALFORMED', message);
}
