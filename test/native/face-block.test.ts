import t from 'tap';
import { BlockDevice, type Identity } from 'node-mtd';
import { type Answers, fakeBinding, systemError } from './fake-binding.js';

const NODE = { kind: 'block', major: 8, minor: 1, size: 0 } as const;
const INFO = { size: 6 * 2 ** 30, logicalBlock: 512, physicalBlock: 4096, readOnly: false };
const OPTIONS = { write: true, exclusive: true };

const device = (answers: Answers = {}) =>
  fakeBinding({ identify: () => NODE, blockInfo: () => INFO, ...answers });

t.test('a block device tells its sizes', async (t) => {
  const { binding, calls } = device();
  const block = await BlockDevice.open(binding, '/dev/sda1', OPTIONS);
  t.match(block, { ...INFO, path: '/dev/sda1', isDevice: true, major: 8, minor: 1 });
  t.same(calls[0], ['open', '/dev/sda1', OPTIONS]);
  const locked = device({ blockInfo: () => ({ ...INFO, readOnly: true }) });
  t.equal((await BlockDevice.open(locked.binding, '/dev/sda1', OPTIONS)).readOnly, true);
});

t.test('a regular file is one of 512 byte blocks', async (t) => {
  const { binding, calls } = device({ identify: () => ({ kind: 'file', major: 0, minor: 0, size: 1000 }) });
  const file = await BlockDevice.open(binding, 'image', { write: false, exclusive: false });
  t.match(file, { size: 1000, logicalBlock: 512, physicalBlock: 512, readOnly: false, isDevice: false });
  t.notOk(calls.some(([name]) => name === 'blockInfo'));
});

t.test('anything else is refused, and closed', async (t) => {
  for (const kind of ['char', 'other'] as const satisfies readonly Identity['kind'][]) {
    const { binding, isOpen } = device({ identify: () => ({ ...NODE, kind }) });
    await t.rejects(BlockDevice.open(binding, '/dev/tty', OPTIONS), {
      code: 'ERR_NOT_A_DEVICE',
      message: /\/dev\/tty/,
    });
    t.notOk(isOpen());
  }
});

t.test('what the calls of opening fail with is passed on, and the handle closed', async (t) => {
  for (const [name, code] of [
    ['identify', 'EIO'],
    ['blockInfo', 'ENOTTY'],
  ] as const) {
    const { binding, isOpen } = device({
      [name]: () => {
        throw systemError(code, name);
      },
    });
    await t.rejects(BlockDevice.open(binding, '/dev/sda1', OPTIONS), { code, syscall: name });
    t.notOk(isOpen());
  }
});

t.test('each operation is one call of the binding', async (t) => {
  const { binding, calls } = device({ lock: () => true, compare: () => 0 });
  const block = await BlockDevice.open(binding, '/dev/sda1', OPTIONS);
  const bytes = new Uint8Array(512);
  calls.length = 0;
  t.equal(await block.claim(), true);
  await block.read(5 * 2 ** 30, bytes);
  t.equal(await block.compare(1, bytes), 'same');
  await block.write(INFO.size - 512, bytes);
  t.equal(await block.discard(4096, 8192), undefined);
  t.equal(await block.zero(8192, 4096), undefined);
  await block.settle(512, 1024);
  await block.sync();
  await block.close();
  t.same(calls, [
    ['lock', false],
    ['read', 5 * 2 ** 30, bytes],
    ['compare', 1, bytes],
    ['write', INFO.size - 512, bytes],
    ['blockDiscard', 4096, 8192],
    ['blockZero', 8192, 4096],
    ['settle', 512, 1024],
    ['sync'],
    ['close'],
  ]);
});

t.test('discard and zero may be unsupported; what they fail at is an error', async (t) => {
  for (const [name, ask] of [
    ['blockDiscard', (block: BlockDevice) => block.discard(0, 512)],
    ['blockZero', (block: BlockDevice) => block.zero(0, 512)],
  ] as const) {
    for (const code of ['EOPNOTSUPP', 'ENOTTY']) {
      const { binding } = device({
        [name]: () => {
          throw systemError(code, name);
        },
      });
      t.equal(await ask(await BlockDevice.open(binding, '/dev/sda1', OPTIONS)), 'unsupported');
    }
    const { binding } = device({
      [name]: () => {
        throw systemError('EIO', name);
      },
    });
    await t.rejects(ask(await BlockDevice.open(binding, '/dev/sda1', OPTIONS)), { code: 'EIO' });
  }
});

t.test('what lies outside of the device does not reach the binding', async (t) => {
  const { binding, calls } = device();
  const block = await BlockDevice.open(binding, '/dev/sda1', OPTIONS);
  calls.length = 0;
  const outside: (() => Promise<unknown>)[] = [
    () => block.read(INFO.size, new Uint8Array(1)),
    () => block.compare(-1, new Uint8Array(1)),
    () => block.write(INFO.size - 1, new Uint8Array(2)),
    () => block.discard(0, INFO.size + 1),
    () => block.zero(2 ** 60, 512),
    () => block.settle(INFO.size, 1),
  ];
  for (const ask of outside) {
    await t.rejects(ask(), { name: 'NodeMtdError', code: 'ERR_RANGE' });
  }
  t.same(calls, []);
});
