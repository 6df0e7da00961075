/** A board for tests of the command line: a small simulated chip whose bytes are known, and a key directory. */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sluice, type Run, type RunOptions } from './run.js';
import { noise } from '../kit/noise.js';

/** The vectors that were made by the upstream tools. */
export const VECTORS = fileURLToPath(new URL('../fixtures/tar/', import.meta.url));

export const BLOCK = 65_536;

/** The names and the order of quanta-q71l, in 2 MiB; u-boot as large as there, as image-bmc is cut along it. */
export const LAYOUT = {
  name: 'small-q71l',
  size: 32 * BLOCK,
  partitions: [
    { name: 'bmc', offset: 0, size: 32 * BLOCK },
    { name: 'u-boot', offset: 0, size: 6 * BLOCK },
    { name: 'u-boot-env', offset: 6 * BLOCK, size: 2 * BLOCK },
    { name: 'kernel', offset: 8 * BLOCK, size: 8 * BLOCK },
    { name: 'rofs', offset: 16 * BLOCK, size: 12 * BLOCK },
    { name: 'rwfs', offset: 28 * BLOCK, size: 4 * BLOCK },
  ],
} as const;

/** Where a partition lies; throws for an unknown one. */
export function range(name: string): { readonly offset: number; readonly size: number } {
  const found = LAYOUT.partitions.find((partition) => partition.name === name);
  if (found === undefined) throw new Error(`no partition ${name}`);
  return found;
}

/** What the chip holds before a test; nowhere erased, nowhere like an image. */
export const OLD: Buffer = Buffer.from(noise(LAYOUT.size, 99));

export interface Board {
  readonly dir: string;
  /** Path of the chip's bytes. */
  readonly chip: string;
  /** Key directory that trusts the system key of the vectors. */
  readonly keys: string;
  /** Arguments that every write here needs: flash, keys, machine. */
  readonly args: readonly string[];
  /** The chip's bytes now. */
  bytes(): Buffer;
  /** Sets the chip back to OLD, as if no update had ever been begun. */
  reset(): void;
  /** `sluice write SOURCE ARGS` on this board. */
  write(source: string, args?: readonly string[], options?: RunOptions): Promise<Run>;
}

/**
 * Makes a board in `dir`; `sim` are arguments of `sim create`. With a layout among them the chip is that one, and
 * erased at first.
 */
export async function makeBoard(dir: string, sim: readonly string[] = []): Promise<Board> {
  const layout = join(dir, 'layout.json');
  writeFileSync(layout, JSON.stringify(LAYOUT));
  const chip = join(dir, 'chip.bin');
  const small = !sim.includes('--layout');
  const made = await sluice([
    'sim',
    'create',
    chip,
    ...(small ? ['--layout', layout] : []),
    '--force',
    ...sim,
  ]);
  if (made.code !== 0) throw new Error(made.stderr);
  const keys = join(dir, 'keys');
  mkdirSync(join(keys, 'OpenBMC'), { recursive: true });
  copyFileSync(join(VECTORS, 'system-publickey.pem'), join(keys, 'OpenBMC', 'publickey'));
  copyFileSync(join(VECTORS, 'hashfunc'), join(keys, 'OpenBMC', 'hashfunc'));
  const args = ['--flash', `sim:${chip}`, '--keys', keys, '--machine', 'quanta-q71l'];
  const board: Board = {
    dir,
    chip,
    keys,
    args,
    bytes: () => readFileSync(chip),
    reset: () => {
      rmSync(`${chip}.journal`, { force: true });
      if (small) writeFileSync(chip, OLD);
    },
    write: (source, more = [], options = {}) => sluice(['write', source, ...args, ...more], options),
  };
  board.reset();
  return board;
}

/** `chip` after an image was written to a partition: the erase blocks that it covers hold it and 0xFF behind it. */
export function withImage(chip: Buffer, partition: string, image: Uint8Array): Buffer {
  const after = Buffer.from(chip);
  const { offset } = range(partition);
  after.fill(0xff, offset, offset + Math.ceil(image.length / BLOCK) * BLOCK);
  after.set(image, offset);
  return after;
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
