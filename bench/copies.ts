/** How often a byte is copied in memory on its way from the source to the chip. */
import { join } from 'node:path';
import { createSimChip, openSimTarget } from '../src/host/node/flash/sim-file/target.js';
import { generateBundle } from '../test/kit/generated-bundle.js';
import { fromFile, saveBundle } from './bundle-file.js';
import { KIB, MIB, round } from './figures.js';
import { exact, type Figure } from './results.js';
import { layoutOf, writeBundle } from './update.js';

const SIZE = 8 * MIB;
const BLOCK = 64 * KIB;

/** @param folder - for the bundle and the chip; they stay there */
export async function measureCopies(folder: string): Promise<Figure[]> {
  const path = join(folder, 'copies.tar');
  const image = { name: 'rofs', size: SIZE, seed: 1 };
  saveBundle(path, generateBundle({ images: [image], block: BLOCK }));
  const chip = join(folder, 'copies.bin');
  // In a file, as a chip in memory copies by itself. It is erased, which no block of the image is.
  createSimChip(chip, { layout: layoutOf(SIZE), type: 'nor' });
  const target = await openSimTarget(chip);
  const copied = await fromFile(path, (source) =>
    countCopies(async () => void (await writeBundle(target, (take) => source.pump(take)))),
  );
  await target.close();
  return [exact('copies', 'copiesPerByte', 'copies', round(copied / SIZE, 1))];
}

/** Bytes that `act` copies from one place in memory to another, by whatever way JavaScript has. */
async function countCopies(act: () => Promise<void>): Promise<number> {
  let bytes = 0;
  const proto = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;
  const { set, slice, copyWithin } = proto;
  const { copy } = Buffer.prototype;
  const count = (amount: number): void => void (bytes += amount);
  proto.set = function (this: Uint8Array, from: ArrayLike<number>, at?: number): void {
    count(from.length);
    set.call(this, from, at);
  };
  proto.slice = function (this: Uint8Array, from?: number, to?: number): Uint8Array {
    const made = slice.call(this, from, to);
    count(made.length);
    return made;
  } as typeof slice;
  proto.copyWithin = function (this: Uint8Array, to: number, from: number, end?: number): Uint8Array {
    count((end ?? this.length) - from);
    return copyWithin.call(this, to, from, end);
  } as typeof copyWithin;
  Buffer.prototype.copy = function (this: Buffer, ...args: Parameters<typeof copy>): number {
    const amount = copy.apply(this, args);
    count(amount);
    return amount;
  };
  try {
    await act();
  } finally {
    Object.assign(proto, { set, slice, copyWithin });
    Buffer.prototype.copy = copy;
  }
  return bytes;
}
