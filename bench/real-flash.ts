/** The same program on flash that is really there: what is measured is the board. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { generateBundle, PIECE, type ImageSpec } from '../test/kit/generated-bundle.js';
import { KIB, MIB } from './figures.js';
import { figuresOf } from './measure-programs.js';
import { say } from './print.js';
import { Site, type ProgramRun } from './program.js';
import type { Figure } from './results.js';

/** MiB of a partition that are written: the size of quanta-q71l, so that slow flash ends in reasonable time. */
const MAX_WRITE_MIB = 32;

/**
 * What is written, one after the other, each over what the one before has left: another image, the same with each
 * `nth` block changed, and that again.
 */
const STEPS = [
  { name: 'flash-100', nth: null },
  { name: 'flash-5', nth: 20 },
  { name: 'flash-0', nth: 20 },
] as const;

/**
 * Writes an image to all of a partition (of 32 MiB at most), then one of which 5 % differs, then that again. The
 * contents of the partition are lost.
 * @param address - of one partition: `mtd:NAME`, `ubi:NAME`
 * @throws Error when it is not one partition, and what sluice says when it cannot write it
 */
export async function measureFlash(address: string, folder: string): Promise<Figure[]> {
  // As it is built: of the native addon there is only that.
  const built = pathToFileURL(resolve('dist/lib/index.js')).href;
  const { openFlash } = (await import(built)) as typeof import('../src/index.js');
  const target = await openFlash(address, { write: false });
  const partitions = [...target.partitions.values()];
  await target.close();
  const [partition] = partitions;
  if (partition === undefined || partitions.length !== 1) {
    throw new Error(
      `${address} has ${partitions.length} partitions: name one of them, all of it is written over`,
    );
  }
  const { eraseSize } = partition.device.geometry;
  // Some blocks may be bad: an image that takes all of them would not fit.
  const blocks = Math.floor((Math.min(partition.size, MAX_WRITE_MIB * MIB) * 0.95) / eraseSize);
  const size = blocks * eraseSize;
  if (blocks < 1 || eraseSize % PIECE !== 0)
    throw new Error(`${address} has erase blocks of ${eraseSize / KIB} KiB`);
  const site = new Site(folder);
  const { name: part } = partition;
  const how = { source: 'file', link: null, policy: 'before-erase', partition: part } as const;
  const write = (image: ImageSpec): Promise<ProgramRun> =>
    site.write(address, generateBundle({ images: [image], block: eraseSize }), how);
  // Whatever was there: from here on it is known what differs.
  await write({ name: partition.name, size, seed: 1, changed: [] });
  const figures: Figure[] = [];
  for (const { name, nth } of STEPS) {
    const changed: number[] = [];
    for (let block = 0; nth !== null && block < blocks; block += nth)
      changed.push((block * eraseSize) / PIECE);
    const run = await write({ name: partition.name, size, seed: 2, changed });
    figures.push(...figuresOf({ name, imageMiB: size / MIB, eraseSize }, [run], run));
    say(`${name}: ${run.wallSeconds.toFixed(1)} s`);
  }
  return figures;
}
