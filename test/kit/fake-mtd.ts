/**
 * Boards with MTD and UBI, on a library that is preloaded into the programs under test. fake-mtd/README.md shows what
 * the library does, and the folder of a board.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCES = join(ROOT, 'test/kit/fake-mtd/src');
const CACHE = join(ROOT, 'node_modules/.cache/fake-mtd');
const FLAGS = '-shared -fPIC -O2 -std=gnu17 -Wall -Wextra -Werror -fvisibility=hidden'.split(' ');

/** The library, built when its sources have changed; or why it cannot be had here, for a skip. */
export function fakeMtdLibrary(compiler = 'gcc'): { readonly path: string } | { readonly missing: string } {
  if (process.platform !== 'linux')
    return { missing: `fake MTD is for Linux, and this is ${process.platform}` };
  const files = readdirSync(SOURCES).sort();
  const hash = createHash('sha256').update([compiler, ...FLAGS].join(' '));
  for (const file of files) hash.update(file).update(readFileSync(join(SOURCES, file)));
  const path = join(CACHE, `fake-mtd-${hash.digest('hex').slice(0, 16)}.so`);
  if (existsSync(path)) return { path };
  mkdirSync(CACHE, { recursive: true });
  const fresh = `${path}.${process.pid}`;
  const sources = files.filter((file) => file.endsWith('.c')).map((file) => join(SOURCES, file));
  try {
    execFileSync(compiler, [...FLAGS, '-o', fresh, ...sources, '-ldl', '-lpthread'], { stdio: 'pipe' });
  } catch (thrown) {
    const { code, stderr } = thrown as { code?: unknown; stderr?: Buffer };
    if (code === 'ENOENT') return { missing: `no ${compiler} to build the fake MTD with` };
    throw new Error(`the fake MTD does not build: ${stderr?.toString() ?? String(thrown)}`, {
      cause: thrown,
    });
  }
  // Two test files may build it at once.
  renameSync(fresh, path);
  return { path };
}

/** Whether the real addon of node-mtd was built for this machine; why not, for a skip. */
export function missingAddon(): string | false {
  const path = join(ROOT, `native-shims/node-mtd/build/linux-${process.arch}/node-mtd.node`);
  return existsSync(path) ? false : 'the addon of node-mtd is not built: npm run build:native';
}

/** Where the built addon is, for a bundle outside of the repository. */
export const ADDON_FOLDER = join(ROOT, 'native-shims/node-mtd/build');

export interface FakeMtdOptions {
  readonly name: string;
  readonly type: 'nor' | 'nand' | 'ram' | 'rom';
  readonly size: number;
  readonly eraseSize: number;
  /** @default 1 on NOR, 512 on NAND */
  readonly writeSize?: number;
  /** Spare bytes of a page. @default 0 on NOR, 16 on NAND */
  readonly oobSize?: number;
  /** Blocks that the factory marked bad. */
  readonly bad?: readonly number[];
  /** Blocks that are locked; `all` as after power-up. */
  readonly locked?: 'all' | readonly number[];
  /** Errno of MEMLOCK, MEMUNLOCK and MEMISLOCKED. @default null where `locked` is given, else EOPNOTSUPP */
  readonly lock?: string | null;
  /** Errno of an erase or write of what is locked; null: it is said to be done, and is not. @default EROFS */
  readonly onLocked?: string | null;
  /** Errno of MEMGETBADBLOCK on NOR; null as newer kernels: all are good. @default null */
  readonly isBad?: string | null;
  /** False: a kernel without MEMERASE64. */
  readonly erase64?: boolean;
  /** A partition of another MTD, which is given by index. */
  readonly of?: { readonly index: number; readonly offset: number };
}

export interface FakeVolumeOptions {
  readonly ubi?: number;
  readonly volume: number;
  readonly name: string;
  readonly type?: 'dynamic' | 'static';
  readonly lebs: number;
  readonly lebSize: number;
  /** @default 512 */
  readonly minIo?: number;
  /** MTD under the UBI device. @default 0 */
  readonly mtd?: number;
}

/** One line of the fake's log. `result` is a number, the name of an errno, `killed`, or why it is illegal. */
export interface LogEntry {
  readonly pid: number;
  readonly device: string;
  readonly op: string;
  readonly at: number;
  readonly length: number;
  readonly result: number | string;
}

