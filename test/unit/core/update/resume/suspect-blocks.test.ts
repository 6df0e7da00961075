import { array, assert, boolean, constantFrom, nat, property, tuple } from 'fast-check';
import t from 'tap';
import type { FlashDevice, FlashTarget, Partition } from '../../../../../src/core/flash/device.js';
import { SuspectBlocks, isRaw, rawBlock } from '../../../../../src/core/update/resume/suspect-blocks.js';
import { ERASE, nor } from '../../../../kit/update-kit.js';
import { DeviceWrapper } from '../../../../kit/device-wrapper.js';

// Device blocks: u-boot 0 to 1, kernel 2 to 5, rofs 6 to 11, rwfs 12 to 15, bmc all of them.
const small = nor();
const part = (name: string, target: FlashTarget = small): Partition =>
  target.partitions.get(name) as Partition;

function targetOf(...partitions: readonly Partition[]): FlashTarget {
  const named = partitions.map((each) => [each.name, each] as const);
  return { address: 'of a test', partitions: new Map(named), close: async () => {} };
}

/** The same chip, of which only some partitions were opened. */
const opened = (...names: readonly string[]): FlashTarget => targetOf(...names.map((name) => part(name)));

/** A partition with a device of its own, as each MTD partition has; `from` and `blocks` are blocks of the chip. */
function alone(name: string, chip: string, from: number, blocks: number): Partition {
  const device = new DeviceWrapper(small.chip);
  return { name, device, offset: 0, size: blocks * ERASE, place: { chip, offset: from * ERASE } };
}

/** Blocks in doubt, counted from the start of the partition as records count them. */
function held(doubts: SuspectBlocks, partition: Partition): number[] {
  const first = partition.offset / ERASE;
  const all = Array.from({ length: partition.size / ERASE }, (_, block) => block);
  return all.filter((block) => doubts.has(partition, first + block));
}

/** What the next session makes of what this one tells in the journal. */
function reread(doubts: SuspectBlocks, target: FlashTarget): SuspectBlocks {
  const next = new SuspectBlocks(target);
  for (const { partition, blocks } of doubts.list()) {
    if (blocks === null) next.addWhole(partition);
    else for (const block of blocks) next.add(partition, block);
  }
  return next;
}

t.test('a block is in doubt from when it is named until it is settled, and its neighbours are not', (t) => {
  const doubts = new SuspectBlocks(small);
  t.equal(doubts.none, true);
  doubts.add('rofs', 2);
  doubts.add('rofs', 5);
  t.equal(doubts.none, false);
  t.same(held(doubts, part('rofs')), [2, 5]);
  t.same(held(doubts, part('kernel')), []);
  t.equal(doubts.settle(part('rofs'), 6 + 2), true);
  t.same(held(doubts, part('rofs')), [5]);
  t.equal(doubts.settle(part('rofs'), 6 + 2), false, 'it is not in doubt any more');
  t.equal(doubts.settle(part('rofs'), 6 + 3), false, 'it never was');
  t.equal(doubts.none, false);
  t.equal(doubts.settle(part('rofs'), 6 + 5), true);
  t.equal(doubts.none, true);
  t.same(doubts.list(), []);
  t.end();
});

t.test('a block of two partitions is one block: a doubt about it begins and ends in both', (t) => {
  const doubts = new SuspectBlocks(small);
  doubts.add('kernel', 3);
  t.same(held(doubts, part('bmc')), [5]);
  doubts.add('bmc', 5);
  t.same(doubts.list(), [{ partition: 'bmc', blocks: [5] }], 'told once');
  doubts.add('bmc', 6);
  t.same(held(doubts, part('rofs')), [0]);
  t.equal(doubts.settle(part('kernel'), 5), true);
  t.equal(doubts.settle(part('bmc'), 5), false);
  t.same(held(doubts, part('bmc')), [6]);
  t.end();
});

t.test('partitions with devices of their own are compared by their place on the chip', (t) => {
  const [whole, rofs] = [alone('bmc', 'mtd0', 0, 16), alone('rofs', 'mtd0', 6, 6)];
  const other = alone('alt', 'mtd7', 0, 16);
  const doubts = new SuspectBlocks(targetOf(whole, rofs, other));
  doubts.add('rofs', 1);
  t.same(held(doubts, whole), [7]);
  t.same(held(doubts, rofs), [1]);
  t.same(held(doubts, other), [], 'block 7 of another chip');
  doubts.add('alt', 7);
  t.equal(doubts.settle(whole, 7), true);
  t.same(held(doubts, rofs), []);
  t.same(held(doubts, other), [7]);
  t.equal(doubts.settle(rofs, 3), false);
  t.equal(doubts.none, false, 'of one chip there is none left, of the other one there is');
  t.equal(doubts.settle(other, 7), true);
  t.equal(doubts.none, true);
  t.end();
});

