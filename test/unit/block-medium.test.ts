import { mkdirSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NativeBinding } from 'node-mtd';
import t from 'tap';
import { openDevice } from '../../src/host/node/flash/block/open-device.js';
import { BlockDriver } from '../../src/core/flash/block/driver.js';
import { blockGeometry } from '../../src/core/flash/block/geometry.js';
import { MAX_DIRTY_BYTES, type Medium } from '../../src/core/flash/block/medium.js';
import { openBlockTarget } from '../../src/host/node/flash/block/target.js';
import type { FlashDevice } from '../../src/core/flash/device.js';
import { fakeSystem } from '../kit/fake-system.js';

const BLOCK = 65_536;
const SIZE = 64 * BLOCK;

/** Notes what is asked of it. */
function fakeMedium(can: { zero: boolean }) {
  const calls: string[] = [];
  const note = (call: string): void => void calls.push(call);
  const medium: Medium = {
    size: SIZE,
    logicalBlock: 512,
    read: async (offset) => note(`read ${offset}`),
    compare: async () => 'clears',
    write: async (offset, bytes) => note(`write ${offset} ${bytes.length} of ${bytes[0]}`),
    zero: async (offset, length) => {
      note(`zero ${offset} ${length}`);
      return can.zero;
    },
    sync: async () => note('sync'),
    confirm: () => note('confirm'),
    users: () => null,
    close: async () => note('close'),
  };
  return { calls, medium };
}

const driverOn = (medium: Medium, writable = true): BlockDriver =>
  new BlockDriver('disk', blockGeometry(SIZE, 512), medium, writable);

t.test('the medium is confirmed once, before the first change', async (t) => {
  const { calls, medium } = fakeMedium({ zero: true });
  const driver = driverOn(medium);
  await driver.read(0, new Uint8Array(1));
  await driver.erase(1);
  await driver.program(512, new Uint8Array(512).fill(3));
  t.same(calls, ['read 0', 'confirm', `write ${BLOCK} ${BLOCK} of 255`, 'write 512 512 of 3']);
});

t.test('zeros are left to the device where it can make them', async (t) => {
  const zeros = new Uint8Array(BLOCK);
  const almost = new Uint8Array(BLOCK);
  almost[BLOCK - 1] = 1;
  // As they lie in a larger buffer, at no word.
  const odd = new Uint8Array(BLOCK + 3).subarray(3);
  for (const [zero, bytes, expected] of [
    [true, zeros, ['confirm', `zero ${BLOCK} ${BLOCK}`]],
    [true, odd, ['confirm', `zero ${BLOCK} ${BLOCK}`]],
    [false, zeros, ['confirm', `zero ${BLOCK} ${BLOCK}`, `write ${BLOCK} ${BLOCK} of 0`]],
    [true, almost, ['confirm', `write ${BLOCK} ${BLOCK} of 0`]],
  ] as const) {
    const { calls, medium } = fakeMedium({ zero });
    await driverOn(medium).replace(1, bytes);
    t.same(calls, expected);
  }
});

t.test('bits that only need clearing are a difference', async (t) => {
  const { medium } = fakeMedium({ zero: true });
  t.equal(await driverOn(medium).compare?.(0, new Uint8Array(1)), 'differs');
});

t.test('what was opened for reading is not changed', async (t) => {
  const { calls, medium } = fakeMedium({ zero: true });
  const driver = driverOn(medium, false);
  for (const act of [
    () => driver.erase(0),
    () => driver.program(0, new Uint8Array(512)),
    () => driver.replace(0, new Uint8Array(BLOCK)),
    () => driver.replace(0, new Uint8Array(BLOCK).fill(1)),
  ]) {
    await t.rejects(act(), { code: 'ERR_FLASH_READ_ONLY' });
  }
  await driver.sync();
  t.same(calls, []);
});

/** A block device of the kernel's, as the addon shows it. */
function fakeBinding(more: Partial<NativeBinding> = {}) {
  const calls: string[] = [];
  const note = (call: string): void => void calls.push(call);
  const binding = {
    open: async (path: string, { write, exclusive }: { write: boolean; exclusive: boolean }) => {
      note(`open ${write} ${exclusive}`);
      return { path };
    },
    close: async () => note('close'),
    identify: async () => ({ kind: 'block', major: 179, minor: 3, size: 0 }),
    blockInfo: async () => ({ size: SIZE, logicalBlock: 512, physicalBlock: 4096, readOnly: false }),
    lock: async () => true,
    read: async (_: unknown, offset: number) => note(`read ${offset}`),
    compare: async () => 0,
    write: async (_: unknown, offset: number) => note(`write ${offset}`),
    settle: async (_: unknown, offset: number, length: number) => note(`settle ${offset} ${length}`),
    sync: async () => note('sync'),
    blockZero: async () => Promise.reject(Object.assign(new Error('no'), { code: 'EOPNOTSUPP' })),
    ...more,
  } as unknown as NativeBinding;
  return { calls, binding };
}

