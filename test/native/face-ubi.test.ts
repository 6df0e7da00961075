import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type UbiEntry, UbiVolume, listUbi } from 'node-mtd';
import { type Answers, type Fake, fakeBinding, systemError } from './fake-binding.js';
import { FakeKernel, ubiOf } from './fake-kernel.js';

const LEB = 126976;
const NODE = { kind: 'char', major: 240, minor: 1, size: 0 } as const;

interface Setting extends Fake {
  readonly kernel: FakeKernel;
  readonly entry: UbiEntry;
  open(): Promise<UbiVolume>;
}

function setting(t: Test, answers: Answers = {}): Setting {
  const kernel = new FakeKernel([], ubiOf(0, 3, [{}]));
  t.teardown(() => kernel.remove());
  const entry = listUbi(kernel.roots)[0]!;
  const fake = fakeBinding({ identify: () => NODE, ...answers });
  const open = () => UbiVolume.open(fake.binding, entry, { write: true, roots: kernel.roots });
  return { ...fake, kernel, entry, open };
}

t.test('what was listed is opened; its size is that of its LEBs', async (t) => {
  const { calls, entry, open } = setting(t);
  const volume = await open();
  t.equal(volume.entry, entry);
  t.equal(volume.size, 10 * LEB);
  t.same(calls, [['open', entry.path, { write: true, exclusive: false }], ['identify']]);
});

t.test('a node of something else is refused, and closed', async (t) => {
  for (const change of [{ kind: 'block' }, { minor: 2 }, { major: 241 }] as const) {
    const { open, isOpen } = setting(t, { identify: () => ({ ...NODE, ...change }) });
    await t.rejects(open(), { code: 'ERR_REPLACED', message: /ubi0_0 is no longer "volume 0": the node/ });
    t.notOk(isOpen());
  }
});

t.test('a volume that sysfs tells otherwise of since it was listed is refused, and closed', async (t) => {
  for (const [attribute, text, message] of [
    ['ubi0_0/name', 'rwfs\n', /name was volume 0 and is rwfs/],
    ['ubi0_0/type', 'static\n', /type was dynamic and is static/],
    ['ubi0_0/reserved_ebs', '11\n', /lebs was 10 and is 11/],
    ['ubi0_0/usable_eb_size', '129024\n', /lebSize was/],
    ['ubi0_0/dev', '240:9\n', /minor was 1 and is 9/],
    ['ubi0/mtd_num', '4\n', /mtd was 3 and is 4/],
    ['ubi0/min_io_size', '512\n', /minIo was 2048 and is 512/],
  ] as const) {
    const { open, isOpen, kernel } = setting(t);
    writeFileSync(join(kernel.roots.sys, 'class/ubi', attribute), text);
    await t.rejects(open(), { code: 'ERR_REPLACED', message });
    t.notOk(isOpen());
  }
  const { binding, entry } = setting(t);
  const roots = { sys: '/nowhere' };
  await t.rejects(UbiVolume.open(binding, entry, { write: false, roots }), {
    message: /the volume does not exist/,
  });
});

t.test('content that changed since it was listed makes no other volume of it', async (t) => {
  const { open, kernel } = setting(t);
  writeFileSync(join(kernel.roots.sys, 'class/ubi/ubi0_0/upd_marker'), '1\n');
  writeFileSync(join(kernel.roots.sys, 'class/ubi/ubi0_0/data_bytes'), '0\n');
  t.equal((await open()).size, 10 * LEB);
});