export interface FakeRun {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const TYPE_NUMBERS = { ram: 1, rom: 2, nor: 3, nand: 4 } as const;
const TYPE_FLAGS = { ram: 0x1c00, rom: 0, nor: 0xc00, nand: 0x400 } as const;
/** struct chip_state of fake.h: the fields before `blocks`, two tables of 64 numbers among them. */
const STATE_HEADER = 32 + 2 * 64 * 4;
const MAGIC = 0x464c5348;
const BAD = 1;
const LOCKED = 2;
/** The kernel gives UBI's a number when it loads; any will do. */
const UBI_MAJOR = 246;

interface Mtd {
  readonly options: FakeMtdOptions;
  readonly chip: string;
  readonly chipSize: number;
  /** From the start of the chip. */
  readonly start: number;
  readonly writeSize: number;
  readonly sysfs: string;
}

/** One board: a folder with its devices. */
export class FakeBoard {
  readonly root: string;
  readonly #library: string;
  readonly #mtds: Mtd[] = [];
  readonly #ubis = new Set<number>();

  constructor(parent: string, library: string) {
    this.root = mkdtempSync(join(parent, 'board-'));
    this.#library = library;
    for (const folder of ['dev', 'proc', 'sys/class/mtd', 'chips', 'devices', 'hooks']) {
      mkdirSync(join(this.root, folder), { recursive: true });
    }
    this.#tellProc();
  }

  /** What node-mtd and the drivers take as `roots`, for programs that have the library preloaded. */
  get roots(): { proc: string; sys: string; dev: string } {
    return { proc: join(this.root, 'proc'), sys: join(this.root, 'sys'), dev: join(this.root, 'dev') };
  }

