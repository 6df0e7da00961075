/** Plans for chips of odd shapes: parts that leave gaps, overlap, or begin behind the start of their device. */
import t from 'tap';
import type { FlashTarget, Partition } from '../../../../../src/core/flash/device.js';
import type { MemoryTarget } from '../../../../../src/core/sim/index.js';
import { InUseCheck } from '../../../../../src/core/update/plan/in-use-check.js';
import { Routes } from '../../../../../src/core/update/plan/routes.js';
import { ERASE, nand, nor } from '../../../../kit/update-kit.js';

/** Partitions by their first block and how many there are. */
function targetOf(
  ranges: Readonly<Record<string, readonly [first: number, count: number]>>,
  { chip }: MemoryTarget = nor(),
): FlashTarget {
  const partitions = Object.entries(ranges).map(([name, [first, count]]): [string, Partition] => [
    name,
    { name, device: chip, offset: first * ERASE, size: count * ERASE },
  ]);
  return { address: 'sim:odd', partitions: new Map(partitions), close: async () => {} };
}
const routes = (plan: Routes, member: string, size: number | null): unknown =>
  plan.routes(member, size, ERASE).map(({ partition, offset, length }) => [partition.name, offset, length]);

t.test('parts count from the start of the chip, wherever that is', (t) => {
  const target = targetOf({ bmc: [3, 6], kernel: [3, 2], rofs: [5, 4] });
  for (const only of [null, ['bmc']]) {
    t.same(routes(new Routes(target, only), 'image-bmc', 4 * ERASE), [
      ['kernel', 0, 2 * ERASE],
      ['rofs', 2 * ERASE, 2 * ERASE],
    ]);
  }
  t.same(routes(new Routes(target, ['rofs']), 'image-bmc', 5 * ERASE), [['rofs', 2 * ERASE, 3 * ERASE]]);
  t.end();
});

t.test('where its parts do not make up the chip, an image of it is written in one piece', (t) => {
  const shapes = {
    'a gap ahead': { bmc: [0, 6], kernel: [1, 2], rofs: [3, 3] },
    'a gap between': { bmc: [0, 6], kernel: [0, 2], rofs: [3, 3] },
    'a gap behind': { bmc: [0, 6], kernel: [0, 2], rofs: [2, 3] },
    'an overlap that makes up for a gap': { bmc: [0, 6], kernel: [0, 3], rofs: [2, 3] },
    'no parts': { bmc: [0, 6] },
  } as const;
  for (const [what, ranges] of Object.entries(shapes)) {
    t.same(routes(new Routes(targetOf(ranges), null), 'image-bmc', 5 * ERASE), [['bmc', 0, 5 * ERASE]], what);
    t.throws(
      () => new Routes(targetOf(ranges, nand()), null).routes('image-bmc', 5 * ERASE, ERASE),
      { code: 'ERR_BUNDLE_LAYOUT', member: 'image-bmc', partition: 'bmc' },
      `${what}: on NAND a bad block would move what lies behind it`,
    );
  }
  t.end();
});

t.test('an image of the chip whose size nobody tells is not cut', (t) => {
  t.same(routes(new Routes(nor(), null), 'image-bmc', null), [['bmc', 0, null]]);
  t.same(routes(new Routes(nor(), ['kernel']), 'image-bmc', null), []);
  t.end();
});

t.test('a flash that shows only the parts of a chip takes an image of it if they make it up', (t) => {
  const target = targetOf({ kernel: [0, 2], rofs: [2, 3] });
  const both = [
    ['kernel', 0, 2 * ERASE],
    ['rofs', 2 * ERASE, 3 * ERASE],
  ];
  t.same(routes(new Routes(target, null), 'image-bmc', 5 * ERASE), both);
  t.same(routes(new Routes(target, ['rofs']), 'image-bmc', 5 * ERASE), both.slice(1));
  t.throws(() => new Routes(target, null).routes('image-bmc', 5 * ERASE + 1, ERASE), {
    code: 'ERR_BUNDLE_TOO_BIG',
  });
  const clash = new Routes(target, null);
  clash.routes('image-bmc', 5 * ERASE, ERASE);
  t.throws(() => clash.routes('image-rofs', ERASE, ERASE), { code: 'ERR_BUNDLE_LAYOUT' });
  t.throws(() => new Routes(target, null).routes('image-bmc', null, ERASE), {
    code: 'ERR_BUNDLE_NO_PARTITION',
    member: 'image-bmc',
    partition: 'bmc',
  });
  const shapes: Readonly<Record<string, Parameters<typeof targetOf>[0]>> = {
    'a gap ahead': { kernel: [1, 2], rofs: [3, 3] },
    'a gap between': { kernel: [0, 2], rofs: [3, 3] },
    'an overlap': { kernel: [0, 3], rofs: [2, 3] },
    'one partition': { kernel: [0, 3] },
    'the chip of another firmware': { pnor: [0, 3], guard: [3, 1] },
  };
  for (const [what, ranges] of Object.entries(shapes)) {
    const refuse = (): unknown => new Routes(targetOf(ranges), null).routes('image-bmc', 3 * ERASE, ERASE);
    t.throws(refuse, { code: 'ERR_BUNDLE_NO_PARTITION', message: /neither the chip/ }, what);
    t.same(routes(new Routes(targetOf(ranges), []), 'image-bmc', 99 * ERASE), [], `${what}, left out`);
  }
  t.end();
});

