/**
 * A kernel with MTD and UBI in memory, as node-mtd's binding sees it, beside the /proc and /sys that go with it. It
 * is as strict as the kernel and its chips, and where they would do damage silently it notes a violation.
 */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Handle, NativeBinding, RawMatch } from 'node-mtd';
import { systemError } from '../native/fake-binding.js';
import { FakeKernel, ubiOf, type MtdOf } from '../native/fake-kernel.js';
import { compareBytes, MemoryChip, type ChipSpec } from './memory-chip.js';
import { MemoryVolume, type VolumeSpec } from './memory-volume.js';
import { mount } from './fake-system.js';

/** Numbers of mtd-abi.h. */
const TYPES: Readonly<Record<string, number>> = {
  ram: 1,
  rom: 2,
  nor: 3,
  nand: 4,
  dataflash: 6,
  ubi: 7,
  'mlc-nand': 8,
};

/** One MTD node: a chip or a range of one. */
export interface NodeSpec {
  readonly name: string;
  readonly chip: ChipSpec;
  /** Left out: the whole chip. */
  readonly offset?: number;
  readonly size?: number;
  /** Of mtd-abi.h, in place of those of its chip. */
  readonly flags?: number;
  /** Index of the node in whose folder it lies, or the folder of a controller. */
  readonly inside?: number | string;
}

interface Open {
  readonly path: string;
  readonly write: boolean;
  busy: boolean;
}

export class MemoryKernel implements NativeBinding {
  readonly files: FakeKernel;
  /** What was asked of the kernel, such as `mtdErase mtd1 4096`; reads and questions included. */
  readonly calls: string[] = [];
  /** Called before each call; what it throws is the call's answer. */
  before: ((call: string) => void) | undefined;
  nodes: readonly NodeSpec[] = [];
  readonly #nodes = new Map<string, { readonly spec: NodeSpec; readonly chip: MemoryChip }>();
  readonly #chips = new Map<ChipSpec, MemoryChip>();
  readonly #volumes = new Map<string, MemoryVolume>();
  readonly #handles = new Map<Handle, Open>();
  /** Who has a lock on a node, and whether as one of several. */
  readonly #locks = new Map<string, Map<Handle, boolean>>();

  constructor(nodes: readonly NodeSpec[], volumes: readonly VolumeSpec[] = []) {
    this.files = new FakeKernel(
      [],
      volumes.length === 0
        ? {}
        : ubiOf(
            0,
            99,
            volumes.map((spec) => MemoryVolume.attributes(spec)),
          ),
    );
    this.setNodes(nodes);
    for (const [index, spec] of volumes.entries()) this.#volumes.set(`ubi0_${index}`, new MemoryVolume(spec));
    const { proc, sys } = this.files.roots;
    const [volume] = volumes;
    if (volume !== undefined) {
      this.files.write(join(sys, 'class/ubi/ubi0'), { min_io_size: `${volume.minIo}\n` });
    }
    mkdirSync(join(proc, '77'));
    symlinkSync('77', join(proc, 'self'));
    writeFileSync(join(proc, '77/mountinfo'), mount('254:0', '/', 'ext4', '/dev/vda'));
    writeFileSync(join(proc, 'swaps'), 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n');
    mkdirSync(join(sys, 'class/block'), { recursive: true });
  }

  /** Makes the MTDs anew; chips that are named again keep what they hold. */
  setNodes(nodes: readonly NodeSpec[]): void {
    this.nodes = nodes;
    this.#nodes.clear();
    const mtds = nodes.map((spec, index): MtdOf => {
      const chip = this.chipOf(spec.chip);
      this.#nodes.set(`mtd${index}`, { spec, chip });
      const { type, eraseSize, writeSize, oobSize = 0 } = spec.chip;
      return {
        name: spec.name,
        type,
        flags: `0x${flagsOf(spec).toString(16)}`,
        size: sizeOf(spec),
        eraseSize,
        writeSize,
        oobSize,
        ...(spec.offset === undefined ? {} : { offset: spec.offset }),
        ...(spec.inside === undefined ? {} : { inside: spec.inside }),
      };
    });
    this.files.setMtds(mtds);
  }

  chipOf(spec: ChipSpec): MemoryChip {
    const chip = this.#chips.get(spec) ?? new MemoryChip(spec);
    this.#chips.set(spec, chip);
    return chip;
  }

  volume(index: number): MemoryVolume {
    return this.#volumes.get(`ubi0_${index}`) as MemoryVolume;
  }

  /** What no careful program does, of all chips and volumes. */
  get violations(): string[] {
    return [...this.#chips.values(), ...this.#volumes.values()].flatMap(({ violations }) => violations);
  }

  /** Paths that are open, for writing with a `w`. */
  get opened(): string[] {
    return [...this.#handles.values()].map(({ path, write }) => path + (write ? ' w' : '')).sort();
  }

  remove(): void {
    this.files.remove();
  }

  async open(path: string, { write }: { write: boolean }): Promise<Handle> {
    const name = basename(path);
    this.#note(`open ${name}${write ? ' w' : ''}`);
    const node = this.#nodes.get(name);
    const volume = this.#volumes.get(name);
    if (node === undefined && volume === undefined) throw systemError('ENOENT', 'open');
    if (write && node !== undefined && (flagsOf(node.spec) & 0x400) === 0)
      throw systemError('EACCES', 'open');
    volume?.open(write);
    const handle = {} as Handle;
    this.#handles.set(handle, { path: name, write, busy: false });
    return handle;
  }

  async close(handle: Handle): Promise<void> {
    const open = this.#handles.get(handle);
    if (open === undefined) return;
    this.#handles.delete(handle);
    this.#locks.get(open.path)?.delete(handle);
    this.#volumes.get(open.path)?.close(open.write);
  }

  async identify(handle: Handle): ReturnType<NativeBinding['identify']> {
    const { path } = this.#of(handle);
    const index = Number(/\d+$/.exec(path)?.[0]);
    if (this.#nodes.has(path)) return { kind: 'char', major: 90, minor: index * 2, size: 0 };
    return { kind: 'char', major: 240, minor: index + 1, size: 0 };
  }

  async lock(handle: Handle, shared: boolean): Promise<boolean> {
    const { path } = this.#of(handle);
    const holders = this.#locks.get(path) ?? new Map<Handle, boolean>();
    this.#locks.set(path, holders);
    for (const [holder, theirs] of holders) if (holder !== handle && !(shared && theirs)) return false;
    holders.set(handle, shared);
    return true;
  }

  read(handle: Handle, offset: number, into: Uint8Array): Promise<void> {
    return this.#run(handle, 'read', `${offset} ${into.length}`, (open) => {
      const volume = this.#volumes.get(open.path);
      if (volume !== undefined) return volume.read(offset, into);
      const { chip, start } = this.#range(open, offset, into.length, 'ENODATA');
      chip.read(start, into);
    });
  }

  compare(handle: Handle, offset: number, bytes: Uint8Array): Promise<RawMatch> {
    return this.#run(handle, 'compare', `${offset} ${bytes.length}`, (open) => {
      const have = new Uint8Array(bytes.length);
      const volume = this.#volumes.get(open.path);
      if (volume !== undefined) volume.read(offset, have);
      else {
        const { chip, start } = this.#range(open, offset, bytes.length, 'ENODATA');
        chip.read(start, have);
      }
      return compareBytes(have, bytes);
    });
  }

