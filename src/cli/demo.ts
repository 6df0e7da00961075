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
import { Teller } from './demo/teller.js';
import { mib } from './print.js';
import type { Invocation } from '../config/invocation.js';

export const command: Command = {
  name: 'demo',
  usage: 'demo [--keep]',
  summary: 'show an update in under 30 seconds, on a simulated board',
  description: `Makes a simulated quanta-q71l (32 MiB of NOR flash, a hundred times as fast as an n25q256a) and signs a bundle.
Writes the bundle, updates only the kernel, sends a bundle with one flipped bit, cuts the power during a write and
finishes the write, and prints how much memory that took. Each step is a real command, printed before it runs.`,
  examples: ['sluice demo', 'sluice demo --keep'],
  options: { keep: { help: 'keep the folder with the chip, the keys and the bundles' } },
  arity: [0, 0],
  run,
};

const LAYOUT = findLayout('quanta-q71l');

/** What the board leaves the factory with, and three builds after that. */
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

/** The block of rofs whose bit is flipped on its way. */
const FLIPPED = 100;

/** The erase in whose middle the power goes. */
const CUT = 90;

async function run(invocation: Invocation): Promise<number> {
  if (invocation.has('json'))
    throw new SluiceError('ERR_USAGE_OPTION', 'demo tells a story; it has no --json');
  const folder = makeFolder();
  try {
    await tell(folder, new Teller(folder));
  } catch (thrown) {
    throw asSluiceError(thrown);
  } finally {
    if (!invocation.has('keep')) rmSync(folder, { recursive: true, force: true });
  }
  if (invocation.has('keep')) process.stdout.write(`\nEverything is kept in ${folder}\n`);
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

async function tell(folder: string, teller: Teller): Promise<void> {
  const chip = join(folder, 'chip.bin');
  const flash = ['--flash', 'sim:chip.bin', '--keys', 'keys', '--machine', 'quanta-q71l'];

  teller.chapter('A board: 32 MiB of NOR flash, 512 erase blocks, firmware 2.18.0 in it');
  await teller.run([
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

  teller.chapter(
    'A signed bundle: a tarball that stock OpenBMC takes too, with a digest of every block ahead',
  );
  const { privateKey } = writeKeys(folder);
  const pack = async (build: Build) => {
    writeImages(build, join(folder, build.version));
    const words = ['pack', '--images', build.version, '--machine', 'quanta-q71l', '--version', build.version];
    return teller.run<{ size: number }>([
      ...words,
      '--key',
      privateKey.slice(folder.length + 1),
      '--out',
      `${build.version}.tar`,
    ]);
  };
  const bundle = await pack(BUILDS.full);

  teller.chapter('Write it: each block is proven, then erased, programmed and read back');
  const full = await teller.run<Receipt>(['write', '2.19.0.tar', ...flash, '--map']);
  tellCounts(teller, full);

  teller.chapter('Only the kernel: 8 of its 60 blocks differ, and nothing else is touched');
  await pack(BUILDS.kernel);
  const { offset: kernelAt, size: kernelSize } = partition('kernel');
  const outside = (at: number) => at < kernelAt || at >= kernelAt + kernelSize;
  const around = digestOf(chip, outside);
  const kernel = await teller.run<Receipt>(['write', '2.19.1.tar', ...flash, '--only', 'kernel', '--map']);
  tellCounts(teller, kernel);
  mustBeSame(around, digestOf(chip, outside), 'something outside the kernel');
  teller.say('Every byte outside the kernel partition is as it was.');

  teller.chapter(`A bundle with one bit flipped in block ${FLIPPED} of rofs`);
  await pack(BUILDS.next);
  const offset = await offsetOf(teller, '2.20.0.tar', imageOf('rofs'));
  flipBit(join(folder, '2.20.0.tar'), offset + FLIPPED * BLOCK + 1234);
  const rofsAt = partition('rofs').offset;
  const notProven = (at: number) => at === rofsAt || at >= rofsAt + FLIPPED * BLOCK;
  const behind = digestOf(chip, notProven);
  const refused = await teller.run<Receipt>(['write', '2.20.0.tar', ...flash, '--map'], 3);
  mustBeSame(behind, digestOf(chip, notProven), 'something behind the flipped bit');
  teller.say(`${refused.outcome} (${refused.code}): ${refused.message}`);
  teller.say(
    `Blocks 1 to ${FLIPPED - 1} were proven and are written; block ${FLIPPED} and all behind it are untouched,`,
  );
  teller.say('and so is block 0, the gate: it is written last.');
  flipBit(join(folder, '2.20.0.tar'), offset + FLIPPED * BLOCK + 1234);

  teller.chapter('The right bundle, and the power goes in the middle of an erase');
  await teller.run(['sim', 'fault', 'chip.bin', '--fault', `cut:torn:erase:${CUT}`]);
  const cut = await teller.run<Receipt>(['write', '2.20.0.tar', ...flash, '--map'], 7);
  teller.say(`${cut.outcome} (${cut.code}). Power is back; the same command again:`);
  const finished = await teller.run<Receipt>(['write', '2.20.0.tar', ...flash, '--map']);
  tellCounts(teller, finished);

  teller.chapter('Memory');
  const peak = Math.max(full.memory.peakRss, finished.memory.peakRss);
  teller.say(
    `bundle ${mib(bundle.size)}, peak memory of a write ${mib(peak)}, most of which is Node itself.`,
  );
  teller.say('It is the same for a bundle of 1 GiB: two erase blocks are all that is kept of it.');
}

function tellCounts(teller: Teller, { outcome, partitions, times }: Receipt): void {
  const sum = (key: 'blocks' | 'skipped' | 'erased') =>
    Object.values(partitions).reduce((total, partition) => total + partition[key], 0);
  teller.say(
    `${outcome}: ${sum('blocks')} blocks, ${sum('skipped')} unchanged, ${sum('erased')} erased and written, ${times.wall.toFixed(1)} s`,
  );
}

/** Digest of the erase blocks of the chip that `which` chooses by their offset. */
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

/** What the story claims must be so. */
function mustBeSame(before: string, after: string, what: string): void {
  if (before !== after) throw new SluiceError('ERR_SESSION_INTERNAL', `${what} has changed`);
}

function partition(name: string): { offset: number; size: number } {
  return LAYOUT.partitions.find((candidate) => candidate.name === name) ?? { offset: 0, size: 0 };
}

/** Where the bytes of a member begin in a tarball. */
async function offsetOf(teller: Teller, bundle: string, member: string): Promise<number> {
  const { members } = await teller.run<{ members: { name: string; offset: number }[] }>(['inspect', bundle]);
  const found = members.find(({ name }) => name === member);
  if (found === undefined || found.offset <= 0 || IMAGE_BLOCKS.rofs <= FLIPPED) {
    throw new SluiceError('ERR_SESSION_INTERNAL', `${member} is not in ${bundle}`);
  }
  return found.offset;
}
