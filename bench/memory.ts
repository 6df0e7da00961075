/**
 * Memory of the program itself, in a child process that is fed through a pipe, sampled from outside: the peak
 * must not know how large the bundle is.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Receipt } from '../src/core.js';
import { createSimChip } from '../src/flash/sim/target.js';
import { generateBundle, writeKeyStore, type GeneratedBundle } from '../test/kit/generated-bundle.js';
import { KIB, median, MIB, round } from './figures.js';
import { MACHINE } from './update.js';

/** As it is installed: its launcher sets what V8 takes at its start only. */
const PROGRAM = 'dist/bin/sluice';

/** MiB of the image. */
const SIZES = [1, 32, 256, 1024];

/** Interleaved. Peaks differ by some 100 KiB from run to run, as the collector's timing does. */
const RUNS = 3;

/** Milliseconds between two samples. The peak is kept by the kernel, only its last reading may be missed. */
const SAMPLE = 5;

/** Milliseconds in which nothing must change for a program to count as idle. */
const QUIET = 500;

/** Peaks in MiB: the median, and each run. */
export interface MemoryRow {
  readonly what: string;
  /** Peak resident set (VmHWM), pages of the node binary included. */
  readonly peakMiB: number;
  /** Largest anonymous part of it that a sample saw (RssAnon): what a board has to have. */
  readonly anonMiB: number;
  /** Both, less those of the idle program. */
  readonly aboveIdleMiB: number;
  readonly anonAboveIdleMiB: number;
  readonly peaksMiB: readonly number[];
}

/** What /proc says of a process, in bytes. */
interface Peaks {
  rss: number;
  anon: number;
}

/** @param folder - for the chip and the keys; they stay there */
export async function measureMemory(folder: string): Promise<MemoryRow[]> {
  const keys = writeKeyStore(join(folder, 'keys'));
  const chip = join(folder, 'memory.bin');
  const size = Math.max(...SIZES) * MIB;
  // NAND, as NOR of this size is not made; its erase blocks are the larger ones, so the dearer case.
  const layout = { name: 'bench', size, partitions: [{ name: 'rofs', offset: 0, size }] };
  const { geometry } = createSimChip(chip, { layout, type: 'nand' });
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const options = ['--json', '--flash', `sim:${chip}`, '--keys', keys, '--machine', MACHINE];
  const start = (): Promise<Fed> => startFed(fifo, [PROGRAM, 'write', '-', ...options]);

  const bare = 'node -e 0';
  const idle = 'sluice write -, waiting for its first byte';
  const subjects = new Map<string, (run: number) => Promise<Peaks>>([
    [bare, () => watchToEnd(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }))],
    [idle, async () => watchIdle(await start())],
  ]);
  for (const mib of SIZES) {
    subjects.set(`sluice write -, ${mib} MiB`, (run) => {
      // Another seed each time: every block differs from what the run before has left.
      const image = { name: 'rofs', size: mib * MIB, seed: run * SIZES.length + SIZES.indexOf(mib) + 1 };
      return start().then((fed) => feed(fed, generateBundle({ images: [image], block: geometry.eraseSize })));
    });
  }

  const found = new Map([...subjects.keys()].map((what) => [what, [] as Peaks[]]));
  for (let run = 0; run < RUNS; run++) {
    for (const [what, measure] of subjects) found.get(what)?.push(await measure(run));
  }
  const middle = (kind: keyof Peaks, what: string): number =>
    median(found.get(what)?.map((peaks) => peaks[kind]) ?? []);
  return [...found].map(([what, peaks]) => ({
    what,
    peakMiB: inMiB(middle('rss', what)),
    anonMiB: inMiB(middle('anon', what)),
    aboveIdleMiB: inMiB(middle('rss', what) - middle('rss', idle)),
    anonAboveIdleMiB: inMiB(middle('anon', what) - middle('anon', idle)),
    peaksMiB: peaks.map(({ rss }) => inMiB(rss)),
  }));
}

const inMiB = (bytes: number): number => round(bytes / MIB, 2);

/** A program whose standard input is a pipe. */
interface Fed {
  readonly child: ChildProcess;
  readonly pipe: FileHandle;
  /** What it printed; resolves when it has ended. */
  readonly output: Promise<string>;
}

/**
 * Starts the program with a FIFO as its standard input. What Node itself calls a pipe between it and a child is a pair
 * of sockets, which buffers more, and not what a shell gives. The shells become the program: it is one process.
 */
async function startFed(fifo: string, args: readonly string[]): Promise<Fed> {
  const child = spawn('sh', ['-c', 'exec "$@" < "$0"', fifo, ...args], {
    env: { ...process.env, SLUICE_NODE: process.execPath },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => chunks.push(bytes));
  const output = once(child, 'close').then(() => Buffer.concat(chunks).toString());
  return { child, pipe: await open(fifo, 'w'), output };
}

/** Hands the program a bundle to its end; its own receipt has the last word on its peak. */
async function feed({ child, pipe, output }: Fed, bundle: GeneratedBundle): Promise<Peaks> {
  const peaks = { rss: 0, anon: 0 };
  const timer = setInterval(() => sample(child, peaks), SAMPLE);
  try {
    for (const piece of bundle.chunks()) await pipe.writeFile(piece);
  } catch {
    // A program that has refused closes its end; the receipt tells why.
  }
  await pipe.close();
  const receipt = JSON.parse(await output) as Pick<Receipt, 'outcome' | 'message' | 'partitions' | 'memory'>;
  clearInterval(timer);
  if (receipt.outcome !== 'committed') throw new Error(`a write failed: ${receipt.message}`);
  if (receipt.partitions['rofs']?.skipped !== 0)
    throw new Error('blocks were skipped that should be written');
  peaks.rss = Math.max(peaks.rss, receipt.memory.peakRss);
  return peaks;
}

/** Watches until nothing has changed for a while, then ends the child. */
async function watchIdle({ child, pipe, output }: Fed): Promise<Peaks> {
  const peaks = { rss: 0, anon: 0 };
  for (let quiet = 0; quiet < QUIET;) {
    const before = peaks.rss;
    await setTimeout(SAMPLE);
    sample(child, peaks);
    quiet = peaks.rss === before && peaks.rss > 0 ? quiet + SAMPLE : 0;
  }
  child.kill('SIGKILL');
  await output;
  await pipe.close();
  return peaks;
}

/** Watches a child that lives for a few milliseconds only: without a pause. */
async function watchToEnd(child: ChildProcess): Promise<Peaks> {
  const peaks = { rss: 0, anon: 0 };
  const closed = once(child, 'close');
  while (sample(child, peaks));
  await closed;
  return peaks;
}

/** Reads /proc of a child into `peaks`. False when it has ended. */
function sample({ pid }: ChildProcess, peaks: Peaks): boolean {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return false;
  }
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * KIB;
  // A process that has ended, but is not yet waited for, has no memory any more.
  if (field('VmHWM') === 0) return false;
  peaks.rss = Math.max(peaks.rss, field('VmHWM'));
  peaks.anon = Math.max(peaks.anon, field('RssAnon'));
  return true;
}
