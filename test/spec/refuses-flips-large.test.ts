/**
 * Refuses one flipped bit: bundles as large as boards have them.
 *
 * | promised | shown by |
 * |---|---|
 * | large bundles are written | "a bundle of 32 MiB is committed, and the same again costs nothing" |
 * |  | "NAND of q71l size with blocks of 128 KiB takes the same bundle" |
 * | a flipped bit stops the update before its block | "a bit that is flipped anywhere in 32 MiB is refused, its block and all later ones untouched" |
 */
import t from 'tap';
import { bundleBytes, generateBundle, PIECE } from '../kit/generated-bundle.js';
import { findLayout } from '../../src/core/flash/layout.js';
import { chain, nand, nor, partitionIn, same, update, recorder } from '../kit/update-kit.js';
import { noise } from '../kit/noise.js';

const MIB = 1024 * 1024;
const layout = findLayout('quanta-q71l');
const ZERO = new Uint8Array(PIECE);

const spec = {
  images: [
    { name: 'kernel', size: 4352 * 1024 - 1000, seed: 1 },
    { name: 'rofs', size: 23_808 * 1024, seed: 2 },
    { name: 'rwfs', size: 3 * MIB + 17, seed: 3 },
    { name: 'u-boot', size: 384 * 1024, seed: 4 },
  ],
};
const bytes = bundleBytes(generateBundle(spec));

interface Block {
  readonly device: number;
  readonly start: number;
  readonly end: number;
}

/** Every block of every image: where it goes, and where in the tarball its last byte is. */
function blocksOf(tarball: Uint8Array): Block[] {
  const blocks: Block[] = [];
  let from = 0;
  for (const { name, size } of spec.images) {
    const header = Buffer.from(tarball.buffer, tarball.byteOffset).indexOf(`image-${name}\0`, from);
    const start = header + 512;
    from = start + size;
    const first = partitionIn(layout, name).offset / PIECE;
    for (let k = 0; k * PIECE < size; k++) {
      blocks.push({
        device: first + k,
        start: start + k * PIECE,
        end: start + Math.min(size, (k + 1) * PIECE),
      });
    }
  }
  return blocks;
}

const blocks = blocksOf(bytes);

t.test('a bundle of 32 MiB is committed, and the same again costs nothing', async (t) => {
  t.ok(bytes.length > 30 * MIB);
  const target = nor({ layout, eraseSize: PIECE, content: new Uint8Array(layout.size) });
  const first = await update(target, bytes);
  t.match(first.receipt, {
    outcome: 'committed',
    partitions: { rofs: { blocks: 372, erased: 372, held: 1 } },
  });
  t.equal(target.chip.stats().erases, blocks.length);
  const again = await update(target, bytes);
  t.match(again.receipt, { outcome: 'committed', partitions: { rofs: { skipped: 372, erased: 0 } } });
  t.equal(target.chip.stats().erases, blocks.length);
});

t.test(
  'a bit that is flipped anywhere in 32 MiB is refused, its block and all later ones untouched',
  async (t) => {
    const places = noise(40 * 4, 12);
    const view = new DataView(places.buffer);
    const chip = new Uint8Array(layout.size);
    for (let sample = 0; sample < 40; sample++) {
      const at = view.getUint32(sample * 4) % bytes.length;
      const bit = sample % 8;
      const { changes, onOperation } = recorder();
      chip.fill(0);
      const target = nor({ layout, eraseSize: PIECE, content: chip, onOperation });
      bytes[at] = (bytes[at] as number) ^ (1 << bit);
      const { receipt, error } = await update(target, bytes, { trust: chain() });
      bytes[at] = (bytes[at] as number) ^ (1 << bit);
      const proven = new Map(blocks.filter(({ end }) => end <= at).map((block) => [block.device, block]));
      const touched = new Set(changes.map(({ block }) => block));
      t.match(
        receipt,
        { outcome: 'refused', flash: touched.size === 0 ? 'untouched' : 'partial' },
        `bit ${bit} of ${at}`,
      );
      t.ok(error?.exit === 3 || error?.exit === 4, `it ended in ${error?.code}`);
      t.same(
        [...touched].filter((block) => !proven.has(block)),
        [],
      );
      // What was written is what was proven: it reads as the good bundle would have left it.
      const wrong = [...touched].filter((device) => {
        const { start, end } = proven.get(device) as Block;
        const from = device * PIECE;
        return !same(chip.subarray(from, from + end - start), bytes.subarray(start, end));
      });
      t.same(wrong, []);
      const others = Array.from({ length: layout.size / PIECE }, (_, k) => k).filter((k) => !touched.has(k));
      t.ok(
        others.every((k) => same(chip.subarray(k * PIECE, (k + 1) * PIECE), ZERO)),
        'all others are as they were',
      );
    }
  },
);

t.test('NAND of q71l size with blocks of 128 KiB takes the same bundle', async (t) => {
  const target = nand({
    layout,
    eraseSize: 128 * 1024,
    writeSize: 2048,
    content: new Uint8Array(layout.size),
  });
  const { receipt, error } = await update(target, bytes);
  t.equal(error, null);
  t.match(receipt.partitions, { rofs: { blocks: 186, erased: 186 }, kernel: { blocks: 34 } });
});
