/**
 * Takes a stream in any pieces: how the sender splits the bytes changes nothing.
 *
 * | promised | shown by |
 * |---|---|
 * | one reading | "${name}: every splitting of the stream gives the same receipt and the same chip" |
 * |  | "empty pieces change nothing" |
 * | two readings | "stock by check pass on ${on}: both readings may be split in any way" |
 */
import { array, assert, asyncProperty, nat } from 'fast-check';
import t from 'tap';
import { gzipSync } from 'node:zlib';
import type { MemoryTarget } from '../../src/core/sim/index.js';
import { UnsignedTrust } from '../../src/core/trust/unsigned-trust.js';
import type { CheckResult } from '../../src/core/update/check/check-pass.js';
import { MACHINE, makeBundle } from '../kit/bundle-maker.js';
import {
  check,
  ERASE,
  nand,
  nor,
  oldContent,
  piecesAt,
  plain,
  reusedPieces,
  same,
  SMALL,
  update,
  written,
  type UpdateOptions,
} from '../kit/update-kit.js';
import { sameBytes } from '../kit/same-bytes.js';
import { noise } from '../kit/noise.js';

// Blocks that stay, blocks that change, a short last block.
const kernel = noise(3 * ERASE - 100, 1);
const kernelBlock = oldContent().subarray(3 * ERASE, 4 * ERASE);
kernel.set(kernelBlock, ERASE);
const images = { kernel, rofs: noise(2 * ERASE + 1, 2), 'u-boot': noise(700, 3) };
const proven = makeBundle({ images, kind: 'proven' }).bytes;
const stock = makeBundle({ images, kind: 'stock' }).bytes;
const after = written(oldContent(), SMALL, images);

interface Way {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly chip: () => MemoryTarget;
  readonly options: () => UpdateOptions;
}

const ways: Way[] = [];
for (const chip of [nor, nand]) {
  const on = chip === nor ? 'NOR' : 'NAND';
  ways.push(
    { name: `proven on ${on}`, bytes: proven, chip, options: () => ({}) },
    { name: `proven and gzip on ${on}`, bytes: gzipSync(proven), chip, options: () => ({}) },
    {
      name: `stock before commit on ${on}`,
      bytes: stock,
      chip,
      options: () => ({ policy: 'before-commit' }),
    },
    {
      name: `unsigned on ${on}`,
      bytes: stock,
      chip,
      options: () => ({ policy: 'unsigned', trust: new UnsignedTrust({ machine: MACHINE }) }),
    },
  );
}

for (const { name, bytes, chip, options } of ways) {
  t.test(`${name}: every splitting of the stream gives the same receipt and the same chip`, async (t) => {
    const whole = chip();
    const { receipt, error } = await update(whole, bytes, options());
    t.equal(error, null);
    t.match(receipt, { outcome: 'committed', partitions: { kernel: { blocks: 3, skipped: 1 } } });
    sameBytes(t, whole.bytes, after, 'the chip holds the images');
    const again = async (pieces: Iterable<Uint8Array>, what: string): Promise<void> => {
      const target = chip();
      const result = await update(target, pieces, options());
      if (!same(target.bytes, after)) t.fail(`${what}: another chip`);
      t.same(plain(result.receipt), plain(receipt), what);
    };
    await again(reusedPieces(bytes, 1), 'one byte at a time');
    for (const size of [511, 512, 513, ERASE - 1, ERASE, ERASE + 1, 3 * ERASE]) {
      await again(reusedPieces(bytes, size), `${size} bytes at a time`);
    }
    await assert(
      asyncProperty(array(nat(bytes.length), { maxLength: 24 }), async (cuts) => {
        await again(
          piecesAt(
            bytes,
            cuts.toSorted((a, b) => a - b),
          ),
          `cut at ${cuts.join(' ')}`,
        );
      }),
      { numRuns: 12 },
    );
  });
}

for (const chip of [nor, nand]) {
  const on = chip === nor ? 'NOR' : 'NAND';
  t.test(`stock by check pass on ${on}: both readings may be split in any way`, async (t) => {
    const found = (expect: CheckResult): unknown => ({ ...expect, index: [...expect.index.images] });
    const one = chip();
    const expect = await check(stock, one);
    const { receipt } = await update(one, stock, { expect });
    t.match(receipt, { outcome: 'committed', trust: { by: 'check-pass', key: 'OpenBMC' } });
    sameBytes(t, one.bytes, after);
    const again = async (first: Iterable<Uint8Array>, second: Iterable<Uint8Array>): Promise<void> => {
      const target = chip();
      const seen = await check(first, target);
      t.same(found(seen), found(expect));
      const result = await update(target, second, { expect: seen });
      t.same(plain(result.receipt), plain(receipt));
      if (!same(target.bytes, after)) t.fail('another chip');
    };
    await again(reusedPieces(stock, 1), reusedPieces(stock, 1));
    const cuts = array(nat(stock.length), { maxLength: 16 });
    await assert(
      asyncProperty(cuts, cuts, async (a, b) => {
        await again(
          piecesAt(
            stock,
            a.toSorted((x, y) => x - y),
          ),
          piecesAt(
            stock,
            b.toSorted((x, y) => x - y),
          ),
        );
      }),
      { numRuns: 12 },
    );
  });
}

t.test('empty pieces change nothing', async (t) => {
  const target = nor();
  const pieces = [proven.subarray(0, 0), proven.subarray(0, 1), proven.subarray(0, 0), proven.subarray(1)];
  const { receipt } = await update(target, [...pieces, proven.subarray(0, 0)]);
  t.equal(receipt.outcome, 'committed');
  sameBytes(t, target.bytes, after);
});
