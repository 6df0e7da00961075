import t, { type Test } from 'tap';
import { Mtd, type MtdEntry, listMtd } from 'node-mtd';
import { type Answers, type Fake, fakeBinding, systemError } from './fake-binding.js';
import { FakeKernel, type MtdOf } from './fake-kernel.js';

const NAND = {
  name: 'rofs',
  type: 'nand',
  flags: '0x400',
  size: 0x100000,
  eraseSize: 0x20000,
  writeSize: 2048,
  oobSize: 64,
};
const INFO = { type: 4, flags: 0x400, size: 0x100000, eraseSize: 0x20000, writeSize: 2048, oobSize: 64 };
const NODE = { kind: 'char', major: 90, minor: 0, size: 0 } as const;

interface Setting extends Fake {
  readonly kernel: FakeKernel;
  readonly entry: MtdEntry;
  open(): Promise<Mtd>;
}

function setting(t: Test, answers: Answers = {}, mtd: MtdOf = NAND): Setting {
  const kernel = new FakeKernel([mtd]);
  t.teardown(() => kernel.remove());
  const entry = listMtd(kernel.roots)[0]!;
  const fake = fakeBinding({ identify: () => NODE, mtdInfo: () => INFO, ...answers });
  return {
    ...fake,
    kernel,
    entry,
    open: () => Mtd.open(fake.binding, entry, { write: true, roots: kernel.roots }),
  };
}

t.test('what was listed is opened, for writing only when that is asked for', async (t) => {
  const { binding, calls, entry, kernel, open } = setting(t);
  const mtd = await open();
  t.equal(mtd.entry, entry);
  await mtd.close();
  await (await Mtd.open(binding, entry, { write: false, roots: kernel.roots })).close();
  t.same(
    calls.filter(([name]) => name === 'open'),
    [
      ['open', entry.path, { write: true, exclusive: false }],
      ['open', entry.path, { write: false, exclusive: false }],
    ],
  );
});

t.test('a node that is not that of the MTD is refused, and closed', async (t) => {
  for (const node of [
    { ...NODE, kind: 'block' },
    { ...NODE, kind: 'file', major: 0 },
    { ...NODE, minor: 2 },
    { ...NODE, major: 1 },
  ] as const) {
    const { open, isOpen, calls } = setting(t, { identify: () => node });
    await t.rejects(open(), { code: 'ERR_REPLACED', message: /mtd0 is no longer "rofs": the node/ });
    t.ok(calls.some(([name]) => name === 'close') && !isOpen());
  }
});

t.test('a device whose geometry changed since it was listed is refused, and closed', async (t) => {
  for (const change of [
    { type: 3 },
    { type: 99 },
    { flags: 0xc00 },
    { size: 0x200000 },
    { eraseSize: 0x10000 },
    { writeSize: 4096 },
    { oobSize: 128 },
  ]) {
    const { open, isOpen } = setting(t, { mtdInfo: () => ({ ...INFO, ...change }) });
    const [field] = Object.keys(change);
    await t.rejects(open(), { code: 'ERR_REPLACED', message: new RegExp(`MEMGETINFO: ${field} was`) });
    t.notOk(isOpen());
  }
});

t.test('a device that sysfs tells otherwise of since it was listed is refused, and closed', async (t) => {
  for (const [now, message] of [
    [[{ ...NAND, name: 'pnor' }], /name was rofs and is pnor/],
    [[{ ...NAND, size: 0x200000 }], /size was 1048576 and is 2097152/],
    [[{ ...NAND, offset: 0 }], /offset was null and is 0/],
    [[{ ...NAND, inside: 'platform/spi9/mtd' }], /siblingsOf was/],
    [[{ ...NAND, sysfs: { dev: '90:4\n' } }], /minor was 0 and is 4/],
    [[], /the device does not exist/],
  ] as const) {
    const { open, isOpen, kernel } = setting(t);
    kernel.setMtds(now);
    await t.rejects(open(), { code: 'ERR_REPLACED', message });
    t.notOk(isOpen());
  }
});

