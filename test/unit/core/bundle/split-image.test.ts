import t from 'tap';
import * as fc from 'fast-check';
import { type ChipRange, cutImage } from '../../../../src/core/bundle/split-image.js';

const KiB = 1024;
const chip: ChipRange[] = [
  { name: 'bmc', offset: 0, size: 0x2000000 },
  { name: 'u-boot', offset: 0, size: 0x60000 },
  { name: 'u-boot-env', offset: 0x60000, size: 0x20000 },
  { name: 'kernel', offset: 0x80000, size: 0x440000 },
  { name: 'rofs', offset: 0x4c0000, size: 0x1740000 },
  { name: 'rwfs', offset: 0x1c00000, size: 0x400000 },
];
const whole = 0x2000000;
const cut = (imageSize: number, ...wanted: string[]) =>
  cutImage(chip, imageSize, wanted, 64 * KiB).map(({ partition, start, end }) => [partition, start, end]);

t.test('a whole image is cut along the wanted partitions, in ascending order', (t) => {
  t.strictSame(cut(whole, 'rofs', 'kernel'), [
    ['kernel', 0x80000, 0x4c0000],
    ['rofs', 0x4c0000, 0x1c00000],
  ]);
  t.strictSame(
    cut(whole, 'rwfs', 'rofs', 'u-boot', 'kernel').map(([name]) => name),
    ['u-boot', 'kernel', 'rofs', 'rwfs'],
  );
  t.strictSame(cut(whole, 'kernel', 'kernel').length, 1, 'asked for twice is asked for once');
  t.strictSame(cut(whole, 'bmc'), [['bmc', 0, whole]]);
  t.strictSame(cut(whole), []);
  t.end();
});

t.test('where the image ends early, cuts are shorter or absent', (t) => {
  t.strictSame(cut(0x80000 + 1000, 'kernel', 'rofs', 'u-boot'), [
    ['u-boot', 0, 0x60000],
    ['kernel', 0x80000, 0x80000 + 1000],
  ]);
  t.strictSame(
    cut(0x80000, 'kernel'),
    [],
    'an image that ends where the partition starts has nothing for it',
  );
  t.strictSame(cut(300_000, 'u-boot'), [['u-boot', 0, 300_000]]);
  t.end();
});

t.test('a partition that starts or ends inside a block cannot be cut out', (t) => {
  const odd = [
    { name: 'a', offset: 0, size: 0x18000 },
    { name: 'b', offset: 0x18000, size: 0x8000 },
    { name: 'c', offset: 0x20000, size: 0x10000 },
  ];
  const refused = { code: 'ERR_BUNDLE_LAYOUT', member: 'image-bmc' };
  t.throws(() => cutImage(odd, 0x30000, ['a'], 0x10000), refused, 'its end');
  t.throws(() => cutImage(odd, 0x30000, ['b'], 0x10000), { ...refused, partition: 'b' }, 'its start');
  t.equal(cutImage(odd, 0x30000, ['c'], 0x10000).length, 1);
  t.equal(cutImage(odd, 0x30000, ['a', 'b'], 0x8000).length, 2, 'with smaller blocks it can');
  t.equal(cutImage(odd, 0x15000, ['a', 'b'], 0x10000).length, 1, 'the end of the image may be anywhere');
  t.end();
});

t.test('what cannot be meant is refused', (t) => {
  t.throws(() => cut(whole, 'kernel', 'nothing'), {
    code: 'ERR_USAGE_PARTITION',
    message: /u-boot-env, kernel/,
  });
  t.throws(() => cut(whole, 'bmc', 'kernel'), { code: 'ERR_BUNDLE_LAYOUT' }, 'partitions that overlap');
  t.throws(() => cut(whole + 1, 'kernel'), { code: 'ERR_BUNDLE_TOO_BIG' }, 'an image for a larger chip');
  t.throws(() => cutImage([], 1, [], 4096), { code: 'ERR_BUNDLE_TOO_BIG' });
  t.end();
});

t.test('each byte of the image goes where it stood, to one partition', (t) => {
  const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(
      sizes,
      fc.nat(),
      fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
      (sizes, cutAt, choice) => {
        let offset = 0;
        const ranges = sizes.map((blocks, i) => {
          const range = { name: `p${i}`, offset, size: blocks * 4096 };
          offset += range.size;
          return range;
        });
        const imageSize = cutAt % (offset + 1);
        const wanted = ranges.filter((_, i) => choice[i]);
        const expected = wanted
          .filter((range) => range.offset < imageSize)
          .map(({ name, offset, size }) => ({
            partition: name,
            start: offset,
            end: Math.min(offset + size, imageSize),
          }));
        const names = wanted.map(({ name }) => name).reverse();
        t.strictSame(cutImage(ranges, imageSize, names, 4096), expected);
      },
    ),
  );
  t.end();
});