  /** Environment of a program that shall find this board under /dev, /proc and /sys. */
  get env(): Record<string, string> {
    return { FAKE_MTD: this.root, LD_PRELOAD: this.#library };
  }

  /** Adds a chip, or a partition of one; its index. */
  addMtd(options: FakeMtdOptions): number {
    const index = this.#mtds.length;
    const { type, of } = options;
    const parent = of === undefined ? undefined : this.#mtd(of.index);
    const writeSize = options.writeSize ?? parent?.writeSize ?? (type === 'nand' ? 512 : 1);
    const chip = parent?.chip ?? `chip${index}`;
    const sysfs = parent ? `${parent.sysfs}/mtd${index}` : `sys/devices/fake-flash/${chip}/mtd/mtd${index}`;
    const start = (parent?.start ?? 0) + (of?.offset ?? 0);
    const mtd: Mtd = { options, chip, chipSize: parent?.chipSize ?? options.size, start, writeSize, sysfs };
    this.#mtds.push(mtd);
    if (parent === undefined) this.#makeChip(mtd);
    this.describe(index);
    return index;
  }

  /** Writes what the kernel would tell of an MTD; `as`: with other facts than it was made with. */
  describe(index: number, as: Partial<FakeMtdOptions> = {}): void {
    const { chip, chipSize, start, writeSize, sysfs, ...rest } = this.#mtd(index);
    const options = { ...rest.options, ...as };
    const { name, type, size, eraseSize, locked, of } = options;
    const oobSize = options.oobSize ?? (type === 'nand' ? 16 : 0);
    const lock = options.lock === undefined ? (locked === undefined ? 'EOPNOTSUPP' : null) : options.lock;
    this.#write(
      `devices/mtd${index}`,
      keyed({
        kind: 'mtd',
        index,
        major: 90,
        type: TYPE_NUMBERS[type],
        flags: TYPE_FLAGS[type],
        size,
        offset: start,
        erasesize: eraseSize,
        writesize: writeSize,
        oobsize: oobSize,
        isbad: options.isBad ?? 0,
        lock: lock ?? 0,
        locked: options.onLocked === undefined ? 'EROFS' : (options.onLocked ?? 0),
        erase64: options.erase64 === false ? 0 : 1,
        chip,
        chipsize: chipSize,
      }),
    );
    this.#attributes('mtd', `mtd${index}`, sysfs, {
      dev: `90:${2 * index}`,
      name,
      type,
      flags: `0x${TYPE_FLAGS[type].toString(16)}`,
      size,
      erasesize: eraseSize,
      writesize: writeSize,
      subpagesize: writeSize,
      oobsize: oobSize,
      oobavail: 0,
      numeraseregions: 0,
      bad_blocks: options.bad?.length ?? 0,
      corrected_bits: 0,
      ecc_failures: 0,
      ...(of === undefined ? {} : { offset: of.offset }),
    });
    this.#attributes('mtd', `mtd${index}ro`, `${sysfs}/../mtd${index}ro`, { dev: `90:${2 * index + 1}` });
    this.#write(`dev/mtd${index}`, '');
    this.#write(`dev/mtd${index}ro`, '');
    this.#tellProc(new Map([[index, options]]));
  }

  /** Adds a UBI volume, and its UBI device where that is not there yet; the name of its node. */
  addVolume(options: FakeVolumeOptions): string {
    const { ubi = 0, volume, name, type = 'dynamic', lebs, lebSize, minIo = 512, mtd = 0 } = options;
    const node = `ubi${ubi}_${volume}`;
    const size = lebs * lebSize;
    const folder = `sys/devices/virtual/ubi/ubi${ubi}`;
    if (!this.#ubis.has(ubi)) {
      this.#ubis.add(ubi);
      mkdirSync(join(this.root, 'sys/class/ubi'), { recursive: true });
      this.#write('sys/class/ubi/version', '1\n');
      this.#write(`devices/ubi${ubi}`, keyed({ kind: 'ubi', index: ubi, major: UBI_MAJOR + ubi, minor: 0 }));
      this.#write(`dev/ubi${ubi}`, '');
      this.#attributes('ubi', `ubi${ubi}`, folder, {
        dev: `${UBI_MAJOR + ubi}:0`,
        mtd_num: mtd,
        min_io_size: minIo,
        eraseblock_size: lebSize,
        max_vol_count: 128,
        avail_eraseblocks: 0,
        total_eraseblocks: lebs + 4,
        bad_peb_count: 0,
        max_ec: 1,
        reserved_for_bad: 2,
        bgt_enabled: 1,
        volumes_count: 1,
      });
    }
    const used = type === 'static' ? 0 : size;
    this.#write(
      `devices/${node}`,
      keyed({
        kind: 'volume',
        index: volume,
        major: UBI_MAJOR + ubi,
        minor: volume + 1,
        type: 7,
        size,
        erasesize: lebSize,
        writesize: minIo,
        static: type === 'static' ? 1 : 0,
        chip: node,
        chipsize: size,
      }),
    );
    const state = Buffer.alloc(STATE_HEADER);
    state.writeUInt32LE(MAGIC, 0);
    state.writeBigUInt64LE(BigInt(used), 16);
    writeFileSync(join(this.root, `chips/${node}.state`), state);
    this.#sparse(`chips/${node}.data`, size);
    this.#write(`dev/${node}`, '');
    this.#attributes('ubi', node, `${folder}/${node}`, {
      dev: `${UBI_MAJOR + ubi}:${volume + 1}`,
      name,
      type,
      reserved_ebs: lebs,
      usable_eb_size: lebSize,
      alignment: 1,
      data_bytes: used,
      corrupted: 0,
      upd_marker: 0,
    });
    this.#write(
      `sys/class/ubi/ubi${ubi}/volumes_count`,
      `${readdirSync(join(this.root, 'sys/class/ubi')).filter((entry) => entry.startsWith(`ubi${ubi}_`)).length}\n`,
    );
    return node;
  }

  /** Puts a file in front of a real one, such as `proc/self/mountinfo`. */
  putFile(path: string, content: string): void {
    this.#write(path, content);
  }

  /**
   * What shall go wrong, from now on; see the README of the fake. All counts begin anew, in each process by itself.
   */
  faults(...lines: readonly string[]): void {
    const fresh = join(this.root, 'faults.new');
    writeFileSync(fresh, lines.map((line) => `${line}\n`).join(''));
    renameSync(fresh, join(this.root, 'faults'));
  }

  /** A program (shell) that a fault of action `hook NAME` runs, in the board's folder `$FAKE`. */
  hook(name: string, script: string): void {
    const path = join(this.root, 'hooks', name);
    writeFileSync(path, `#!/bin/sh\nset -e\ncd "$FAKE"\n${script}\n`);
    chmodSync(path, 0o755);
  }

  /** Everything that was done to devices, in order; `forget` takes it away. */
  log(): LogEntry[] {
    const path = join(this.root, 'log');
    if (!existsSync(path)) return [];
    const lines = readFileSync(path, 'utf8').split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as LogEntry);
  }

  forget(): void {
    rmSync(join(this.root, 'log'), { force: true });
  }

  /** What programs did that silicon does not allow. */
  illegal(): LogEntry[] {
    return this.log().filter(({ op }) => op === 'illegal');
  }

  /** Blocks of an operation that went well, in order. */
  blocks(op: 'erase' | 'write', device: string, blockSize: number): number[] {
    const found: number[] = [];
    for (const entry of this.log()) {
      if (entry.op !== op || entry.device !== device || typeof entry.result !== 'number') continue;
      const block = Math.floor(entry.at / blockSize);
      if (found.at(-1) !== block) found.push(block);
    }
    return found;
  }

  /** The cells of a chip; of a volume by its node's name. */
  content(device: number | string): Buffer {
    const { file, start, size } = this.#place(device);
    const bytes = Buffer.alloc(size);
    const fd = openSync(file, 'r');
    readSync(fd, bytes, 0, size, start);
    closeSync(fd);
    return inverted(bytes);
  }

  /** Puts bytes into the cells, as a factory would. */
  fill(device: number | string, bytes: Uint8Array, offset = 0): void {
    const { file, start } = this.#place(device);
    const fd = openSync(file, 'r+');
    writeSync(fd, inverted(Buffer.from(bytes)), 0, bytes.length, start + offset);
    closeSync(fd);
  }

  /** A number that sysfs tells of a device, such as `bad_blocks`. */
  attribute(kind: 'mtd' | 'ubi', device: string, name: string): string {
    return readFileSync(join(this.root, 'sys/class', kind, device, name), 'utf8').trimEnd();
  }

  /** Blocks of a chip that are marked bad now. */
  badBlocks(index: number): number[] {
    const { chip, start, options } = this.#mtd(index);
    const flags = readFileSync(join(this.root, `chips/${chip}.state`)).subarray(
      STATE_HEADER + start / options.eraseSize,
      STATE_HEADER + (start + options.size) / options.eraseSize,
    );
    return [...flags.entries()].filter(([, flag]) => (flag & BAD) !== 0).map(([block]) => block);
  }

  /** Starts a program on this board. */
  start(command: string, args: readonly string[], env: Record<string, string> = {}): ChildProcess {
    // By way of env, as tap puts a loader of its own into every node that it sees being started; and so that only
    // the program itself gets the library.
    const settings = Object.entries({ ...this.env, ...env }).map(([key, value]) => `${key}=${value}`);
    return spawn('env', ['-u', 'NODE_OPTIONS', ...settings, command, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** Runs a program on this board to its end. */
  run(command: string, args: readonly string[], env: Record<string, string> = {}): Promise<FakeRun> {
    return ended(this.start(command, args, env));
  }

  #mtd(index: number): Mtd {
    const mtd = this.#mtds[index];
    if (mtd === undefined) throw new Error(`this board has no mtd${index}`);
    return mtd;
  }

  #place(device: number | string): { file: string; start: number; size: number } {
    if (typeof device === 'string') {
      const size = Number(
        /^size (\d+)$/m.exec(readFileSync(join(this.root, 'devices', device), 'utf8'))?.[1],
      );
      return { file: join(this.root, `chips/${device}.data`), start: 0, size };
    }
    const { chip, start, options } = this.#mtd(device);
    return { file: join(this.root, `chips/${chip}.data`), start, size: options.size };
  }

  #makeChip({ chip, options }: Mtd): void {
    const { size, eraseSize, bad = [], locked = [] } = options;
    const blocks = size / eraseSize;
    const state = Buffer.alloc(STATE_HEADER + blocks);
    state.writeUInt32LE(MAGIC, 0);
    if (locked === 'all') state.fill(LOCKED, STATE_HEADER);
    else for (const block of locked) state[STATE_HEADER + block] = LOCKED;
    for (const block of bad) state[STATE_HEADER + block] = (state[STATE_HEADER + block] ?? 0) | BAD;
    writeFileSync(join(this.root, `chips/${chip}.state`), state);
    this.#sparse(`chips/${chip}.data`, size);
  }

  #sparse(path: string, size: number): void {
    const fd = openSync(join(this.root, path), 'w');
    ftruncateSync(fd, size);
    closeSync(fd);
  }

  #write(path: string, content: string): void {
    const full = join(this.root, path);
    mkdirSync(join(full, '..'), { recursive: true });
    writeFileSync(full, content);
  }

  #attributes(kind: string, name: string, folder: string, values: Record<string, string | number>): void {
    for (const [key, value] of Object.entries(values)) this.#write(`${folder}/${key}`, `${value}\n`);
    const link = join(this.root, 'sys/class', kind, name);
    rmSync(link, { force: true });
    symlinkSync(join('../..', folder.slice('sys/'.length)), link);
  }

  #tellProc(changed: ReadonlyMap<number, FakeMtdOptions> = new Map()): void {
    const lines = this.#mtds.map(({ options }, index) => {
      const { name, size, eraseSize } = changed.get(index) ?? options;
      return `mtd${index}: ${hex(size)} ${hex(eraseSize)} "${name}"\n`;
    });
    this.#write('proc/mtd', `dev:    size   erasesize  name\n${lines.join('')}`);
  }
}

/** Output and end of a program that was started. */
export function ended(child: ChildProcess): Promise<FakeRun> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
  child.stderr?.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

const hex = (value: number): string => value.toString(16).padStart(8, '0');

const keyed = (values: Record<string, string | number>): string =>
  Object.entries(values)
    .map(([key, value]) => `${key} ${value}\n`)
    .join('');

/** The files of cells hold every bit inverted, so that their holes are erased flash. */
function inverted(bytes: Buffer): Buffer {
  for (let i = 0; i < bytes.length; i++) bytes[i] = ~(bytes[i] ?? 0) & 0xff;
  return bytes;
}
