import t from 'tap';
import type { Partition } from '../../../../../src/core/flash/device.js';
import { GoodBlocks } from '../../../../../src/core/update/plan/good-blocks.js';
import { nand, nor } from '../../../../kit/update-kit.js';

/** rofs has the device blocks 6 to 11. */
const scan = (target: ReturnType<typeof nor>): Promise<GoodBlocks> =>
  GoodBlocks.scan(target.partitions.get('rofs') as Partition);
const layout = (good: GoodBlocks): number[] => Array.from({ length: good.count }, (_, k) => good.at(k));

t.test('on NOR block n of the image is block n of the partition', async (t) => {
  const good = await scan(nor());
  t.same(layout(good), [6, 7, 8, 9, 10, 11]);
  t.equal(good.replaces, false);
  t.doesNotThrow(() => good.require(6));
  t.throws(() => good.require(7), { code: 'ERR_FLASH_BAD_BLOCKS', partition: 'rofs' });
});

t.test('on NAND it is the n-th good one', async (t) => {
  t.same(layout(await scan(nand())), [6, 7, 8, 9, 10, 11]);
  t.same(layout(await scan(nand({ factoryBad: [6, 9] }))), [7, 8, 10, 11]);
  const none = await scan(nand({ factoryBad: [6, 7, 8, 9, 10, 11] }));
  t.equal(none.count, 0);
  t.throws(() => none.at(0), { code: 'ERR_FLASH_BAD_BLOCKS' });
});

t.test('bad blocks of other partitions do not count', async (t) => {
  t.same(layout(await scan(nand({ factoryBad: [5, 12] }))), [6, 7, 8, 9, 10, 11]);
});

t.test('a block that is retired moves all later ones up', async (t) => {
  const good = await scan(nand({ factoryBad: [7] }));
  t.equal(good.replaces, true);
  good.retire(1);
  t.same(layout(good), [6, 9, 10, 11]);
  good.retire(0);
  t.same(layout(good), [9, 10, 11]);
  t.equal(good.count, 3);
  t.throws(() => good.require(4), { code: 'ERR_FLASH_BAD_BLOCKS', message: /3 good blocks of 6/ });
});

t.test('a block behind the last good one is not one of the next partition', async (t) => {
  const good = await scan(nand({ factoryBad: [6] }));
  t.throws(() => good.at(5), { code: 'ERR_FLASH_BAD_BLOCKS', partition: 'rofs' });
  t.throws(() => good.at(6), { code: 'ERR_BUNDLE_TOO_BIG', partition: 'rofs' });
  const plain = await scan(nor());
  t.throws(() => plain.at(6), { code: 'ERR_BUNDLE_TOO_BIG', partition: 'rofs' });
});

t.test("the blocks that come behind one are good, and the image's own", async (t) => {
  const plain = await scan(nor());
  t.same([...plain.from(8, 0)], [8, 9, 10, 11]);
  t.same([...plain.from(6, 3)], [6, 7, 8]);
  t.same([...plain.from(10, 100)], [10, 11]);
  const good = await scan(nand({ factoryBad: [9] }));
  t.same([...good.from(8, 0)], [8, 10, 11]);
  t.same([...good.from(6, 4)], [6, 7, 8, 10]);
});
