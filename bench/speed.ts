/**
 * A chip that takes no time: what is left is the program. Beside it `openssl dgst -sha256` over the same file,
 * which is the least that anything that proves every byte must do.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { memoryTarget, type Layout } from '../src/core.js';
import { FileSource } from '../src/ingress/file-source.js';
import { generateBundle } from '../test/kit/generated-bundle.js';
import { median, MIB, round } from './figures.js';
import { childCpu, Neighbours, ownCpu } from './machine.js';
import { writeBundle } from './update.js';

/** Bytes of the image, a whole number of erase blocks. */
const SIZE = 256 * MIB;

/** Interleaved, so that a change of the machine's pace meets both alike. */
const RUNS = 5;

const LAYOUT: Layout = {
  name: 'bench',
  size: SIZE,
  partitions: [{ name: 'rofs', offset: 0, size: SIZE }],
};

/** One program over the whole bundle: the median run, and all of them. */
export interface Pace {
  readonly mibPerSecond: number;
  readonly cpuSecondsPerGiB: number;
  readonly seconds: readonly number[];
  readonly cpuSeconds: readonly number[];
}

export interface SpeedResult {
  readonly bundleMiB: number;
  readonly sluice: Pace;
  readonly openssl: Pace;
  /** Throughput of sluice as a part of openssl's. */
  readonly ratio: number;
  /** CPU time of sluice as a multiple of openssl's. */
  readonly cpuRatio: number;
  /** Share of the machine that other programs used meanwhile. */
  readonly others: number;
}

/** @param folder - for the bundle; it stays there */
export async function measureSpeed(folder: string): Promise<SpeedResult> {
  const path = join(folder, 'speed.tar');
  writeFile(path, generateBundle({ images: [{ name: 'rofs', size: SIZE, seed: 1 }] }).chunks());
  const { size } = statSync(path);
  // One array for all runs: what has to be found for a chip of 256 MiB is not what is measured.
  const chip = new Uint8Array(SIZE);
  const hash = async (): Promise<void> => {
    execFileSync('openssl', ['dgst', '-sha256', path], { stdio: 'ignore' });
  };
  const write = (): Promise<void> => writeAll(path, size, chip);

  // Once each before it counts: the file into the page cache, the code into its optimized form.
  await hash();
  await write();
  const neighbours = new Neighbours();
  const [sluice, openssl] = [new Stopwatch(), new Stopwatch()];
  for (let run = 0; run < RUNS; run++) {
    chip.fill(0);
    await sluice.time(write);
    await openssl.time(hash);
  }
  const [ours, theirs] = [sluice.pace(size), openssl.pace(size)];
  return {
    bundleMiB: round(size / MIB, 1),
    sluice: ours,
    openssl: theirs,
    ratio: round(ours.mibPerSecond / theirs.mibPerSecond, 2),
    cpuRatio: round(ours.cpuSecondsPerGiB / theirs.cpuSecondsPerGiB, 2),
    others: round(neighbours.share(), 2),
  };
}

/** A chip of zeros: every block has to be erased and programmed whole. */
async function writeAll(path: string, size: number, content: Uint8Array): Promise<void> {
  const target = memoryTarget(LAYOUT, { content });
  const source = new FileSource(openSync(path, 'r'), path, size);
  try {
    const { partitions } = await writeBundle(target, (take) => source.pump(take));
    const blocks = SIZE / target.chip.geometry.eraseSize;
    if (partitions['rofs']?.erased !== blocks) {
      throw new Error(`${partitions['rofs']?.erased} blocks were erased, not ${blocks}`);
    }
  } finally {
    source.close();
    await target.close();
  }
}

function writeFile(path: string, chunks: Iterable<Uint8Array>): void {
  const fd = openSync(path, 'w');
  for (const chunk of chunks) writeSync(fd, chunk);
  closeSync(fd);
}

/** Wall and CPU time of one thing that is done again and again. */
class Stopwatch {
  readonly #seconds: number[] = [];
  readonly #cpu: number[] = [];

  async time(act: () => Promise<void>): Promise<void> {
    const cpu = ownCpu() + childCpu();
    const start = performance.now();
    await act();
    this.#seconds.push(round((performance.now() - start) / 1000, 4));
    this.#cpu.push(round(ownCpu() + childCpu() - cpu, 3));
  }

  pace(bytes: number): Pace {
    return {
      mibPerSecond: round(bytes / MIB / median(this.#seconds), 1),
      cpuSecondsPerGiB: round(median(this.#cpu) / (bytes / MIB / 1024), 2),
      seconds: this.#seconds,
      cpuSeconds: this.#cpu,
    };
  }
}