t.test('each operation is one call of the binding', async (t) => {
  const { open, calls } = setting(t, { lock: () => true, compare: () => 2, ubiIsMapped: () => true });
  const volume = await open();
  const bytes = new Uint8Array(2048);
  calls.length = 0;
  t.equal(await volume.claim(), true);
  await volume.read(LEB + 1, bytes);
  t.equal(await volume.compare(LEB, bytes), 'differs');
  await volume.directWrite(true);
  await volume.write(2 * LEB, bytes);
  await volume.eraseLeb(9);
  await volume.unmapLeb(0);
  t.equal(await volume.isMapped(5), true);
  await volume.changeLeb(3, bytes);
  await volume.startUpdate(3000);
  await volume.append(bytes);
  await volume.append(bytes.subarray(0, 952));
  await volume.sync();
  await volume.close();
  t.same(calls, [
    ['lock', false],
    ['read', LEB + 1, bytes],
    ['compare', LEB, bytes],
    ['ubiDirectWrite', true],
    ['write', 2 * LEB, bytes],
    ['ubiEraseLeb', 9],
    ['ubiUnmapLeb', 0],
    ['ubiIsMapped', 5],
    ['ubiChangeLeb', 3, bytes],
    ['ubiStartUpdate', 3000],
    ['ubiAppend', bytes],
    ['ubiAppend', bytes.subarray(0, 952)],
    ['sync'],
    ['close'],
  ]);
});

t.test('an update takes the bytes that were declared, and no more', async (t) => {
  let failing = false;
  const { open, calls } = setting(t, {
    ubiStartUpdate: () => {
      if (failing) throw systemError('EBUSY', 'UBI_IOCVOLUP');
    },
  });
  const volume = await open();
  const bytes = new Uint8Array(100);
  await t.rejects(volume.append(bytes), { code: 'ERR_NO_UPDATE', message: /has 0 bytes left/ });
  await volume.startUpdate(150);
  await volume.append(bytes);
  await t.rejects(volume.append(bytes), { code: 'ERR_NO_UPDATE', message: /100 bytes .* has 50 bytes left/ });
  await volume.append(bytes.subarray(50));
  await t.rejects(volume.append(bytes.subarray(99)), { code: 'ERR_NO_UPDATE' });
  t.equal(calls.filter(([name]) => name === 'ubiAppend').length, 2);
  await volume.startUpdate(0);
  failing = true;
  await t.rejects(volume.startUpdate(100), { code: 'EBUSY' });
  await t.rejects(
    volume.append(bytes),
    { code: 'ERR_NO_UPDATE' },
    'an update that did not start takes nothing',
  );
});

t.test('what lies outside of the volume does not reach the binding', async (t) => {
  const { open, calls } = setting(t);
  const volume = await open();
  const byte = new Uint8Array(1);
  calls.length = 0;
  const outside: (() => Promise<unknown>)[] = [
    () => volume.read(10 * LEB, byte),
    () => volume.compare(-1, byte),
    () => volume.write(10 * LEB - 1, new Uint8Array(2)),
    () => volume.eraseLeb(10),
    () => volume.eraseLeb(-1),
    () => volume.unmapLeb(1.5),
    () => volume.isMapped(NaN),
    () => volume.changeLeb(10, byte),
    () => volume.changeLeb(0, new Uint8Array(LEB + 1)),
    () => volume.startUpdate(10 * LEB + 1),
    () => volume.startUpdate(-1),
  ];
  for (const ask of outside) {
    await t.rejects(ask(), { name: 'NodeMtdError', code: 'ERR_RANGE' });
  }
  t.same(calls, []);
});

t.test('what the kernel fails with is passed on', async (t) => {
  const asks: Record<string, (volume: UbiVolume) => Promise<unknown>> = {
    read: (volume: UbiVolume) => volume.read(0, new Uint8Array(1)),
    write: (volume: UbiVolume) => volume.write(0, new Uint8Array(1)),
    ubiEraseLeb: (volume: UbiVolume) => volume.eraseLeb(0),
    ubiUnmapLeb: (volume: UbiVolume) => volume.unmapLeb(0),
    ubiIsMapped: (volume: UbiVolume) => volume.isMapped(0),
    ubiChangeLeb: (volume: UbiVolume) => volume.changeLeb(0, new Uint8Array(1)),
    ubiDirectWrite: (volume: UbiVolume) => volume.directWrite(true),
  };
  for (const [name, ask] of Object.entries(asks)) {
    const { open } = setting(t, {
      [name]: () => {
        throw systemError('EROFS', name);
      },
    });
    await t.rejects(ask(await open()), { code: 'EROFS', syscall: name });
  }
});
