import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import type { Roots } from 'node-mtd';

/** One MTD; what is left out is of a NOR chip's partition of 1 MiB. */
export interface MtdOf {
  readonly name: string;
  readonly type?: string;
  readonly flags?: string;
  readonly size?: number;
  readonly eraseSize?: number;
  readonly writeSize?: number;
  readonly oobSize?: number;
  readonly offset?: number;
  /** The MTD whose folder this one lies in, or the folder of a controller. */
  readonly inside?: number | string;
  /** Attributes as they shall be instead. */
  readonly sysfs?: Readonly<Record<string, string | Uint8Array | null>>;
}

/** Attributes of UBI devices and volumes by name: `ubi0`, `ubi0_1`. */
export type UbiOf = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A folder with /proc and /sys as a kernel makes them, and a /dev. Removed by `remove`. */
export class FakeKernel {
  readonly roots: Roots;
  readonly #root = mkdtempSync(join(tmpdir(), 'fake-kernel-'));

  constructor(mtds: readonly MtdOf[] = [], ubi: UbiOf = {}) {
    this.roots = {
      proc: join(this.#root, 'proc'),
      sys: join(this.#root, 'sys'),
      dev: join(this.#root, 'dev'),
    };
    for (const folder of Object.values(this.roots)) mkdirSync(folder, { recursive: true });
    this.setMtds(mtds);
    for (const [name, attributes] of Object.entries(ubi)) {
      this.write(join(this.roots.sys, 'class/ubi', name), attributes);
    }
  }

  setMtds(mtds: readonly MtdOf[]): void {
    rmSync(join(this.roots.sys, 'class/mtd'), { recursive: true, force: true });
    rmSync(join(this.roots.sys, 'devices'), { recursive: true, force: true });
    const folders: string[] = [];
    let proc = 'dev:    size   erasesize  name\n';
    for (const [index, mtd] of mtds.entries()) {
      const { size = 0x100000, eraseSize = 0x10000, inside = 'platform/spi0/mtd' } = mtd;
      const parent = typeof inside === 'number' ? folders[inside] : join(this.roots.sys, 'devices', inside);
      const folder = join(parent ?? '', `mtd${index}`);
      folders.push(folder);
      proc += `mtd${index}: ${hex(size)} ${hex(eraseSize)} "${mtd.name}"\n`;
      this.write(folder, {
        name: `${mtd.name}\n`,
        type: `${mtd.type ?? 'nor'}\n`,
        flags: `${mtd.flags ?? '0xc00'}\n`,
        size: `${size}\n`,
        erasesize: `${eraseSize}\n`,
        writesize: `${mtd.writeSize ?? 1}\n`,
        oobsize: `${mtd.oobSize ?? 0}\n`,
        dev: `90:${index * 2}\n`,
        ...(mtd.offset === undefined ? {} : { offset: `${mtd.offset}\n` }),
        ...mtd.sysfs,
      });
      this.link(`mtd${index}`, folder);
      this.link(`mtd${index}ro`, `${folder}ro`);
    }
    this.setProc(proc);
  }

  setProc(text: string | Uint8Array): void {
    writeFileSync(join(this.roots.proc, 'mtd'), text);
  }

  /** Puts an entry into /sys/class/mtd. */
  link(name: string, folder: string): void {
    const path = join(this.roots.sys, 'class/mtd', name);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(relative(dirname(path), folder), path);
  }

  write(folder: string, attributes: Readonly<Record<string, string | Uint8Array | null>>): void {
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of Object.entries(attributes)) {
      if (text !== null) writeFileSync(join(folder, name), text);
    }
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

/** A UBI device and its volumes as a kernel has them. */
export function ubiOf(ubi: number, mtd: number, volumes: readonly Readonly<Record<string, string>>[]): UbiOf {
  const entries: Record<string, Readonly<Record<string, string>>> = {
    [`ubi${ubi}`]: {
      mtd_num: `${mtd}\n`,
      min_io_size: '2048\n',
      eraseblock_size: '126976\n',
      dev: `24${ubi}:0\n`,
    },
  };
  for (const [volume, attributes] of volumes.entries()) {
    entries[`ubi${ubi}_${volume}`] = {
      name: `volume ${volume}\n`,
      type: 'dynamic\n',
      reserved_ebs: '10\n',
      usable_eb_size: '126976\n',
      data_bytes: '1269760\n',
      corrupted: '0\n',
      upd_marker: '0\n',
      dev: `24${ubi}:${volume + 1}\n`,
      ...attributes,
    };
  }
  return entries;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
