import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { listMtd } from 'node-mtd';
import { FakeKernel, type MtdOf } from './fake-kernel.js';

function kernel(t: Test, mtds: readonly MtdOf[]): FakeKernel {
  const made = new FakeKernel(mtds);
  t.teardown(() => made.remove());
  return made;
}

function refuses(
  t: Test,
  mtds: readonly MtdOf[],
  message: RegExp,
  change?: (kernel: FakeKernel) => void,
): void {
  const made = kernel(t, mtds);
  change?.(made);
  t.throws(() => listMtd(made.roots), { name: 'NodeMtdError', code: 'ERR_MALFORMED', message });
}

t.test('a kernel without MTD has none', (t) => {
  t.same(listMtd({ proc: '/nowhere', sys: '/nowhere' }), []);
  t.same(listMtd(kernel(t, []).roots), []);
  t.end();
});

t.test('every MTD is listed, with where it lies', (t) => {
  const { roots } = kernel(t, [
    { name: 'bmc', size: 0x2000000 },
    { name: 'u-boot', size: 0x60000, offset: 0, inside: 0 },
    { name: 'pnor', size: 0x4000000, inside: 'platform/spi1/mtd' },
    { name: 'nand', type: 'nand', flags: '0x400', eraseSize: 0x20000, writeSize: 2048, oobSize: 64 },
  ]);
  const found = listMtd(roots);
  const spi0 = join(realpathSync(roots.sys), 'devices/platform/spi0/mtd');
  t.same(found[0], {
    index: 0,
    name: 'bmc',
    type: 'nor',
    flags: 0xc00,
    size: 0x2000000,
    eraseSize: 0x10000,
    writeSize: 1,
    oobSize: 0,
    offset: null,
    parent: null,
    siblingsOf: spi0,
    path: join(roots.dev, 'mtd0'),
    major: 90,
    minor: 0,
  });
  t.match(found[1], { name: 'u-boot', offset: 0, parent: 0, siblingsOf: join(spi0, 'mtd0'), minor: 2 });
  t.match(found[2], {
    name: 'pnor',
    parent: null,
    siblingsOf: join(realpathSync(roots.sys), 'devices/platform/spi1/mtd'),
  });
  t.match(found[3], { type: 'nand', flags: 0x400, eraseSize: 0x20000, writeSize: 2048, oobSize: 64 });
  t.end();
});

t.test('they come ascending, also where the kernel lists them otherwise', (t) => {
  const made = kernel(
    t,
    [...Array(11).keys()].map((i) => ({ name: `p${i}` })),
  );
  const lines = [...Array(11).keys()].map((i) => `mtd${i}: 00100000 00010000 "p${i}"\n`);
  made.setProc(`dev:    size   erasesize  name\n${lines.reverse().join('')}`);
  t.same(
    listMtd(made.roots).map(({ index }) => index),
    [...Array(11).keys()],
  );
  t.end();
});

t.test('names are what their makers chose: spaces, quotes, letters beyond ASCII, one name twice', (t) => {
  const names = [
    'a "quoted" name',
    '"',
    ' ',
    'mtd1: 00100000 00010000 "x"',
    'größe',
    'twice',
    'twice',
    '../../etc',
  ];
  const { roots } = kernel(
    t,
    names.map((name) => ({ name })),
  );
  t.same(
    listMtd(roots).map(({ name }) => name),
    names,
  );
  t.end();
});

t.test('sizes above 4 GiB are exact', (t) => {
  const size = 9 * 2 ** 40 + 0x20000;
  const { roots } = kernel(t, [{ name: 'big', size, eraseSize: 0x20000, offset: 2 ** 33 }]);
  t.match(listMtd(roots)[0], { size, offset: 2 ** 33 });
  t.end();
});

t.test('a type that is not known is unknown, and not an error', (t) => {
  t.match(listMtd(kernel(t, [{ name: 'a', type: 'quantum-foam' }]).roots)[0], { type: 'unknown' });
  refuses(t, [{ name: 'a', type: 'two words' }], /not a type: "two words"/);
  t.end();
});