t.test('what a block held before is known until the doubt ends', (t) => {
  const doubts = new SuspectBlocks(small);
  doubts.add('rofs', 2, 77n);
  doubts.add('rofs', 3);
  t.equal(doubts.printOf(part('rofs'), 8), 77n);
  t.equal(doubts.printOf(part('bmc'), 8), 77n, 'it is the same block');
  t.equal(doubts.printOf(part('rofs'), 9), null, 'it was not told');
  t.equal(doubts.printOf(part('rofs'), 7), null, 'not in doubt');
  t.equal(doubts.printOf(alone('alt', 'mtd7', 0, 16), 8), null, 'of a chip without a doubt');
  doubts.settle(part('rofs'), 8);
  t.equal(doubts.printOf(part('rofs'), 8), null);
  doubts.addWhole('kernel');
  t.equal(doubts.printOf(part('kernel'), 2), null, 'in doubt, but not by itself');
  t.end();
});

t.test('a partition in doubt as a whole is so in each of its blocks, and in no other one', (t) => {
  const doubts = new SuspectBlocks(small);
  doubts.addWhole('kernel');
  t.equal(doubts.none, false);
  t.same(held(doubts, part('bmc')), [2, 3, 4, 5]);
  t.same(held(doubts, part('u-boot')), []);
  t.same(held(doubts, part('rofs')), []);
  t.equal(doubts.settle(part('kernel'), 3), false, 'it is not in doubt by itself');
  t.same(held(doubts, part('kernel')), [0, 1, 2, 3], 'which other blocks are torn is not known');
  t.same(doubts.list(), [{ partition: 'kernel', blocks: null }]);
  doubts.add('kernel', 1);
  t.same(doubts.list(), [{ partition: 'kernel', blocks: null }], 'all of them says it');
  t.end();
});

t.test('a partition in doubt as a whole says nothing of other chips', (t) => {
  const [rofs, inside] = [alone('rofs', 'mtd0', 6, 6), alone('lower', 'mtd0', 7, 2)];
  const twin = alone('alt-rofs', 'mtd7', 6, 6);
  const doubts = new SuspectBlocks(targetOf(rofs, inside, twin));
  doubts.addWhole('rofs');
  t.same(held(doubts, rofs), [0, 1, 2, 3, 4, 5]);
  t.same(held(doubts, inside), [0, 1]);
  t.same(held(doubts, twin), []);
  doubts.settleWhole(twin);
  t.same(held(doubts, inside), [0, 1], 'an image on the other chip settles nothing here');
  doubts.settleWhole(rofs);
  t.equal(doubts.none, true);
  t.end();
});

t.test('an image settles the whole doubts of what it covers, of all of that and of nothing else', (t) => {
  const settledBy = (name: string): string[] => {
    const doubts = new SuspectBlocks(small);
    const all = ['bmc', 'u-boot', 'kernel', 'rofs', 'rwfs'];
    for (const each of all) doubts.addWhole(each);
    doubts.settleWhole(part(name));
    const left = new Set(doubts.list().map(({ partition }) => partition));
    return all.filter((each) => !left.has(each));
  };
  for (const name of ['u-boot', 'kernel', 'rofs', 'rwfs']) t.same(settledBy(name), [name]);
  t.same(settledBy('bmc'), ['bmc', 'u-boot', 'kernel', 'rofs', 'rwfs']);
  t.end();
});

t.test('an image that covers a part of a partition in doubt leaves all of it in doubt', (t) => {
  const rofs = alone('rofs', 'mtd0', 6, 6);
  const lower = alone('lower', 'mtd0', 6, 5);
  const upper = alone('upper', 'mtd0', 7, 5);
  const across = alone('across', 'mtd0', 4, 6);
  const parts = [lower, upper, across];
  const doubts = new SuspectBlocks(targetOf(rofs, ...parts));
  doubts.addWhole('rofs');
  for (const each of parts) {
    doubts.settleWhole(each);
    t.same(held(doubts, rofs), [0, 1, 2, 3, 4, 5], each.name);
  }
  doubts.settleWhole(alone('wider', 'mtd0', 5, 8));
  t.equal(doubts.none, true);
  t.end();
});

t.test('the end of a doubt about a whole is not one of doubts about its blocks, nor the other way', (t) => {
  const doubts = new SuspectBlocks(small);
  doubts.addWhole('kernel');
  doubts.add('kernel', 1);
  doubts.settleBlocks(part('kernel'));
  t.same(held(doubts, part('kernel')), [0, 1, 2, 3]);
  doubts.add('kernel', 1);
  doubts.settleWhole(part('kernel'));
  t.same(held(doubts, part('kernel')), [1]);
  t.end();
});

