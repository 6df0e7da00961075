/**
 * A chip that takes no time: what is left is the program. Beside it `openssl dgst -sha256` over the same file,
 * which is the least that anything that proves every byte must do, and one copy of it in memory.
 */
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { memoryTarget } from '../src/core.js';
import { generateBundle } from '../test/kit/generated-bundle.js';
import { fromFile, saveBundle } from './bundle-file.js';
import { MIB } from './figures.js';
import { childCpu, ownCpu } from './machine.js';
import { noisy, type Figure } from './results.js';
import { layoutOf, writeBundle } from './update.js';

/** Bytes of the image, a whole number of erase blocks. */
const SIZE = 256 * MIB;

/** Interleaved, so that a change of the machine's pace meets both alike. */
const RUNS = 5;

/** @param folder - for the bundle; it stays there */
export async function measureSpeed(folder: string): Promise<Figure[]> {
  const path = join(folder, 'speed.tar');
  saveBundle(path, generateBundle({ images: [{ name: 'rofs', size: SIZE, seed: 1 }] }));
  const { size } = statSync(path);
  // One array for all runs: what has to be found for a chip of 256 MiB is not what is measured.
  const chip = new Uint8Array(SIZE);
  const hash = async (): Promise<void> => {
    execFileSync('openssl', ['dgst', '-sha256', path], { stdio: 'ignore' });
  };
  const write = (): Promise<void> => writeAll(path, chip);

  // Once each before it counts: the file into the page cache, the code into its optimized form.
  await hash();
  await write();
  const [ours, theirs, copies] = [new Stopwatch(), new Stopwatch(), new Stopwatch()];
  for (let run = 0; run < RUNS; run++) {
    chip.fill(0);
    await ours.time(write);
    await theirs.time(hash);
    await copies.time(async () => void chip.copyWithin(0, SIZE / 2));
  }
  return [
    ...ours.figures('bare-write', size),
    ...theirs.figures('bare-openssl', size),
    ...copies.figures('bare-memcpy', SIZE / 2),
    noisy(
      'bare-write',
      'cpuTimesOpenssl',
      'ratio',
      ours.cpu.map((cpu, run) => cpu / (theirs.cpu[run] as number)),
    ),
  ];
}

/** A chip of zeros: every block has to be erased and programmed whole. */
async function writeAll(path: string, content: Uint8Array): Promise<void> {
  const target = memoryTarget(layoutOf(SIZE), { content });
  try {
    const { partitions } = await fromFile(path, (source) => writeBundle(target, (take) => source.pump(take)));
    const blocks = SIZE / target.chip.geometry.eraseSize;
    if (partitions['rofs']?.erased !== blocks) {
      throw new Error(`${partitions['rofs']?.erased} blocks were erased, not ${blocks}`);
    }
  } finally {
    await target.close();
  }
}

/** Wall and CPU time of one thing that is done again and again. */
class Stopwatch {
  readonly seconds: number[] = [];
  readonly cpu: number[] = [];

  async time(act: () => Promise<void>): Promise<void> {
    const cpu = ownCpu() + childCpu();
    const start = performance.now();
    await act();
    this.seconds.push((performance.now() - start) / 1000);
    this.cpu.push(ownCpu() + childCpu() - cpu);
  }

  figures(subject: string, bytes: number): Figure[] {
    const mib = bytes / MIB;
    const rates = this.seconds.map((seconds) => mib / seconds);
    const costs = this.cpu.map((seconds) => (seconds / mib) * 1024);
    return [
      noisy(subject, 'throughput', 'MiB/s', rates, 'more'),
      noisy(subject, 'cpuSecondsPerGiB', 's/GiB', costs),
    ];
  }
}