t.test('what the calls of opening fail with is passed on, and the handle closed', async (t) => {
  for (const name of ['identify', 'mtdInfo'] as const) {
    const { open, isOpen } = setting(t, {
      [name]: () => {
        throw systemError('EIO', name);
      },
    });
    await t.rejects(open(), { code: 'EIO', syscall: name });
    t.notOk(isOpen());
  }
  const { open, calls } = setting(t, {
    open: () => {
      throw systemError('EACCES', 'open');
    },
  });
  await t.rejects(open(), { code: 'EACCES', syscall: 'open' });
  t.notOk(
    calls.some(([name]) => name === 'close'),
    'what was not opened is not closed',
  );
});

t.test('above 4 GiB the size is that of sysfs, and the kernel has its lower 32 bits', async (t) => {
  const size = 5 * 2 ** 30;
  const big = { ...NAND, size };
  const { open, calls } = setting(t, { mtdInfo: () => ({ ...INFO, size: size - 2 ** 32 }) }, big);
  const mtd = await open();
  await mtd.erase(size - 0x20000, 0x20000);
  await mtd.read(size - 1, new Uint8Array(1));
  t.same(calls.slice(3), [
    ['mtdErase', size - 0x20000, 0x20000],
    ['read', size - 1, new Uint8Array(1)],
  ]);
  await t.rejects(mtd.read(size, new Uint8Array(1)), { code: 'ERR_RANGE' });
  await t.rejects(setting(t, { mtdInfo: () => ({ ...INFO, size: 0 }) }, big).open(), {
    code: 'ERR_REPLACED',
  });
});

t.test('each operation is one call of the binding', async (t) => {
  const ecc = { corrected: 1, failed: 2, bad: 3, bbt: 4 };
  const { open, calls } = setting(t, {
    lock: () => false,
    compare: () => 1,
    mtdIsBad: () => true,
    mtdIsLocked: () => true,
    mtdEccStats: () => ecc,
  });
  const mtd = await open();
  const bytes = new Uint8Array(2048);
  calls.length = 0;
  t.equal(await mtd.claim(), false);
  await mtd.read(1, bytes);
  t.equal(await mtd.compare(2, bytes), 'clears');
  await mtd.program(2048, bytes);
  await mtd.erase(0x20000, 0x40000);
  t.equal(await mtd.isBad(0x20000), true);
  t.equal(await mtd.markBad(0x40000), undefined);
  t.equal(await mtd.unlock(0, 0x20000), undefined);
  t.equal(await mtd.lock(0, 0x40000), undefined);
  t.equal(await mtd.isLocked(0, 0x60000), true);
  t.same(await mtd.eccStats(), ecc);
  await mtd.sync();
  await mtd.close();
  t.same(calls, [
    ['lock', false],
    ['read', 1, bytes],
    ['compare', 2, bytes],
    ['write', 2048, bytes],
    ['mtdErase', 0x20000, 0x40000],
    ['mtdIsBad', 0x20000],
    ['mtdMarkBad', 0x40000],
    ['mtdUnlock', 0, 0x20000],
    ['mtdLock', 0, 0x40000],
    ['mtdIsLocked', 0, 0x60000],
    ['mtdEccStats'],
    ['sync'],
    ['close'],
  ]);
});

t.test('the three ways in which flash stands to bytes have their names', async (t) => {
  for (const [raw, name] of [
    [0, 'same'],
    [1, 'clears'],
    [2, 'differs'],
  ] as const) {
    t.equal(await (await setting(t, { compare: () => raw }).open()).compare(0, new Uint8Array(1)), name);
  }
});

type Ask<T> = (of: T) => Promise<unknown>;

