import t from 'tap';
import type { FlashDevice, FlashTarget, Partition } from '../../../src/core/flash/device.js';
import { sizeOf } from '../../../src/service/flash-size.js';

const device = (eraseSize: number): FlashDevice =>
  ({ name: 'chip', geometry: { type: 'nor', size: 1 << 24, eraseSize, writeSize: 1 } }) as FlashDevice;

const target = (...partitions: readonly Omit<Partition, 'name'>[]): FlashTarget => ({
  address: 'test:',
  partitions: new Map(partitions.map((each, at) => [`p${at}`, { name: `p${at}`, ...each }])),
  close: async () => {},
});

t.test('what lies in several partitions counts once', (t) => {
  const chip = device(100);
  const whole = { device: chip, offset: 0, size: 1000 };
  const head = { device: chip, offset: 0, size: 300 };
  const tail = { device: chip, offset: 700, size: 300 };
  t.strictSame(sizeOf(target(head, tail)), { bytes: 600, blocks: 6 });
  t.strictSame(sizeOf(target(head, whole, tail)), { bytes: 1000, blocks: 10 });
  t.strictSame(sizeOf(target(tail, { device: chip, offset: 200, size: 600 }, head)), {
    bytes: 1000,
    blocks: 10,
  });
  t.strictSame(sizeOf(target()), { bytes: 0, blocks: 0 });
  t.end();
});

t.test('partitions that have devices of their own are told apart by their chip', (t) => {
  const part = (chip: string, offset: number, size: number): Omit<Partition, 'name'> => ({
    device: device(100),
    offset: 0,
    size,
    place: { chip, offset },
  });
  t.strictSame(sizeOf(target(part('a', 0, 500), part('a', 500, 500), part('a', 0, 1000))), {
    bytes: 1000,
    blocks: 10,
  });
  t.strictSame(sizeOf(target(part('a', 0, 500), part('b', 0, 500))), { bytes: 1000, blocks: 10 });
  const plain = (eraseSize: number): Omit<Partition, 'name'> => ({
    device: device(eraseSize),
    offset: 0,
    size: 400,
  });
  t.strictSame(sizeOf(target(plain(100), plain(200))), { bytes: 800, blocks: 6 });
  t.end();
});
