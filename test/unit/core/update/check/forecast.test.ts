import t from 'tap';
import type { Partition } from '../../../../../src/core/flash/device.js';
import type { MemoryTarget } from '../../../../../src/core/sim/index.js';
import { PartitionForecast } from '../../../../../src/core/update/check/forecast.js';
import { ERASE, nand, nor, oldContent, platform, recorder } from '../../../../kit/update-kit.js';
import { DeviceWrapper } from '../../../../kit/device-wrapper.js';

const rofs = (target: MemoryTarget): Partition => target.partitions.get('rofs') as Partition;
const open = (target: MemoryTarget, length: number | null): Promise<PartitionForecast> =>
  PartitionForecast.open(rofs(target), length, platform, {});

t.test('an image that needs more blocks than are good is refused before its first one', async (t) => {
  // Four of six blocks are good.
  const target = nand({ factoryBad: [7, 10] });
  t.equal((await open(target, 4 * ERASE)).blocks, 0);
  t.equal((await open(target, 3 * ERASE + 1)).blocks, 0);
  for (const length of [4 * ERASE + 1, 5 * ERASE, 6 * ERASE]) {
    await t.rejects(open(target, length), { code: 'ERR_FLASH_BAD_BLOCKS', partition: 'rofs' }, `${length}`);
  }
});

t.test('one of unknown length is refused where it needs a block that is not there', async (t) => {
  const { changes, onOperation } = recorder();
  const forecast = await open(nand({ factoryBad: [7, 10], onOperation }), null);
  const bytes = new Uint8Array(ERASE);
  for (let index = 0; index < 4; index++) await forecast.put(index, bytes);
  t.match(forecast.summary, { blocks: 4, unchanged: 0, erases: 4, programsWithoutErase: 0 });
  t.same(forecast.changed, [0, 2, 3, 5], 'counted from the start of the partition, bad ones too');
  await t.rejects(forecast.put(4, bytes), { code: 'ERR_FLASH_BAD_BLOCKS', partition: 'rofs' });
  t.same(changes, [], 'and nothing is written');
});

t.test(
  'the time is that of the erases and of all blocks that are programmed, where it can be told',
  async (t) => {
    const content = oldContent();
    // rofs has the blocks 6 to 11: one is right already, two need their bits cleared only, three another content.
    const image = oldContent().fill(0x55, 7 * ERASE, 12 * ERASE);
    content.fill(0xff, 7 * ERASE, 9 * ERASE);
    const target = nor({ content });
    const estimate = (erases: number, bytes: number): number => 1000 * erases + bytes;
    const timed = { ...rofs(target), device: Object.assign(new DeviceWrapper(target.chip), { estimate }) };
    const untimed = {
      ...rofs(target),
      device: Object.assign(new DeviceWrapper(target.chip), { estimate: undefined }),
    };
    for (const [partition, seconds] of [
      [timed, (3000 + 5 * ERASE) / 1000],
      [untimed, null],
    ] as const) {
      const forecast = await PartitionForecast.open(partition, 6 * ERASE, platform, {});
      for (let index = 0; index < 6; index++) {
        await forecast.put(index, image.subarray((6 + index) * ERASE, (7 + index) * ERASE));
      }
      t.same(forecast.summary, {
        blocks: 6,
        unchanged: 1,
        erases: 3,
        programsWithoutErase: 2,
        changed: [1, 2, 3, 4, 5],
        seconds,
      });
    }
  },
);