const OPTIONAL: Record<string, Ask<Mtd>> = {
  mtdIsBad: (mtd: Mtd) => mtd.isBad(0),
  mtdMarkBad: (mtd: Mtd) => mtd.markBad(0),
  mtdUnlock: (mtd: Mtd) => mtd.unlock(0, 0x20000),
  mtdLock: (mtd: Mtd) => mtd.lock(0, 0x20000),
  mtdIsLocked: (mtd: Mtd) => mtd.isLocked(0, 0x20000),
  mtdEccStats: (mtd: Mtd) => mtd.eccStats(),
};

t.test('what the driver does not have is a value, and what it fails at an error', async (t) => {
  for (const [name, ask] of Object.entries(OPTIONAL)) {
    for (const code of ['EOPNOTSUPP', 'ENOTTY', 'ENOTSUP', 'ENOSYS']) {
      const fails = () => {
        throw systemError(code, name);
      };
      t.equal(await ask(await setting(t, { [name]: fails }).open()), 'unsupported', `${name} ${code}`);
    }
    for (const code of ['EIO', 'EROFS', 'EPERM', 'EINVAL', 'EOVERFLOW']) {
      const fails = () => {
        throw systemError(code, name);
      };
      await t.rejects(ask(await setting(t, { [name]: fails }).open()), { code, syscall: name });
    }
  }
});

const ALWAYS: Record<string, Ask<Mtd>> = {
  read: (mtd: Mtd) => mtd.read(0, new Uint8Array(1)),
  write: (mtd: Mtd) => mtd.program(0, new Uint8Array(2048)),
  compare: (mtd: Mtd) => mtd.compare(0, new Uint8Array(1)),
  mtdErase: (mtd: Mtd) => mtd.erase(0, 0x20000),
  sync: (mtd: Mtd) => mtd.sync(),
  lock: (mtd: Mtd) => mtd.claim(),
};

t.test(
  'what every device must have fails as an error, also where the driver says that it has it not',
  async (t) => {
    for (const [name, ask] of Object.entries(ALWAYS)) {
      for (const code of ['EIO', 'EOPNOTSUPP', 'ENOTTY', 'EBUSY']) {
        const fails = () => {
          throw systemError(code, name);
        };
        await t.rejects(ask(await setting(t, { [name]: fails }).open()), { code, syscall: name });
      }
    }
  },
);

t.test('what lies outside of the device or is misaligned does not reach the binding', async (t) => {
  const { open, calls } = setting(t);
  const mtd = await open();
  const size = NAND.size;
  const byte = new Uint8Array(1);
  calls.length = 0;
  const outside: (() => Promise<unknown>)[] = [
    () => mtd.read(size, byte),
    () => mtd.read(-1, byte),
    () => mtd.read(0.5, byte),
    () => mtd.read(NaN, byte),
    () => mtd.read(0, new Uint8Array(size + 1)),
    () => mtd.compare(size, byte),
    () => mtd.program(size - 1, new Uint8Array(2)),
    () => mtd.erase(size, 0x20000),
    () => mtd.erase(0, size + 0x20000),
    () => mtd.erase(1, 0x20000),
    () => mtd.erase(0, 1),
    () => mtd.erase(0x20000, -0x20000),
    () => mtd.erase(0, Infinity),
    () => mtd.isBad(size),
    () => mtd.markBad(size),
    () => mtd.markBad(-0x20000),
    () => mtd.unlock(0, size + 1),
    () => mtd.lock(1, size),
    () => mtd.isLocked(2 ** 53, 1),
  ];
  for (const ask of outside) {
    await t.rejects(ask(), { name: 'NodeMtdError', code: 'ERR_RANGE' });
  }
  t.same(calls, []);
});

t.test('a device that cannot be erased is not', async (t) => {
  const ram = { name: 'ram', type: 'ram', flags: '0x1c00', eraseSize: 0 };
  const info = { type: 1, flags: 0x1c00, size: 0x100000, eraseSize: 0, writeSize: 1, oobSize: 0 };
  const mtd = await setting(t, { mtdInfo: () => info }, ram).open();
  await t.rejects(mtd.erase(0, 0x10000), { code: 'ERR_RANGE' });
});
