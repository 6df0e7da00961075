import { imageOf } from '../core/bundle/image-name.js';
import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asSluiceError, SluiceError } from '../core/errors.js';
import { findLayout } from '../core/flash/layout.js';
import { systemFailure } from '../core/system-reason.js';
import type { Receipt } from '../core/update/report/receipt.js';
import type { Command } from './command.js';
import { BLOCK, type Build, burn, flipBit, IMAGE_BLOCKS, writeImages, writeKeys } from './demo/firmware.js';
import { Walkthrough } from './demo/walkthrough.js';
import { mib } from './print.js';
import type { Invocation } from '../config/invocation.js';

export const command: Command = {
  name: 'demo',
  usage: 'demo [--keep]',
  summary: 'show an update in under 30 seconds, on a simulated board',
  description: `Makes a simulated quanta-q71l (32 MiB of NOR flash, a hundred times as fast as an n25q256a) and signs a bundle.
Writes the bundle, updates only the kernel, sends a bundle with one flipped bit, cuts the power during a write and
completes the write, and prints the memory used. Each step is a real command, printed before it runs.`,
  examples: ['sluice demo', 'sluice demo --keep'],
  options: { keep: { help: 'keep the folder with the chip, the keys and the bundles' } },
  arity: [0, 0],
  run,
};

const LAYOUT = findLayout('quanta-q71l');

/** The factory firmware of the board, and three later builds. */
const BUILDS: Readonly<Record<'factory' | 'full' | 'kernel' | 'next', Build>> = {
  factory: { version: '2.18.0', seeds: { kernel: 1, rofs: 2, rwfs: 3, 'u-boot': 4 } },
  full: { version: '2.19.0', seeds: { kernel: 11, rofs: 12, rwfs: 3, 'u-boot': 4 } },
  kernel: {
    version: '2.19.1',
    seeds: { kernel: 11, rofs: 12, rwfs: 3, 'u-boot': 4 },
    kernelChanges: [0, 7, 8, 9, 21, 40, 41, 59],
  },
  next: { version: '2.20.0', seeds: { kernel: 11, rofs: 22, rwfs: 3, 'u-boot': 4 } },
};

/** The block of rofs with the flipped bit. */
const FLIPPED = 100;

/** The erase that the power cut interrupts. */
const CUT = 90;

async function run(invocation: Invocation): Promise<number> {
  if (invocation.has('json'))
    throw new SluiceError('ERR_USAGE_OPTION', 'demo prints text only; it has no --json');
  const folder = makeFolder();
  try {
    await runSteps(folder, new Walkthrough(folder));
  } catch (thrown) {
    throw asSluiceError(thrown);
  } finally {
    if (!invocation.has('keep')) rmSync(folder, { recursive: true, force: true });
  }
  if (invocation.has('keep')) process.stdout.write(`\nAll files are in ${folder}\n`);
  return 0;
}

function makeFolder(): string {
  const prefix = join(tmpdir(), 'sluice-demo-');
  try {
    return mkdtempSync(prefix);
  } catch (cause) {
    throw systemFailure('ERR_USAGE_OUTPUT', `cannot make a folder ${prefix}* (TMPDIR)`, cause);
  }
}