t.test('a /proc/mtd that is no such list is refused', (t) => {
  const header = 'dev:    size   erasesize  name\n';
  const good = 'mtd0: 00100000 00010000 "a"\n';
  for (const [text, message] of [
    ['', /not a list/],
    ['dev: size erasesize name\n', /not a list/],
    [header + good.trimEnd(), /not a list/],
    [`${header}\n`, /has a malformed line: ""/],
    [`${header}${good}${good}`, /mtd0 twice/],
    [`${header}mtd00: 00100000 00010000 "a"\n`, /has a malformed line/],
    [`${header}mtd0: 0x100000 00010000 "a"\n`, /has a malformed line/],
    [`${header}mtd0: 00100000 00010000 a\n`, /has a malformed line/],
    [`${header}mtd0: 00100000 00010000 ""\n`, /has a malformed line/],
    [`${header}mtd0: -0100000 00010000 "a"\n`, /has a malformed line/],
    [`${header}mtd0: ffffffffffffffff 00010000 "a"\n`, /has a malformed line/],
    [`${header}mtd0: 00100000 00010000 "a\u0007"\n`, /has a malformed line/],
    [`${header}mtd0: 00100000 00010000 "a\nmtd1: 00100000 00010000 "b"\n`, /has a malformed line/],
    [`${header}mtd9999999999: 00100000 00010000 "a"\n`, /has a malformed line/],
    [
      Buffer.concat([Buffer.from(`${header}mtd0: 00100000 00010000 "`), Buffer.of(0xff), Buffer.from('"\n')]),
      /UTF-8/,
    ],
  ] as const) {
    refuses(t, [{ name: 'a' }], message, (made) => made.setProc(text));
  }
  t.end();
});

t.test('attributes that make no sense are refused, and named', (t) => {
  for (const [sysfs, message] of [
    [{ size: '1048576' }, /size is not one line/],
    [{ size: '1048576\n\n' }, /size is not one line/],
    [{ size: '\n' }, /size is not a number: ""/],
    [{ size: '01048576\n' }, /size is not a number/],
    [{ size: '-1\n' }, /size is not a number/],
    [{ size: '1e6\n' }, /size is not a number/],
    [{ size: '9007199254740992\n' }, /size is not a number/],
    [{ size: ' 1048576\n' }, /size is not a number/],
    [{ size: null }, /size is missing/],
    [{ erasesize: '64K\n' }, /erasesize is not a number/],
    [{ flags: 'c00\n' }, /flags is not a number/],
    [{ flags: '0xC0G\n' }, /flags is not a number/],
    [{ offset: '-1\n' }, /offset is not a number/],
    [{ name: 'a\u0000\n' }, /name is not a name/],
    [{ name: Buffer.of(0xff, 0x0a) }, /UTF-8/],
    [{ name: null }, /name is missing/],
    [{ dev: '90\n' }, /dev is not a device number/],
    [{ dev: '90:-2\n' }, /dev is not a device number/],
    [{ dev: '90:99999999\n' }, /dev is not a device number/],
  ] as const) {
    refuses(t, [{ name: 'a', sysfs }], message);
  }
  t.end();
});

t.test('/proc/mtd and sysfs must agree', (t) => {
  refuses(t, [{ name: 'a', sysfs: { name: 'b\n' } }], /name is "a" in .* and "b" in/);
  refuses(t, [{ name: 'a', sysfs: { size: '2097152\n' } }], /size is "1048576" in .* and "2097152" in/);
  refuses(t, [{ name: 'a', sysfs: { erasesize: '4096\n' } }], /eraseSize is "65536" in .* and "4096" in/);
  refuses(t, [{ name: 'a' }], /mtd0 is in .*class\/mtd but not in/, (made) =>
    made.setProc('dev:    size   erasesize  name\n'),
  );
  refuses(t, [{ name: 'a' }], /mtd1 is in .*proc\/mtd but not in/, (made) =>
    made.setProc(
      'dev:    size   erasesize  name\nmtd0: 00100000 00010000 "a"\nmtd1: 00100000 00010000 "b"\n',
    ),
  );
  t.end();
});

t.test(
  'an entry of sysfs that comes twice, in another spelling or with a number that is taken, is refused',
  (t) => {
    refuses(t, [{ name: 'a' }], /mtd00 is in/, (made) =>
      made.link('mtd00', join(made.roots.sys, 'devices/x/mtd00')),
    );
    refuses(
      t,
      [{ name: 'a' }, { name: 'b', sysfs: { dev: '90:0\n' } }],
      /mtd1 has the device number 90:0 of another/,
    );
    t.end();
  },
);

t.test('an MTD inside of one that does not exist is refused', (t) => {
  refuses(t, [{ name: 'a', inside: 'platform/mtd7' }], /mtd0 is in mtd7/);
  t.end();
});
