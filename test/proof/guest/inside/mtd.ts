/** The guest's flash: simulated chips of the kernel, made and unmade by its modules. */
import { openSync, readFileSync, readSync, closeSync, existsSync } from 'node:fs';
import { run, tool } from './run.js';

/** One line of /proc/mtd. */
export interface Mtd {
  readonly index: number;
  readonly path: string;
  readonly name: string;
  readonly size: number;
  readonly eraseSize: number;
}

export const KIB = 1024;
export const MIB = 1024 * KIB;

export function listMtd(): Mtd[] {
  if (!existsSync('/proc/mtd')) return [];
  const lines = readFileSync('/proc/mtd', 'latin1').matchAll(/^mtd(\d+): ([0-9a-f]+) ([0-9a-f]+) "(.*)"$/gm);
  return [...lines].map(([, index, size, eraseSize, name]) => ({
    index: Number(index),
    path: `/dev/mtd${index}`,
    name: name as string,
    size: Number.parseInt(size as string, 16),
    eraseSize: Number.parseInt(eraseSize as string, 16),
  }));
}

export function mtdNamed(name: string): Mtd {
  const found = listMtd().find((mtd) => mtd.name === name);
  if (found === undefined) throw new Error(`there is no MTD ${name}`);
  return found;
}

/** Loads a module with parameters. */
export function load(module: string, ...parameters: readonly string[]): void {
  tool('modprobe', module, ...parameters);
}

/** What a scenario may have left: taken away in the order in which one holds the other. */
export function tidyFlash(): void {
  const mounts = readFileSync('/proc/mounts', 'latin1').matchAll(/^\S+ (\/mnt\S*) /gm);
  for (const [, path] of [...mounts].reverse()) tool('umount', path as string);
  if (existsSync('/sys/class/ubi')) {
    for (const path of tool('sh', '-c', 'ls -d /dev/ubiblock* 2>/dev/null || true').toString().split('\n')) {
      if (path !== '') run('ubiblock', ['-r', path.replace('ubiblock', 'ubi')]);
    }
    for (const attached of tool('sh', '-c', 'ls /sys/class/ubi | grep -x "ubi[0-9]*" || true')
      .toString()
      .split('\n')) {
      if (attached !== '') tool('ubidetach', '-d', attached.slice(3));
    }
  }
  for (const module of ['mtdblock', 'nandsim', 'mtdram']) {
    if (existsSync(`/sys/module/${module}`)) tool('rmmod', module);
  }
}

/** A NOR-like chip in memory with partitions on it, which may overlap. */
export function loadNor(
  size: number,
  partitions: readonly { readonly name: string; readonly offset: number; readonly size: number }[] = [],
): Mtd {
  load('mtdram', `total_size=${size / KIB}`, 'erase_size=64');
  const chip = mtdNamed('mtdram test device');
  for (const { name, offset, size } of partitions) tool('mtdpart', 'add', chip.path, name, offset, size);
  return chip;
}

export interface NandOptions {
  /** Erase blocks of each partition from the start on; the rest of the chip is one more. */
  readonly parts: readonly number[];
  /** Factory-bad blocks, counted from the start of the chip. */
  readonly bad?: readonly number[];
  /** Blocks that fail after so many erases. */
  readonly weakBlocks?: readonly (readonly [block: number, erases: number])[];
  /** Pages that fail after so many programs. */
  readonly weakPages?: readonly (readonly [page: number, programs: number])[];
  /** Busy as a chip is. */
  readonly delays?: boolean;
}

export const NAND_BLOCK = 128 * KIB;
export const NAND_PAGE = 2 * KIB;
/** 128 MiB of pages of 2 KiB. */
const NAND_ID = '0x20,0xa1,0x00,0x15';
/** Microseconds to read and to program a page, milliseconds to erase, nanoseconds a byte of the bus. */
const NAND_DELAYS = [
  'do_delays=1',
  'access_delay=25',
  'programm_delay=200',
  'erase_delay=2',
  'input_cycle=50',
  'output_cycle=50',
];

/** A NAND chip in memory; gives its partitions. */
export function loadNand({
  parts,
  bad = [],
  weakBlocks = [],
  weakPages = [],
  delays = false,
}: NandOptions): Mtd[] {
  const before = new Set(listMtd().map(({ index }) => index));
  const weak = (list: readonly (readonly [number, number])[]): string =>
    list.map(([at, count]) => `${at}:${count}`).join(',');
  load(
    'nandsim',
    `id_bytes=${NAND_ID}`,
    `parts=${parts.join(',')}`,
    ...(bad.length > 0 ? [`badblocks=${bad.join(',')}`] : []),
    ...(weakBlocks.length > 0 ? [`weakblocks=${weak(weakBlocks)}`] : []),
    ...(weakPages.length > 0 ? [`weakpages=${weak(weakPages)}`] : []),
    ...(delays ? NAND_DELAYS : []),
  );
  return listMtd().filter(({ index }) => !before.has(index));
}

/** All bytes of a device, bad blocks as they read. */
export function readAll(path: string, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  const file = openSync(path, 'r');
  try {
    for (let at = 0; at < size;) {
      const count = readSync(file, bytes, at, Math.min(MIB, size - at), at);
      if (count === 0) throw new Error(`${path} ends at ${at} of ${size}`);
      at += count;
    }
  } finally {
    closeSync(file);
  }
  return bytes;
}

/** What nanddump gives of a NAND: the good blocks, one after the other. */
export function nandDump(mtd: Mtd): Buffer {
  return tool('nanddump', '-q', '--bb=skipbad', mtd.path);
}