const options = () => ({ name: 'rofs', write: true, force: false, roots: fakeSystem(t.testdir(), {}) });

t.test('what was just written comes back from the device, and never much of it is on its way', async (t) => {
  const { calls, binding } = fakeBinding();
  const medium = await openDevice(binding, '/nowhere', options());
  calls.length = 0;
  const bytes = new Uint8Array(BLOCK);
  await medium.write(BLOCK, bytes);
  await medium.read(8 * BLOCK, bytes);
  t.same(calls.splice(0), [`write ${BLOCK}`, `read ${8 * BLOCK}`], 'what was not written needs nothing');
  await medium.read(2 * BLOCK - 1, new Uint8Array(1));
  t.same(calls.splice(0), [`settle ${BLOCK} ${BLOCK}`, `read ${2 * BLOCK - 1}`]);
  await medium.read(BLOCK, bytes);
  t.same(calls.splice(0), [`read ${BLOCK}`], 'once');
  await medium.write(0, bytes);
  await medium.compare(0, bytes);
  t.same(calls.splice(0), ['write 0', `settle 0 ${BLOCK}`]);
  const most = MAX_DIRTY_BYTES / BLOCK;
  for (let block = 0; block < most; block++) await medium.write(block * BLOCK, bytes);
  t.equal(calls.filter((call) => call.startsWith('settle')).join(), `settle 0 ${MAX_DIRTY_BYTES}`);
  calls.length = 0;
  await medium.sync();
  t.same(calls, [`settle 0 ${SIZE}`, 'sync'], 'all of it');
  t.equal(await medium.zero(0, BLOCK), false, 'not every device can make zeros');
});

t.test('a write that failed is taken to have written some', async (t) => {
  const eio = Object.assign(new Error('no'), { code: 'EIO' });
  const { calls, binding } = fakeBinding({ write: () => Promise.reject(eio) });
  const medium = await openDevice(binding, '/nowhere', options());
  await t.rejects(medium.write(0, new Uint8Array(BLOCK)), { code: 'EIO' });
  calls.length = 0;
  await medium.read(0, new Uint8Array(1));
  t.same(calls, [`settle 0 ${BLOCK}`, 'read 0']);
});

t.test('a device is opened for itself alone, unless it is forced or only read', async (t) => {
  for (const [write, force, opened] of [
    [true, false, 'open true true'],
    [true, true, 'open true false'],
    [false, false, 'open false false'],
  ] as const) {
    const asked: unknown[] = [];
    const lock = async (_: unknown, shared: boolean) => asked.push(shared) > 0;
    const { calls, binding } = fakeBinding({ lock });
    await openDevice(binding, '/nowhere', { ...options(), write, force });
    t.equal(calls[0], opened);
    t.same(asked, [!write], 'those who read share the lock');
  }
});

t.test('a device that cannot be had is told why, and closed', async (t) => {
  const ebusy = Object.assign(new Error('busy'), { code: 'EBUSY' });
  const held = fakeBinding({ open: () => Promise.reject(ebusy) });
  await t.rejects(openDevice(held.binding, '/nowhere', options()), {
    code: 'ERR_BUSY_IN_USE',
    partition: 'rofs',
  });
  const session = fakeBinding({ lock: async () => false });
  const alone = session.binding.open;
  session.binding.open = (path, flags) => (flags.exclusive ? Promise.reject(ebusy) : alone(path, flags));
  await t.rejects(openDevice(session.binding, '/nowhere', options()), {
    code: 'ERR_BUSY_FLASH',
    message: /locked by another process/,
  });
  t.equal(session.calls.at(-1), 'close');
  const info = { size: SIZE, logicalBlock: 512, physicalBlock: 512, readOnly: true };
  const locked = fakeBinding({ blockInfo: async () => info });
  await t.rejects(openDevice(locked.binding, '/nowhere', options()), { code: 'ERR_FLASH_READ_ONLY' });
  t.equal(locked.calls.at(-1), 'close');
  const claimed = fakeBinding({ lock: async () => false });
  await t.rejects(openDevice(claimed.binding, '/nowhere', options()), { code: 'ERR_BUSY_FLASH' });
  t.equal(claimed.calls.at(-1), 'close');
  await t.rejects(openDevice(claimed.binding, '/nowhere', { ...options(), write: false }), {
    code: 'ERR_BUSY_FLASH',
    message: /that writes it/,
  });
});

