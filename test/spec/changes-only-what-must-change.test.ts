/**
 * Changes only what must change: the blocks that differ, in the partitions that were asked for.
 *
 * | promised | shown by |
 * |---|---|
 * | unchanged blocks cost nothing | "${name}, ${on}: an unchanged image costs no erase and no program" |
 * |  | "${name}, ${on}: one changed block costs one erase${gated ? ', and one of the gate' : ''}" |
 * | no erase without need, no program of 0xFF | "NOR: if bits are only cleared, nothing is erased" |
 * |  | "NOR: an erased chip is programmed without erasing it" |
 * |  | "an erased stretch of an image is erased and not programmed" |
 * | other flash is as it was | "only the kernel: every other byte of the chip stays as it was" |
 * |  | "what lies after the end of an image is unchanged, except the rest of its last block" |
 * | an image of the whole chip is cut into its parts | "image-bmc as a whole goes to all parts of the chip, the first block of each last" |
 * |  | "image-bmc is cut along the partitions that were asked for" |
 * |  | "a part of image-bmc has the digest of its own bytes" |
 */
import t from 'tap';
import type { MemoryTarget } from '../../src/core/sim/index.js';
import { UnsignedTrust } from '../../src/core/trust/unsigned-trust.js';
import { MACHINE, makeBundle } from '../kit/bundle-maker.js';
import {
  chain,
  check,
  ERASE,
  nand,
  nor,
  oldContent,
  padded,
  partitionBytes,
  partitionIn,
  recorder,
  SMALL,
  update,
  written,
  type UpdateOptions,
} from '../kit/update-kit.js';
import { sameBytes } from '../kit/same-bytes.js';
import { noise } from '../kit/noise.js';

const before = oldContent();
const images = {
  kernel: noise(3 * ERASE - 100, 1),
  rofs: noise(5 * ERASE + 1, 2),
  'u-boot': noise(ERASE, 3),
};
const after = written(before, SMALL, images);
const proven = makeBundle({ images, kind: 'proven' }).bytes;
const stock = makeBundle({ images, kind: 'stock' }).bytes;

const policies: [
  name: string,
  bytes: Uint8Array,
  options: (target: MemoryTarget) => Promise<UpdateOptions>,
][] = [
  ['before-erase with an index', proven, async () => ({})],
  ['before-erase by check pass', stock, async (target) => ({ expect: await check(stock, target) })],
  ['before-commit', stock, async () => ({ policy: 'before-commit' })],
  ['before-commit with an index', proven, async () => ({ policy: 'before-commit' })],
  ['unsigned', stock, async () => ({ policy: 'unsigned', trust: new UnsignedTrust({ machine: MACHINE }) })],
];

for (const [name, bytes, options] of policies) {
  for (const chip of [nor, nand]) {
    const on = chip === nor ? 'NOR' : 'NAND';
    t.test(`${name}, ${on}: an unchanged image costs no erase and no program`, async (t) => {
      const target = chip({ content: after.slice() });
      const { receipt } = await update(target, bytes, await options(target));
      t.match(receipt, { outcome: 'committed', flash: 'complete' });
      const { erases, programs } = target.chip.stats();
      t.same([erases, programs], [0, 0]);
      sameBytes(t, target.bytes, after);
      for (const row of Object.values(receipt.partitions)) {
        t.match(row, { skipped: row.blocks, erased: 0, programmed: 0, held: 0, readBack: 0 });
      }
    });

    // Under a policy that shuts the gate, the gate is one more.
    const gated = name.startsWith('before-commit') || name === 'unsigned';
    t.test(
      `${name}, ${on}: one changed block costs one erase${gated ? ', and one of the gate' : ''}`,
      async (t) => {
        for (const [partition, index] of [
          ['kernel', 0],
          ['kernel', 1],
          ['kernel', 2],
          ['rofs', 5],
          ['u-boot', 0],
        ] as const) {
          const content = after.slice();
          const at = partitionIn(SMALL, partition).offset + index * ERASE;
          // Cleared bits can only be set again by an erase.
          content.fill(0, at, at + 16);
          const target = chip({ content });
          const { receipt } = await update(target, bytes, await options(target));
          t.equal(receipt.outcome, 'committed');
          sameBytes(t, target.bytes, after);
          const erases = gated && index > 0 ? 2 : 1;
          t.equal(target.chip.stats().erases, erases, `${partition} ${index}`);
          t.match(receipt.partitions[partition], { erased: erases, programmed: erases, readBack: erases });
          t.equal(
            receipt.partitions[partition]?.skipped,
            (receipt.partitions[partition]?.blocks ?? 0) - erases,
          );
        }
      },
    );
  }
}

t.test('NOR: if bits are only cleared, nothing is erased', async (t) => {
  // The flash has more bits set than the image wants, in the first, a middle and the last block.
  const content = after.slice();
  for (const at of [2 * ERASE, 3 * ERASE + 300, 3 * ERASE + 3000, 5 * ERASE - 101]) content[at] = 0xff;
  const { changes, onOperation } = recorder();
  const target = nor({ content: content.slice(), onOperation });
  const { receipt } = await update(target, proven);
  t.match(receipt, {
    outcome: 'committed',
    partitions: {
      kernel: { skipped: 0, erased: 0, programmed: 0, programmedWithoutErase: 3, readBack: 3, held: 1 },
    },
  });
  t.equal(target.chip.stats().erases, 0);
  sameBytes(t, target.bytes, after);
  t.ok(target.chip.stats().bytesProgrammed <= 4 * 256, 'only the pages that differ');
  t.equal(changes.at(-1)?.block, 2, 'the first block last');
  const pages = nand({ content });
  const again = await update(pages, proven);
  t.match(
    again.receipt.partitions['kernel'],
    { erased: 3, programmed: 3, programmedWithoutErase: 0 },
    'NAND erases',
  );
});