t.test('the chip of MTDs without a master is known by the offsets, if only one place fits', (t) => {
  const { chip } = nor();
  const mtd = (
    index: number,
    name: string,
    [first, count]: readonly [number, number],
    group: string,
  ): Partition => ({
    name,
    device: chip,
    offset: 0,
    size: count * ERASE,
    place: { chip: `mtd${index}`, offset: 0 },
    possiblePlaces: [{ chip: group, offset: first * ERASE }],
  });
  const target = (...partitions: Partition[]): FlashTarget => ({
    address: 'mtd:',
    partitions: new Map(partitions.map((partition) => [partition.name, partition])),
    close: async () => {},
  });
  const bmc = [mtd(0, 'u-boot', [0, 1], 'spi0'), mtd(1, 'kernel', [1, 2], 'spi0')];
  const other = [mtd(2, 'pnor', [0, 2], 'spi1'), mtd(3, 'guard', [2, 1], 'spi1')];
  const plan = new Routes(target(...other, ...bmc.toReversed()), null);
  t.same(routes(plan, 'image-bmc', 3 * ERASE), [
    ['u-boot', 0, ERASE],
    ['kernel', ERASE, 2 * ERASE],
  ]);
  const twins = [mtd(4, 'rofs', [0, 2], 'spi1'), mtd(5, 'rwfs', [2, 1], 'spi1')];
  const two = new Routes(target(...bmc, ...twins), null);
  t.throws(() => two.routes('image-bmc', 3 * ERASE, ERASE), { code: 'ERR_BUNDLE_NO_PARTITION' });
  t.end();
});

t.test('an image that ends ahead of all that was asked for takes no place', (t) => {
  const plan = new Routes(nor(), ['kernel']);
  t.same(routes(plan, 'image-bmc', 2 * ERASE), []);
  t.same(routes(plan, 'image-kernel', ERASE), [['kernel', 0, ERASE]]);
  const cut = new Routes(nor(), ['kernel']);
  cut.routes('image-bmc', 3 * ERASE, ERASE);
  t.throws(() => cut.routes('image-kernel', ERASE, ERASE), {
    code: 'ERR_BUNDLE_LAYOUT',
    partition: 'kernel',
  });
  t.end();
});

t.test('an image that was left out may have any size', (t) => {
  const only = new Routes(nor(), ['kernel']);
  for (const member of ['image-hostfw', 'image-rofs', 'image-bmc'])
    t.same(routes(member === 'image-bmc' ? new Routes(nor(), []) : only, member, 2 ** 30), [], member);
  t.end();
});

t.test('partitions in use are named once each, and all at once', async (t) => {
  const target = nor();
  const used = (name: string): Partition => ({
    ...(target.partitions.get(name) as Partition),
    inUse: async () => `mounted at /${name}`,
  });
  const [rofs, rwfs] = [used('rofs'), used('rwfs')];
  const candidates = [{ partition: rofs }, { partition: rwfs }, { partition: rofs, whole: 'bmc' }];
  await t.rejects(new InUseCheck(target, [], {}).assertFree(candidates), {
    code: 'ERR_BUSY_IN_USE',
    partition: 'rofs',
    message: /^partition rofs is mounted at \/rofs; partition rwfs is mounted at \/rwfs$/,
  });
  await t.resolves(new InUseCheck(target, ['rwfs', 'bmc'], {}).assertFree(candidates.slice(1)));
});
