import { join } from 'node:path';
import t, { type Test } from 'tap';
import { listAttached, listUbi } from 'node-mtd';
import { FakeKernel, type UbiOf, ubiOf } from './fake-kernel.js';

function kernel(t: Test, ubi: UbiOf): FakeKernel {
  const made = new FakeKernel([], ubi);
  t.teardown(() => made.remove());
  return made;
}

t.test('a kernel without UBI has neither volumes nor attachments', (t) => {
  t.same(listUbi({ sys: '/nowhere' }), []);
  t.same(listAttached({ sys: '/nowhere' }), []);
  t.end();
});

t.test('every volume is listed, and every MTD that UBI has', (t) => {
  const { roots } = kernel(t, {
    ...ubiOf(10, 7, [{}]),
    ...ubiOf(1, 4, [
      {},
      { type: 'static\n', data_bytes: '5\n', corrupted: '1\n', upd_marker: '1\n', name: 'a "b"\n' },
    ]),
    ...ubiOf(2, 9, []),
    version: { x: '' },
  });
  const found = listUbi(roots);
  t.same(
    found.map(({ ubi, volume }) => [ubi, volume]),
    [
      [1, 0],
      [1, 1],
      [10, 0],
    ],
  );
  t.same(found[0], {
    ubi: 1,
    volume: 0,
    name: 'volume 0',
    type: 'dynamic',
    lebs: 10,
    lebSize: 126976,
    minIo: 2048,
    dataBytes: 1269760,
    corrupted: false,
    updateMarker: false,
    mtd: 4,
    path: join(roots.dev, 'ubi1_0'),
    major: 241,
    minor: 1,
  });
  t.match(found[1], {
    name: 'a "b"',
    type: 'static',
    dataBytes: 5,
    corrupted: true,
    updateMarker: true,
    mtd: 4,
  });
  t.same(listAttached(roots), [
    { ubi: 1, mtd: 4 },
    { ubi: 2, mtd: 9 },
    { ubi: 10, mtd: 7 },
  ]);
  t.end();
});

t.test('what makes no sense is refused, and named', (t) => {
  for (const [attributes, message] of [
    [{ reserved_ebs: '0\n' }, /0 LEBs/],
    [{ usable_eb_size: '0\n' }, /of 0 bytes/],
    [{ usable_eb_size: '9007199254740991\n' }, /10 LEBs of 9007199254740991/],
    [{ data_bytes: '1269761\n' }, /1269761 bytes of data/],
    [{ type: 'elastic\n' }, /not a type: "elastic"/],
    [{ corrupted: 'yes\n' }, /neither 0 nor 1: "yes"/],
    [{ upd_marker: '2\n' }, /neither 0 nor 1: "2"/],
    [{ name: '\n' }, /not a name/],
    [{ name: 'a\u001b[2J\n' }, /not a name/],
    [{ dev: 'x\n' }, /not a device number/],
  ] as const) {
    const { roots } = kernel(t, ubiOf(0, 0, [attributes]));
    t.throws(() => listUbi(roots), { name: 'NodeMtdError', code: 'ERR_MALFORMED', message });
  }
  t.end();
});

t.test('entries that the kernel does not make are refused', (t) => {
  const volume = ubiOf(0, 0, [{}]).ubi0_0 ?? {};
  for (const [extra, message] of [
    [{ ubi00: { mtd_num: '0\n' } }, /ubi00/],
    [{ ubi0_00: volume }, /ubi0_00/],
    [{ ubi5_0: volume }, /ubi5_0 belongs to no UBI device/],
    [{ ubi1: { min_io_size: '1\n' } }, /mtd_num is missing/],
    [{ ubi1: { mtd_num: '-1\n', min_io_size: '1\n' } }, /mtd_num is not a number/],
    [{ ubi1: { mtd_num: '1\n' }, ubi1_0: volume }, /min_io_size is missing/],
  ] as const) {
    const { roots } = kernel(t, { ...ubiOf(0, 0, [{}]), ...extra });
    t.throws(() => listUbi(roots), { name: 'NodeMtdError', code: 'ERR_MALFORMED', message });
  }
  t.end();
});