t.test('NOR: an erased chip is programmed without erasing it', async (t) => {
  const blank = nor({ content: new Uint8Array(SMALL.size).fill(0xff) });
  const { receipt } = await update(blank, proven);
  t.equal(receipt.outcome, 'committed');
  t.equal(blank.chip.stats().erases, 0);
  sameBytes(t, blank.bytes, written(new Uint8Array(SMALL.size).fill(0xff), SMALL, images));
});

t.test('an erased stretch of an image is erased and not programmed', async (t) => {
  const kernel = noise(4 * ERASE, 9)
    .fill(0xff, ERASE, 3 * ERASE)
    .fill(0xff, 3 * ERASE + 256, 3 * ERASE + 3000);
  const target = nor();
  const { receipt } = await update(target, makeBundle({ images: { kernel }, kind: 'proven' }).bytes);
  t.match(receipt.partitions['kernel'], { erased: 4, programmed: 2, readBack: 4 });
  sameBytes(t, partitionBytes(target, 'kernel'), kernel);
  t.ok(target.chip.stats().bytesProgrammed <= 2 * ERASE - 2700 + 256);
});

t.test('only the kernel: every other byte of the chip stays as it was', async (t) => {
  for (const kind of ['proven', 'stock'] as const) {
    for (const chip of [nor, nand]) {
      const bytes = kind === 'proven' ? proven : stock;
      const { changes, onOperation } = recorder();
      const target = chip({ onOperation });
      const only = ['kernel'];
      const expect = kind === 'stock' ? await check(bytes, target, { only }) : null;
      const { receipt } = await update(target, bytes, { only, expect });
      t.equal(receipt.outcome, 'committed');
      t.same(Object.keys(receipt.partitions), only);
      sameBytes(t, target.bytes, written(before, SMALL, { kernel: images.kernel }));
      t.ok(changes.length > 0 && changes.every(({ block }) => block >= 2 && block < 6));
    }
  }
});

const whole = noise(SMALL.size - 5 * ERASE - 77, 4);
const alltar = {
  proven: makeBundle({ images: { bmc: whole }, kind: 'proven' }).bytes,
  stock: makeBundle({ images: { bmc: whole }, kind: 'stock' }).bytes,
};

t.test('image-bmc as a whole goes to all parts of the chip, the first block of each last', async (t) => {
  const { changes, onOperation } = recorder();
  const target = nor({ onOperation });
  const { receipt } = await update(target, alltar.proven);
  t.equal(receipt.outcome, 'committed');
  t.same(Object.keys(receipt.partitions), ['u-boot', 'kernel', 'rofs']);
  const bytes = Object.values(receipt.partitions).map((partition) => partition.bytes);
  t.equal(bytes[0]! + bytes[1]! + bytes[2]!, whole.length);
  sameBytes(t, target.bytes, written(before, SMALL, { bmc: whole }));
  const last = changes.filter(({ kind }) => kind === 'erase').slice(-3);
  t.same(
    last.map(({ block }) => block),
    [0, 2, 6],
  );
});

t.test('image-bmc is cut along the partitions that were asked for', async (t) => {
  const ways: [Uint8Array, (target: MemoryTarget, only: string[]) => Promise<UpdateOptions>][] = [
    [alltar.proven, async () => ({})],
    [alltar.stock, async (target, only) => ({ expect: await check(alltar.stock, target, { only }) })],
    [alltar.stock, async () => ({ policy: 'before-commit' })],
  ];
  for (const [bytes, options] of ways) {
    const only = ['rofs', 'kernel'];
    const { changes, onOperation } = recorder();
    const target = nor({ onOperation });
    const { receipt, error } = await update(target, bytes, { only, ...(await options(target, only)) });
    t.equal(error, null);
    t.same(Object.keys(receipt.partitions).toSorted(), ['kernel', 'rofs']);
    const kernel = whole.subarray(2 * ERASE, 6 * ERASE);
    const rofs = whole.subarray(6 * ERASE);
    sameBytes(t, target.bytes, written(before, SMALL, { kernel, rofs }));
    t.ok(changes.every(({ block }) => block >= 2 && block < 12));
    t.match(receipt.partitions, {
      kernel: { blocks: 4, bytes: kernel.length, held: 1, sha256: /^[0-9a-f]{64}$/ },
      rofs: { blocks: 5, bytes: rofs.length, held: 1, sha256: /^[0-9a-f]{64}$/ },
    });
  }
});

t.test('a part of image-bmc has the digest of its own bytes', async (t) => {
  const alone = await update(
    nor(),
    makeBundle({ images: { kernel: whole.slice(2 * ERASE, 6 * ERASE) }, kind: 'proven' }).bytes,
  );
  const cut = await update(nor(), alltar.proven, { only: ['kernel'], trust: chain() });
  t.equal(cut.receipt.partitions['kernel']?.sha256, alone.receipt.partitions['kernel']?.sha256);
});

t.test('what lies after the end of an image is unchanged, except the rest of its last block', async (t) => {
  const target = nor();
  await update(target, proven);
  const kernel = partitionBytes(target, 'kernel');
  sameBytes(t, kernel.subarray(0, 3 * ERASE), padded(images.kernel));
  sameBytes(t, kernel.subarray(3 * ERASE), partitionBytes(nor(), 'kernel').subarray(3 * ERASE));
});
