import t from 'tap';
import { findLayout, LAYOUTS, parseLayout, partitionsOf } from '../../src/core/flash/layout.js';
import { memoryTarget } from '../../src/core/sim/index.js';

t.test('the layouts of OpenBMC have the offsets and sizes of the device trees', (t) => {
  const shape = (name: string): Record<string, [number, number]> =>
    Object.fromEntries(findLayout(name).partitions.map(({ name, offset, size }) => [name, [offset, size]]));
  t.same(shape('quanta-q71l'), {
    bmc: [0, 0x2000000],
    'u-boot': [0, 0x60000],
    'u-boot-env': [0x60000, 0x20000],
    kernel: [0x80000, 0x440000],
    rofs: [0x4c0000, 0x1740000],
    rwfs: [0x1c00000, 0x400000],
  });
  t.same(shape('openbmc-64'), {
    bmc: [0, 0x4000000],
    'u-boot': [0, 0xe0000],
    'u-boot-env': [0xe0000, 0x20000],
    kernel: [0x100000, 0x900000],
    rofs: [0xa00000, 0x2000000],
    rwfs: [0x2a00000, 0x1600000],
  });
  t.same(shape('openbmc-128'), {
    bmc: [0, 0x8000000],
    'u-boot': [0, 0xe0000],
    'u-boot-env': [0xe0000, 0x20000],
    kernel: [0x100000, 0x900000],
    rofs: [0xa00000, 0x5600000],
    rwfs: [0x6000000, 0x2000000],
  });
  t.equal(findLayout('openbmc-32'), findLayout('quanta-q71l'));
  t.throws(() => findLayout('openbmc-16'), { code: 'ERR_USAGE_LAYOUT', message: /quanta-q71l/ });
  t.end();
});

t.test('the layouts obey the rules for custom ones, with NOR and with NAND blocks', (t) => {
  for (const layout of LAYOUTS) {
    for (const eraseSize of [4096, 65536, 131072]) t.same(parseLayout({ ...layout }, eraseSize), layout);
  }
  t.end();
});

t.test('a layout that cannot be is refused, with all that is wrong', (t) => {
  const good = { name: 'a', offset: 0, size: 8192 };
  const refused = (partitions: unknown, message: RegExp): void => {
    t.throws(() => parseLayout({ name: 'x', size: 65536, partitions }, 4096), {
      code: 'ERR_USAGE_LAYOUT',
      message,
    });
  };
  refused([], /must list at least one partition/);
  refused([{ ...good, offset: 100 }], /start and end at erase blocks/);
  refused([{ ...good, size: 5000 }], /start and end at erase blocks/);
  refused([{ ...good, offset: 61440 }], /ends after the chip/);
  refused([{ ...good, offset: -4096 }], /offset/);
  refused([{ ...good, size: 0 }], /size/);
  refused([good, { ...good, offset: 8192 }], /"a" twice/);
  refused([good, { name: 'b', offset: 4096, size: 4096 }], /a and b overlap/);
  refused([{ ...good, name: 'Kernel' }], /name/);
  refused([{ ...good, name: '../x' }], /name/);
  refused([{ ...good, name: '-x' }], /name/);
  refused([{ ...good, colour: 'red' }], /colour is unknown/);
  refused([{ name: 'a', offset: 0 }], /size is missing/);
  refused('all', /list/);
  refused([null], /object/);
  refused(
    [
      { name: 'all', offset: 0, size: 65536 },
      { name: 'bmc', offset: 0, size: 65536 },
    ],
    /more than once/,
  );
  t.throws(() => parseLayout({ name: 'X!', size: 1, extra: 1 }, 4096), {
    message: /extra is unknown.*name must be.*not a multiple/,
  });
  t.end();
});

t.test('the partitions of a target come in the order of their offsets, the whole chip first', (t) => {
  const target = memoryTarget('quanta-q71l');
  t.same([...target.partitions.keys()], ['bmc', 'u-boot', 'u-boot-env', 'kernel', 'rofs', 'rwfs']);
  t.equal(target.partitions.get('rofs')?.device, target.chip);
  const shuffled = { partitions: [...findLayout('quanta-q71l').partitions].reverse() };
  t.same([...partitionsOf(shuffled, target.chip).keys()], [...target.partitions.keys()]);
  t.end();
});