async function runSteps(folder: string, demo: Walkthrough): Promise<void> {
  const chip = join(folder, 'chip.bin');
  const flash = ['--flash', 'sim:chip.bin', '--keys', 'keys', '--machine', 'quanta-q71l'];

  demo.step('A board: 32 MiB of NOR flash, 512 erase blocks, firmware 2.18.0');
  await demo.run([
    'sim',
    'create',
    'chip.bin',
    '--layout',
    LAYOUT.name,
    '--timing',
    'n25q256a',
    '--scale',
    '0.01',
  ]);
  burn(BUILDS.factory, chip, LAYOUT.partitions);

  demo.step(
    'A signed bundle: a tarball that stock OpenBMC accepts too, with an index of block digests in front',
  );
  const { privateKey } = writeKeys(folder);
  const pack = async (build: Build) => {
    writeImages(build, join(folder, build.version));
    const words = ['pack', '--images', build.version, '--machine', 'quanta-q71l', '--version', build.version];
    return demo.run<{ size: number }>([
      ...words,
      '--key',
      privateKey.slice(folder.length + 1),
      '--out',
      `${build.version}.tar`,
    ]);
  };
  const bundle = await pack(BUILDS.full);

  demo.step('Write it: each block is verified before it is erased, programmed and read back');
  const full = await demo.run<Receipt>(['write', '2.19.0.tar', ...flash, '--map']);
  printCounts(demo, full);

  demo.step('Only the kernel: 8 of its 60 blocks differ, and only these are written');
  await pack(BUILDS.kernel);
  const { offset: kernelAt, size: kernelSize } = partition('kernel');
  const outside = (at: number) => at < kernelAt || at >= kernelAt + kernelSize;
  const around = digestOf(chip, outside);
  const kernel = await demo.run<Receipt>(['write', '2.19.1.tar', ...flash, '--only', 'kernel', '--map']);
  printCounts(demo, kernel);
  mustBeSame(around, digestOf(chip, outside), 'flash outside the kernel');
  demo.print('Every byte outside the kernel partition is unchanged.');

  demo.step(`A bundle with one bit flipped in block ${FLIPPED} of rofs`);
  await pack(BUILDS.next);
  const offset = await offsetOf(demo, '2.20.0.tar', imageOf('rofs'));
  flipBit(join(folder, '2.20.0.tar'), offset + FLIPPED * BLOCK + 1234);
  const rofsAt = partition('rofs').offset;
  const unverified = (at: number) => at === rofsAt || at >= rofsAt + FLIPPED * BLOCK;
  const behind = digestOf(chip, unverified);
  const refused = await demo.run<Receipt>(['write', '2.20.0.tar', ...flash, '--map'], 3);
  mustBeSame(behind, digestOf(chip, unverified), 'flash behind the flipped bit');
  demo.print(`${refused.outcome} (${refused.code}): ${refused.message}`);
  demo.print(
    `Blocks 1 to ${FLIPPED - 1} were verified and written. Block ${FLIPPED} and all later blocks are unchanged.`,
  );
  demo.print('Block 0, the gate, is unchanged too: it is written last.');
  flipBit(join(folder, '2.20.0.tar'), offset + FLIPPED * BLOCK + 1234);

  demo.step('The correct bundle, and a power cut in the middle of an erase');
  await demo.run(['sim', 'fault', 'chip.bin', '--fault', `cut:torn:erase:${CUT}`]);
  const cut = await demo.run<Receipt>(['write', '2.20.0.tar', ...flash, '--map'], 7);
  demo.print(`${cut.outcome} (${cut.code}). Power is restored; run the same command again:`);
  const finished = await demo.run<Receipt>(['write', '2.20.0.tar', ...flash, '--map']);
  printCounts(demo, finished);

  demo.step('Memory');
  const peak = Math.max(full.memory.peakRss, finished.memory.peakRss);
  demo.print(
    `bundle ${mib(bundle.size)}, peak memory of a write ${mib(peak)}, most of which is Node itself.`,
  );
  demo.print('A bundle of 1 GiB needs the same: sluice buffers two erase blocks.');
}

function printCounts(demo: Walkthrough, { outcome, partitions, times }: Receipt): void {
  const sum = (key: 'blocks' | 'skipped' | 'erased') =>
    Object.values(partitions).reduce((total, partition) => total + partition[key], 0);
  demo.print(
    `${outcome}: ${sum('blocks')} blocks, ${sum('skipped')} unchanged, ${sum('erased')} erased and written, ${times.wall.toFixed(1)} s`,
  );
}

/** Digest of the erase blocks that `which` selects by offset. */
function digestOf(chip: string, which: (offset: number) => boolean): string {
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(BLOCK);
  const fd = openSync(chip, 'r');
  for (let at = 0; at < LAYOUT.size; at += BLOCK) {
    readSync(fd, buffer, 0, BLOCK, at);
    if (which(at)) hash.update(buffer);
  }
  closeSync(fd);
  return hash.digest('hex');
}

/** @throws SluiceError ERR_SESSION_INTERNAL if the digests differ */
function mustBeSame(before: string, after: string, what: string): void {
  if (before !== after) throw new SluiceError('ERR_SESSION_INTERNAL', `${what} has changed`);
}

function partition(name: string): { offset: number; size: number } {
  return LAYOUT.partitions.find((candidate) => candidate.name === name) ?? { offset: 0, size: 0 };
}

/** Offset of the content of a member in a tarball, in bytes. */
async function offsetOf(demo: Walkthrough, bundle: string, member: string): Promise<number> {
  const { members } = await demo.run<{ members: { name: string; offset: number }[] }>(['inspect', bundle]);
  const found = members.find(({ name }) => name === member);
  if (found === undefined || found.offset <= 0 || IMAGE_BLOCKS.rofs <= FLIPPED) {
    throw new SluiceError('ERR_SESSION_INTERNAL', `${member} is not in ${bundle}`);
  }
  return found.offset;
}