t.test('all single doubts of a partition end at once, up to its edges', (t) => {
  const doubts = new SuspectBlocks(small);
  for (let block = 0; block < 16; block++) doubts.add('bmc', block);
  doubts.settleBlocks(part('rofs'));
  t.same(held(doubts, part('bmc')), [0, 1, 2, 3, 4, 5, 12, 13, 14, 15]);
  const [rofs, other] = [alone('rofs', 'mtd0', 6, 6), alone('alt', 'mtd7', 6, 6)];
  const two = new SuspectBlocks(targetOf(rofs, other));
  two.settleBlocks(rofs);
  t.equal(two.none, true, 'where there was none');
  two.add('alt', 2);
  two.settleBlocks(rofs);
  t.same(held(two, other), [2], 'of another chip');
  two.settleBlocks(other);
  t.equal(two.none, true);
  t.end();
});

t.test('the journal is told of blocks in ascending order, whichever was found first', (t) => {
  const doubts = new SuspectBlocks(small);
  for (const block of [11, 10, 2, 9, 1]) doubts.add('bmc', block);
  doubts.add('kernel', 2);
  t.same(doubts.list(), [
    { partition: 'bmc', blocks: [1, 2, 9, 10, 11] },
    { partition: 'kernel', blocks: [2] },
  ]);
  t.same(held(reread(doubts, small), part('bmc')), held(doubts, part('bmc')));
  t.end();
});

t.test('the same blocks, and no others, are in doubt after a round trip through the journal', (t) => {
  const names = constantFrom('bmc', 'u-boot', 'kernel', 'rofs', 'rwfs');
  assert(
    property(array(tuple(names, nat(17), boolean()), { maxLength: 8 }), (found) => {
      const doubts = new SuspectBlocks(small);
      const wanted = new Set<number>();
      for (const [name, block, whole] of found) {
        const { offset, size } = part(name);
        const of = Array.from({ length: size / ERASE }, (_, k) => offset / ERASE + k);
        if (whole) doubts.addWhole(name);
        else doubts.add(name, block);
        for (const each of whole ? of : of.slice(block, block + 1)) wanted.add(each);
      }
      const expected = [...wanted].sort((a, b) => a - b).join();
      const after = reread(doubts, small);
      return (
        held(doubts, part('bmc')).join() === expected &&
        held(after, part('bmc')).join() === expected &&
        doubts.none === (wanted.size === 0) &&
        after.none === doubts.none
      );
    }),
  );
  t.end();
});

t.test('doubts of partitions that are not opened are kept for who opens them', (t) => {
  const doubts = new SuspectBlocks(opened('kernel'));
  doubts.add('rofs', 4);
  doubts.add('rofs', 1);
  doubts.addWhole('rwfs');
  t.equal(doubts.none, false);
  t.same(held(doubts, part('kernel')), []);
  t.same(doubts.list(), [
    { partition: 'rofs', blocks: [1, 4] },
    { partition: 'rwfs', blocks: null },
  ]);
  const next = reread(doubts, small);
  t.same(held(next, part('rofs')), [1, 4]);
  t.same(held(next, part('rwfs')), [0, 1, 2, 3]);
  t.end();
});

t.test(
  'where all of a partition that is not opened is in doubt, single blocks take nothing from that',
  (t) => {
    const doubts = new SuspectBlocks(opened('kernel'));
    doubts.add('rofs', 1);
    doubts.addWhole('rofs');
    t.same(doubts.list(), [{ partition: 'rofs', blocks: null }]);
    doubts.add('rofs', 1);
    t.same(doubts.list(), [{ partition: 'rofs', blocks: null }]);
    t.equal(doubts.none, false);
    t.end();
  },
);

t.test('a block that the flash has not, or not any more, is not in doubt', (t) => {
  const doubts = new SuspectBlocks(small);
  doubts.add('rofs', 6);
  doubts.add('kernel', 4);
  doubts.add('kernel', 100);
  t.equal(doubts.none, true);
  doubts.add('kernel', 3);
  t.same(held(doubts, part('bmc')), [5], 'the last one is');
  t.end();
});

t.test('single doubts are handed over, but for those that are in a third set as well', (t) => {
  const [rofs, other] = [alone('rofs', 'mtd0', 6, 6), alone('alt', 'mtd7', 6, 6)];
  const target = targetOf(rofs, other);
  const [from, to, but] = [0, 1, 2].map(() => new SuspectBlocks(target)) as [
    SuspectBlocks,
    SuspectBlocks,
    SuspectBlocks,
  ];
  for (const block of [0, 2, 3]) from.add('rofs', block, 5n);
  from.add('alt', 2, 6n);
  to.add('rofs', 5);
  but.add('rofs', 2);
  from.moveTo(to, but);
  t.same(held(from, rofs), [2], 'it stays');
  t.equal(from.printOf(rofs, 2), 5n);
  t.same(held(to, rofs), [0, 3, 5]);
  t.same(held(from, other), []);
  t.same(held(to, other), [2], 'block 2 of the other chip is another one');
  t.same(held(but, rofs), [2]);
  from.moveTo(to, new SuspectBlocks(target));
  t.equal(from.none, true);
  t.same(held(to, rofs), [0, 2, 3, 5]);
  t.end();
});

