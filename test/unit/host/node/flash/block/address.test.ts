import * as fc from 'fast-check';
import t from 'tap';
import { nameFor, parseBlockAddress } from '../../../../../../src/host/node/flash/block/address.js';
import { blockGeometry } from '../../../../../../src/core/flash/block/geometry.js';

const KIB = 1024;
const MIB = KIB * KIB;
const GIB = KIB * MIB;

t.test('a name stands in front of an equals sign, and a path may have one', (t) => {
  for (const [rest, name, path] of [
    ['/dev/mmcblk0p3', null, '/dev/mmcblk0p3'],
    ['rofs=/dev/mmcblk0p3', 'rofs', '/dev/mmcblk0p3'],
    ['u-boot.a=disk=1.img', 'u-boot.a', 'disk=1.img'],
    ['/dev/disk/by-partlabel/a=b', null, '/dev/disk/by-partlabel/a=b'],
    ['./a=b', null, './a=b'],
    ['=x', null, '=x'],
    ['', null, ''],
  ] as const) {
    t.same(parseBlockAddress(rest), { name, path }, rest);
  }
  t.end();
});

t.test('without a name it goes by its label, or by its file', (t) => {
  t.equal(nameFor('/dev/mmcblk0p3', 'rofs-a'), 'rofs-a');
  t.equal(nameFor('/dev/mmcblk0p3', null), 'mmcblk0p3');
  t.equal(nameFor('/images/rofs.img', null), 'rofs');
  for (const bad of ['EFI System', '../x', '-a', '', 'x'.repeat(65), 'a\nb']) {
    t.equal(nameFor('/dev/sda1', bad), 'sda1', JSON.stringify(bad));
  }
  t.end();
});

t.test('blocks are as large as they can be to cover all of the device', (t) => {
  const shape = (size: number, logical = 512): [number, number, number] => {
    const { type, size: covered, eraseSize, writeSize } = blockGeometry(size, logical);
    t.equal(type, 'block');
    return [covered, eraseSize, writeSize];
  };
  t.same(shape(32 * MIB), [32 * MIB, 64 * KIB, 512]);
  t.same(shape(20 * KIB), [20 * KIB, 4 * KIB, 512]);
  t.same(shape(512), [512, 512, 512]);
  t.same(shape(32 * MIB + 512), [32 * MIB + 512, 512, 512]);
  t.same(shape(32 * MIB + 4096, 4096), [32 * MIB + 4096, 4096, 4096]);
  t.same(shape(8 * GIB), [8 * GIB, 64 * KIB, 512], 'many blocks when they are large');
  t.same(shape(8 * GIB + 32 * KIB), [8 * GIB, 64 * KIB, 512], 'never too many small ones');
  t.same(shape(8 * GIB - 17 * KIB), [8 * GIB - 64 * KIB, 64 * KIB, 512]);
  t.same(shape(511), [0, 512, 512], 'not even one');
  t.same(shape(0)[0], 0);
  t.end();
});

t.test('every geometry is whole, and leaves out less than one block', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 64 * GIB }), fc.constantFrom(512, 4096), (bytes, logical) => {
      const size = bytes - (bytes % logical);
      const { size: covered, eraseSize, writeSize } = blockGeometry(size, logical);
      return (
        covered % eraseSize === 0 &&
        eraseSize % writeSize === 0 &&
        covered <= size &&
        size - covered < eraseSize &&
        eraseSize <= 64 * KIB &&
        (covered > 0 || size === 0)
      );
    }),
    { numRuns: 1000 },
  );
  t.pass('all of them');
  t.end();
});
