/** A failure of the flash names one block, counted in its partition, and one offset. */
import t from 'tap';
import { systemFailure } from '../../../../../src/core/flash/errno.js';
import type { Partition } from '../../../../../src/core/flash/device.js';
import { blockName, withBlockContext } from '../../../../../src/core/update/write/block-context.js';
import { ERASE, nor } from '../../../../kit/update-kit.js';

const rofs = (): Partition => nor().partitions.get('rofs') as Partition;

t.test('what a driver reports gets the number within the partition and the offset on the chip', (t) => {
  const partition = rofs();
  const first = partition.offset / ERASE;
  const thrown = Object.assign(new Error('EIO: i/o error, erase'), { code: 'EIO' });
  const failure = systemFailure(partition.device.name, 'erase', thrown, { block: first + 2 });
  t.match(withBlockContext(failure, partition, first + 2), {
    message: `erase block 2 of rofs (0x${((first + 2) * ERASE).toString(16)} of the chip): erase failed, EIO`,
    partition: 'rofs',
    block: 2,
    errno: 'EIO',
  });
  const gone = Object.assign(new Error('ENODEV: no such device, erase'), { code: 'ENODEV' });
  const other = systemFailure(partition.device.name, 'erase', gone, { block: first + 2 });
  t.equal(withBlockContext(other, partition, first + 2), other, 'this one is about the device');
  t.end();
});

t.test('the offset is that of the chip if the partition has a device of its own on it', (t) => {
  const chip = rofs();
  const { device } = chip;
  const own = { name: 'own', device, offset: 0, size: device.geometry.size };
  t.equal(blockName(own, 3), `erase block 3 of own (0x${(3 * ERASE).toString(16)} of the device)`);
  const placed = { ...own, place: { chip: 'mtd', offset: 0x10_0000 } };
  const at = (0x10_0000 + 3 * ERASE).toString(16);
  t.equal(blockName(placed, 3), `erase block 3 of own (0x${at} of the chip)`);
  t.end();
});