t.test('doubts of partitions that are not opened are handed over, too', (t) => {
  const target = opened('kernel');
  const [from, to] = [new SuspectBlocks(target), new SuspectBlocks(target)];
  from.add('rofs', 4);
  from.add('rofs', 1);
  from.addWhole('rwfs');
  to.add('rofs', 2);
  from.moveTo(to, new SuspectBlocks(target));
  t.equal(from.none, true);
  t.same(from.list(), []);
  t.same(to.list(), [
    { partition: 'rofs', blocks: [1, 2, 4] },
    { partition: 'rwfs', blocks: null },
  ]);
  t.end();
});

t.test('nothing is torn where the kernel sees to it: UBI, static volumes and block devices', (t) => {
  const { device } = part('rofs');
  const refused = async (): Promise<never> => Promise.reject(new Error('not in this test'));
  const replacing: FlashDevice = Object.assign(new DeviceWrapper(device), { replace: refused });
  const rewrite = { length: refused, begin: refused, append: refused };
  const rewritten: FlashDevice = Object.assign(new DeviceWrapper(device), { rewrite });
  t.equal(isRaw(part('rofs')), true);
  for (const safe of [replacing, rewritten]) {
    const rofs = { ...part('rofs'), device: safe };
    const target = targetOf(part('kernel'), rofs);
    t.equal(isRaw(rofs), false);
    t.equal(rawBlock(target, 'rofs', 1), null);
    const doubts = new SuspectBlocks(target);
    doubts.add('rofs', 1);
    doubts.addWhole('rofs');
    t.equal(doubts.none, true);
    t.same(doubts.list(), []);
    doubts.add('kernel', 1);
    t.same(doubts.list(), [{ partition: 'kernel', blocks: [1] }]);
  }
  t.end();
});

t.test('a block of a record is looked up in its partition, to its last one', (t) => {
  t.match(rawBlock(small, 'rofs', 0), { partition: { name: 'rofs' }, block: 6 });
  t.match(rawBlock(small, 'rofs', 5), { partition: { name: 'rofs' }, block: 11 });
  t.equal(rawBlock(small, 'rofs', 6), null);
  t.match(rawBlock(small, 'bmc', 15), { block: 15 });
  t.equal(rawBlock(small, 'bmc', 16), null);
  t.equal(rawBlock(small, 'nowhere', 0), null);
  t.end();
});

t.test(
  'all flash: what lies between smaller partitions is in doubt too, and ends when it is written',
  (t) => {
    const names = ['u-boot', 'kernel', 'rwfs', 'bmc'];
    // Without rofs blocks 6 to 11 are those of bmc alone; a second name of all of it adds nothing.
    const target = targetOf(...names.map((name) => part(name)), { ...part('bmc'), name: 'chip' });
    const doubts = new SuspectBlocks(target);
    doubts.addAll();
    t.equal(held(doubts, part('bmc')).length, 16);
    t.equal(held(reread(doubts, target), part('bmc')).length, 16);
    for (const name of ['u-boot', 'kernel', 'rwfs']) doubts.settleWhole(part(name));
    t.same(held(doubts, part('bmc')), [6, 7, 8, 9, 10, 11], 'no image of theirs has come there');
    for (const block of [6, 7, 8, 9, 10, 11]) t.equal(doubts.settle(part('bmc'), block), true);
    t.equal(doubts.none, true);
    t.end();
  },
);

t.test('all flash, where nothing lies between the smaller partitions', (t) => {
  const doubts = new SuspectBlocks(small);
  doubts.addAll();
  t.same(
    doubts.list(),
    ['u-boot', 'kernel', 'rofs', 'rwfs'].map((partition) => ({ partition, blocks: null })),
  );
  const apart = [alone('bmc', 'mtd0', 0, 16), alone('rofs', 'mtd0', 2, 13)] as const;
  const others = new SuspectBlocks(targetOf(...apart));
  others.addAll();
  t.same(others.list(), [
    { partition: 'bmc', blocks: [0, 1, 15] },
    { partition: 'rofs', blocks: null },
  ]);
  const lower = [
    alone('both', 'mtd0', 4, 6),
    alone('kernel', 'mtd0', 5, 3),
    alone('rofs', 'mtd0', 9, 1),
  ] as const;
  const behind = new SuspectBlocks(targetOf(...lower));
  behind.addAll();
  t.same(
    behind.list().find(({ partition }) => partition === 'both'),
    { partition: 'both', blocks: [0, 4] },
  );
  t.end();
});