t.test('a lock that is held for a moment, as udev does, is waited for', async (t) => {
  let tries = 0;
  const { binding } = fakeBinding({ lock: async () => ++tries === 3 });
  await t.resolves(openDevice(binding, '/nowhere', options()));
  t.equal(tries, 3);
});

t.test('a device that is not there any more is not written', async (t) => {
  const { binding } = fakeBinding();
  const medium = await openDevice(binding, '/nowhere', options());
  t.throws(() => medium.confirm(), { code: 'ERR_FLASH_REPLACED' });
});

t.test('a file that was replaced or cut between plan and write is left alone', async (t) => {
  const exchanges: Record<string, (path: string) => void> = {
    replaced: (path) => {
      writeFileSync(`${path}.new`, new Uint8Array(SIZE));
      renameSync(`${path}.new`, path);
    },
    cut: (path) => truncateSync(path, BLOCK),
    removed: (path) => renameSync(path, `${path}.old`),
  };
  for (const [name, exchange] of Object.entries(exchanges)) {
    const dir = join(t.testdir(), name);
    mkdirSync(dir);
    const path = join(dir, 'rofs.img');
    writeFileSync(path, new Uint8Array(SIZE));
    const target = await openBlockTarget(path);
    const device = target.partitions.get('rofs')?.device as FlashDevice;
    exchange(path);
    await t.rejects(device.erase(0), { code: 'ERR_FLASH_REPLACED' }, name);
    await target.close();
  }
});

t.test('what is lost on its way to the device is no fault of the block that was asked about', async (t) => {
  const eio = Object.assign(new Error('no'), { code: 'EIO' });
  const { binding } = fakeBinding({ settle: () => Promise.reject(eio) });
  const medium = await openDevice(binding, '/nowhere', options());
  const driver = new BlockDriver('disk', blockGeometry(SIZE, 512), medium, true);
  medium.confirm = () => {};
  await driver.replace(3, new Uint8Array(BLOCK).fill(1));
  const lost = {
    code: 'ERR_FLASH_SYNC',
    errno: 'EIO',
    block: undefined,
    message: /sync failed, written data may be lost/,
  };
  await t.rejects(async () => driver.compare?.(3 * BLOCK, new Uint8Array(1)), lost);
  await t.rejects(driver.read(3 * BLOCK, new Uint8Array(1)), lost);
  await t.rejects(driver.sync(), lost);
  const most = MAX_DIRTY_BYTES / BLOCK;
  const many = async () => {
    for (let block = 0; block < most; block++) await driver.erase(block);
  };
  await t.rejects(many(), lost);
});

t.test('a flush that fails is lost, too, and one that takes too long is a time-out', async (t) => {
  for (const [code, expected] of [
    ['EIO', 'ERR_FLASH_SYNC'],
    ['ETIMEDOUT', 'ERR_FLASH_TIMEOUT'],
    ['ENOSPC', 'ERR_FLASH_SYSTEM'],
  ] as const) {
    const { medium } = fakeMedium({ zero: false });
    medium.sync = () => Promise.reject(Object.assign(new Error('no'), { code }));
    await t.rejects(driverOn(medium).sync(), { code: expected, errno: code });
  }
});

t.test('one session at a time has a file; nobody reads meanwhile, and readers share it', async (t) => {
  const path = join(t.testdir(), 'rofs.img');
  writeFileSync(path, new Uint8Array(BLOCK));
  const target = await openBlockTarget(path);
  await t.rejects(openBlockTarget(path), { code: 'ERR_BUSY_FLASH' });
  await t.rejects(openBlockTarget(path, { write: false }), { code: 'ERR_BUSY_FLASH', message: /in use by/ });
  await target.close();
  const reader = await openBlockTarget(path, { write: false });
  await (await openBlockTarget(path, { write: false })).close();
  await reader.close();
  await (await openBlockTarget(path)).close();
  await t.rejects(openBlockTarget(path, { signal: AbortSignal.abort() }), {
    code: 'ERR_SESSION_INTERRUPTED',
  });
});
