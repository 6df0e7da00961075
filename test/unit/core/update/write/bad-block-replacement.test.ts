/** Blocks that are taken out of use, without a writer around it. */
import t from 'tap';
import { SluiceError } from '../../../../../src/core/errors.js';
import { UNSUPPORTED, type Partition } from '../../../../../src/core/flash/device.js';
import { GoodBlocks } from '../../../../../src/core/update/plan/good-blocks.js';
import { BadBlockReplacement } from '../../../../../src/core/update/write/bad-block-replacement.js';
import { nand, nor } from '../../../../kit/update-kit.js';

const failed = new SluiceError('ERR_FLASH_ERASE', 'erase failed', { block: 1, errno: 'EIO' });

async function open(target = nand()) {
  const bmc = target.partitions.get('bmc') as Partition;
  const good = await GoodBlocks.scan(bmc);
  const retired: number[] = [];
  const worn = new BadBlockReplacement(bmc, good, (block) => void retired.push(block));
  return { worn, good, retired, target };
}

t.test('NAND: it is marked, told of, and the next good one is there instead', async (t) => {
  const { worn, good, retired, target } = await open();
  await worn.replace(4, failed);
  await worn.replace(4, failed);
  t.same(retired, [4, 5]);
  t.equal(good.at(4), 6);
  t.equal(good.at(3), 3);
  for (const block of [4, 5]) t.equal(await target.chip.isBad(block), true, `block ${block}`);
});

t.test('three in a row are marked; a block that works begins the row anew', async (t) => {
  const { worn, retired } = await open();
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 3; n++) await worn.replace(0, failed);
    worn.worked();
  }
  t.equal(retired.length, 9);
  for (let n = 0; n < 3; n++) await worn.replace(0, failed);
  await t.rejects(worn.replace(2, failed), {
    code: 'ERR_FLASH_ERASE',
    message: /^erase block 14 of bmc \(0xe000 of the \w+\): erase failed; .* controller/,
    partition: 'bmc',
    block: 14,
    errno: 'EIO',
    cause: failed,
  });
  t.equal(retired.length, 12);
});

t.test('what is no wear marks nothing, and NOR has no bad blocks', async (t) => {
  const cut = new SluiceError('ERR_FLASH_POWER_CUT', 'cut');
  const { worn, retired } = await open();
  await t.rejects(worn.replace(1, cut), cut);
  t.equal(await worn.retireGate(cut), cut);
  t.same(retired, []);
  const fixed = await open(nor());
  await t.rejects(fixed.worn.replace(1, failed), { code: 'ERR_FLASH_ERASE', partition: 'bmc', block: 1 });
  t.match(await fixed.worn.retireGate(failed), { code: 'ERR_FLASH_ERASE', partition: 'bmc', block: 0 });
  t.same(fixed.retired, []);
});

t.test('where marks are not to be had, nothing is written behind a block that fails', async (t) => {
  const target = nand();
  const bmc = target.partitions.get('bmc') as Partition;
  const good = await GoodBlocks.scan(bmc);
  target.chip.markBad = () => Promise.resolve(UNSUPPORTED);
  const worn = new BadBlockReplacement(bmc, good, () => t.fail('it is not out of use'));
  await t.rejects(worn.replace(4, failed), { code: 'ERR_FLASH_ERASE', partition: 'bmc', block: 4 });
  await t.rejects(worn.retireGate(failed), { code: 'ERR_FLASH_ERASE', partition: 'bmc', block: 0 });
  t.equal(good.at(4), 4);
});

t.test('a gate is marked, and ends the update', async (t) => {
  const { worn, retired, target } = await open();
  t.match(await worn.retireGate(failed), {
    code: 'ERR_FLASH_GATE',
    message: /^erase block 0 of bmc \(0x0 of the device\), the first block of the image, went bad/,
    partition: 'bmc',
    block: 0,
    cause: failed,
  });
  t.same(retired, [0]);
  t.equal(await target.chip.isBad(0), true);
});
