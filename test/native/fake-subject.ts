/** One MTD or UBI volume called `kernel`, and the built program that writes an image to it. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import {
  FakeBoard,
  fakeMtdLibrary,
  missingAddon,
  type FakeMtdOptions,
  type FakeRun,
} from '../kit/fake-mtd.js';
import { PROGRAM } from '../system/run.js';
import { noise } from '../kit/noise.js';

const library = fakeMtdLibrary();

/** Why these tests cannot run here, for `skip`. */
export const missing: string | false = 'missing' in library ? library.missing : missingAddon();

export const BLOCK = 4096;
export const BLOCKS = 10;
/** What every byte of a chip is before. */
export const OLD_BYTE = 0x42;
/** Six blocks, the last of them not full; no byte of it is in what a chip holds before. */
export const IMAGE = Buffer.from(noise(5 * BLOCK + 100, 1).map((byte) => (byte === OLD_BYTE ? 0 : byte)));

/** What the program prints with --json, and its exit code. */
export interface Receipt {
  readonly outcome: string;
  readonly code: string | null;
  readonly message: string;
  readonly flash: string;
  readonly exit: number | null;
  readonly partitions: Record<string, Record<string, number>>;
}

export interface Subject {
  readonly board: FakeBoard;
  /** Arguments after node that write IMAGE; --json is among them. */
  readonly args: readonly string[];
  /** Writes IMAGE. */
  write(): Promise<Receipt>;
  /** The image's bytes that are in these blocks, one after the other. */
  imageIn(...blocks: readonly number[]): Buffer;
}

/** A board with an MTD `kernel`, mtd0, all of it programmed; NOR where `options` do not say otherwise. */
export function mtdSubject(t: Test, options: Partial<FakeMtdOptions> = {}): Subject {
  const board = makeBoard(t);
  const size = BLOCKS * BLOCK;
  const mtd = board.addMtd({ name: 'kernel', type: 'nor', size, eraseSize: BLOCK, ...options });
  if (options.size === undefined) board.fill(mtd, Buffer.alloc(size, OLD_BYTE));
  return subjectOn(board, 'mtd:kernel', mtd, options.eraseSize ?? BLOCK);
}

export const LEB = 3584;

/** A board with a dynamic UBI volume `kernel`, ubi0_0, of 10 LEBs. */
export function ubiSubject(t: Test): Subject {
  const board = makeBoard(t);
  board.addMtd({ name: 'ubi', type: 'nand', size: 32 * BLOCK, eraseSize: BLOCK });
  const node = board.addVolume({ volume: 0, name: 'kernel', lebs: BLOCKS, lebSize: LEB });
  board.fill(node, Buffer.alloc(BLOCKS * LEB, OLD_BYTE));
  return subjectOn(board, 'ubi:kernel', node, LEB);
}

/** A board with a static UBI volume `kernel`, ubi0_0, that has room for 10 LEBs and holds nothing. */
export function staticSubject(t: Test): Subject {
  const board = makeBoard(t);
  board.addMtd({ name: 'ubi', type: 'nand', size: 32 * BLOCK, eraseSize: BLOCK });
  const node = board.addVolume({ volume: 0, name: 'kernel', type: 'static', lebs: BLOCKS, lebSize: LEB });
  return subjectOn(board, 'ubi:kernel', node, LEB);
}

function makeBoard(t: Test): FakeBoard {
  if ('missing' in library) throw new Error(library.missing);
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not there; say npm run build`);
  return new FakeBoard(t.testdir(), library.path);
}

function subjectOn(board: FakeBoard, flash: string, device: number | string, blockSize: number): Subject {
  const image = join(board.root, 'image');
  writeFileSync(image, IMAGE);
  const what = ['--partition', 'kernel', '--flash', flash, '--trust', 'unsigned', '--machine', 'any'];
  // The journal of its own board, not of the one before.
  const args = [PROGRAM, 'write', image, ...what, '--state', join(board.root, 'state'), '--json'];
  return {
    board,
    args,
    write: async () => receiptOf(await board.run(process.execPath, args)),
    imageIn: (...blocks) => {
      const content = board.content(device);
      const parts = blocks.map((block) => content.subarray(block * blockSize, (block + 1) * blockSize));
      return Buffer.concat(parts).subarray(0, IMAGE.length);
    },
  };
}

/** Reads the receipt that a program which ended by itself printed. */
export function receiptOf({ code, signal, stdout, stderr }: FakeRun): Receipt {
  if (signal !== null || stdout === '') throw new Error(`no receipt: ${signal} ${code} ${stderr}`);
  return { ...(JSON.parse(stdout) as Receipt), exit: code };
}