  write(handle: Handle, offset: number, bytes: Uint8Array): Promise<void> {
    return this.#run(handle, 'write', `${offset} ${bytes.length}`, (open) => {
      if (!open.write) throw systemError('EBADF', 'pwrite');
      const volume = this.#volumes.get(open.path);
      if (volume !== undefined) return volume.write(offset, bytes);
      const { chip, start } = this.#range(open, offset, bytes.length, 'ENOSPC');
      chip.program(start, bytes);
    });
  }

  sync(handle: Handle): Promise<void> {
    return this.#run(handle, 'sync', '', () => undefined);
  }

  mtdInfo(handle: Handle): ReturnType<NativeBinding['mtdInfo']> {
    return this.#run(handle, 'mtdInfo', '', (open) => {
      const { spec } = this.#node(open);
      const { type, eraseSize, writeSize, oobSize = 0 } = spec.chip;
      const size = sizeOf(spec) % 2 ** 32;
      return { type: TYPES[type] ?? 0, flags: flagsOf(spec), size, eraseSize, writeSize, oobSize };
    });
  }

  mtdErase(handle: Handle, offset: number, length: number): Promise<void> {
    return this.#run(handle, 'mtdErase', `${offset}`, (open) => {
      if (!open.write) throw systemError('EPERM', 'MEMERASE64');
      const { chip, start } = this.#range(open, offset, length, 'EINVAL');
      chip.erase(start, length);
    });
  }

  mtdIsBad(handle: Handle, offset: number): Promise<boolean> {
    return this.#run(handle, 'mtdIsBad', `${offset}`, (open) => {
      const { chip, start } = this.#range(open, offset, 1, 'EINVAL');
      return chip.isBad(start);
    });
  }

  mtdMarkBad(handle: Handle, offset: number): Promise<void> {
    return this.#run(handle, 'mtdMarkBad', `${offset}`, (open) => {
      if (!open.write) throw systemError('EPERM', 'MEMSETBADBLOCK');
      const { chip, start } = this.#range(open, offset, 1, 'EINVAL');
      chip.markBad(start);
    });
  }

  async mtdLock(): Promise<void> {
    throw systemError('EOPNOTSUPP', 'MEMLOCK');
  }

  mtdUnlock(handle: Handle, offset: number, length: number): Promise<void> {
    return this.#run(handle, 'mtdUnlock', `${offset} ${length}`, (open) => {
      if (!open.write) throw systemError('EPERM', 'MEMUNLOCK');
      const { chip, start } = this.#range(open, offset, length, 'EINVAL');
      chip.unlock(start, length);
    });
  }

  mtdIsLocked(handle: Handle, offset: number, length: number): Promise<boolean> {
    return this.#run(handle, 'mtdIsLocked', `${offset} ${length}`, (open) => {
      const { chip, start } = this.#range(open, offset, length, 'EINVAL');
      return chip.isLocked(start, length);
    });
  }

  mtdEccStats(handle: Handle): ReturnType<NativeBinding['mtdEccStats']> {
    return this.#run(handle, 'mtdEccStats', '', (open) => {
      return { corrected: 0, failed: this.#node(open).chip.eccFailed, bad: 0, bbt: 0 };
    });
  }

  ubiStartUpdate(handle: Handle, length: number): Promise<void> {
    return this.#onVolume(handle, 'ubiStartUpdate', `${length}`, (volume) => volume.startUpdate(length));
  }

  ubiAppend(handle: Handle, bytes: Uint8Array): Promise<void> {
    return this.#onVolume(handle, 'ubiAppend', `${bytes.length}`, (volume) => volume.append(bytes));
  }

  ubiChangeLeb(handle: Handle, leb: number, bytes: Uint8Array): Promise<void> {
    return this.#onVolume(handle, 'ubiChangeLeb', `${leb} ${bytes.length}`, (volume) =>
      volume.change(leb, bytes),
    );
  }

  ubiEraseLeb(handle: Handle, leb: number): Promise<void> {
    return this.#onVolume(handle, 'ubiEraseLeb', `${leb}`, (volume) => volume.unmap(leb));
  }

  ubiUnmapLeb(handle: Handle, leb: number): Promise<void> {
    return this.#onVolume(handle, 'ubiUnmapLeb', `${leb}`, (volume) => volume.unmap(leb));
  }

  ubiIsMapped(handle: Handle, leb: number): Promise<boolean> {
    return this.#onVolume(handle, 'ubiIsMapped', `${leb}`, (volume) => volume.isMapped(leb));
  }

  ubiDirectWrite(handle: Handle, on: boolean): Promise<void> {
    return this.#onVolume(handle, 'ubiDirectWrite', `${on}`, (volume) => volume.directWrite(on));
  }

  async blockInfo(): ReturnType<NativeBinding['blockInfo']> {
    throw systemError('ENOTTY', 'BLKGETSIZE64');
  }

  async blockDiscard(): Promise<void> {
    throw systemError('ENOTTY', 'BLKDISCARD');
  }

  async blockZero(): Promise<void> {
    throw systemError('ENOTTY', 'BLKZEROOUT');
  }

  async settle(): Promise<void> {}

  #onVolume<T>(handle: Handle, name: string, detail: string, act: (volume: MemoryVolume) => T): Promise<T> {
    return this.#run(handle, name, detail, (open) => {
      const volume = this.#volumes.get(open.path);
      if (volume === undefined) throw systemError('ENOTTY', name);
      if (!open.write && name !== 'ubiIsMapped') throw systemError('EROFS', name);
      const answer = act(volume);
      const marker = volume.updateMarker ? '1\n' : '0\n';
      this.files.write(join(this.files.roots.sys, 'class/ubi', open.path), {
        upd_marker: marker,
        data_bytes: `${volume.dataBytes}\n`,
      });
      return answer;
    });
  }

  /** Takes its effect some time after the call, so that buffers that are reused too early are noticed. */
  async #run<T>(handle: Handle, name: string, detail: string, act: (open: Open) => T): Promise<T> {
    const open = this.#of(handle);
    if (open.busy) throw systemError('EBUSY', name);
    open.busy = true;
    try {
      this.#note(`${name} ${open.path} ${detail}`.trim());
      await new Promise<void>((resolve) => setImmediate(resolve));
      return act(open);
    } finally {
      open.busy = false;
    }
  }

  #note(call: string): void {
    this.calls.push(call);
    this.before?.(call);
  }

  #of(handle: Handle): Open {
    const open = this.#handles.get(handle);
    if (open === undefined) throw systemError('EBADF', 'fstat');
    return open;
  }

  #node({ path }: Open): { spec: NodeSpec; chip: MemoryChip } {
    const node = this.#nodes.get(path);
    if (node === undefined) throw systemError('ENODEV', 'ioctl');
    return node;
  }

  /** Where in its chip a range of a node lies. */
  #range(open: Open, offset: number, length: number, beyond: string): { chip: MemoryChip; start: number } {
    const { spec, chip } = this.#node(open);
    if (offset + length > sizeOf(spec)) throw systemError(beyond, 'pread');
    return { chip, start: this.#startOf(spec) + offset };
  }

  #startOf({ offset = 0, inside }: NodeSpec): number {
    const parent = typeof inside === 'number' ? this.#nodes.get(`mtd${inside}`)?.spec : undefined;
    return offset + (parent === undefined ? 0 : this.#startOf(parent));
  }
}

const sizeOf = ({ size, chip }: NodeSpec): number => size ?? chip.size;

function flagsOf({ flags, chip }: NodeSpec): number {
  return flags ?? chip.flags ?? (chip.type === 'nand' ? 0x400 : 0xc00);
}
