/**
 * A chip that takes no time: what is left is the program. Beside it `openssl dgst -sha256` over the same file,
 * which is the least that anything that proves every byte must do, and one copy of it in memory.
 */
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { MIB } from './figures.js';
import { launch } from './launch.js';
import type { Took } from './launched.js';
import { childCpu, ownCpu } from './machine.js';
import { noisy, type Figure } from './results.js';

/** Bytes of the image, a whole number of erase blocks. */
const SIZE = 256 * MIB;

/** Interleaved, so that a change of the machine's pace meets both alike. */
const RUNS = 5;

/** @param folder - for the bundle; it stays there */
export async function measureSpeed(folder: string): Promise<Figure[]> {
  const path = join(folder, 'speed.tar');
  const writer = launch<Took>('write', path, String(SIZE));
  const hash = (): void => void execFileSync('openssl', ['dgst', '-sha256', path], { stdio: 'ignore' });
  const memory = new Uint8Array(SIZE).fill(1);

  // Once each before it counts: the file into the page cache, the code into its compiled form.
  await writer.ask();
  hash();
  const { size } = statSync(path);
  const [ours, theirs, copies] = [new Times(), new Times(), new Times()];
  for (let run = 0; run < RUNS; run++) {
    ours.add(await writer.ask());
    theirs.add(timed(hash));
    copies.add(timed(() => void memory.copyWithin(0, SIZE / 2)));
  }
  await writer.end();
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

function timed(act: () => void): Took {
  const cpu = ownCpu() + childCpu();
  const start = performance.now();
  act();
  return { seconds: (performance.now() - start) / 1000, cpu: ownCpu() + childCpu() - cpu };
}

/** Wall and CPU time of one thing that is done again and again. */
class Times {
  readonly seconds: number[] = [];
  readonly cpu: number[] = [];

  add({ seconds, cpu }: Took): void {
    this.seconds.push(seconds);
    this.cpu.push(cpu);
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
