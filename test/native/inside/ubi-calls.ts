/** What node-mtd's addon gets from the fake for UBI; run by test/native/fake-calls.program.test.ts. */
import t from 'tap';
import { listUbi, loadBinding, type Handle, type NativeBinding } from 'node-mtd';

const binding: NativeBinding = loadBinding();
const LEB = 3584;
const DYNAMIC = '/dev/ubi0_0';
const STATIC = '/dev/ubi0_1';

const open = (path: string, write = true): Promise<Handle> => binding.open(path, { write, exclusive: false });

async function withVolume(
  path: string,
  body: (handle: Handle) => Promise<unknown>,
  write = true,
): Promise<void> {
  const handle = await open(path, write);
  try {
    await body(handle);
  } finally {
    await binding.close(handle);
  }
}

async function bytesAt(handle: Handle, offset: number, length: number): Promise<number[]> {
  const into = new Uint8Array(length);
  await binding.read(handle, offset, into);
  return [...into];
}

const marked = (volume: number): boolean | undefined =>
  listUbi().find((entry) => entry.volume === volume)?.updateMarker;

void t.test('an update takes exactly what was declared', async (t) => {
  await withVolume(DYNAMIC, async (handle) => {
    await binding.ubiStartUpdate(handle, LEB + 2);
    t.equal(marked(0), true);
    await t.rejects(bytesAt(handle, 0, 1), { code: 'EBUSY' }, 'unreadable meanwhile');
    await t.rejects(open(DYNAMIC, false), { code: 'EBUSY' }, 'to all others too');
    await binding.ubiAppend(handle, new Uint8Array(LEB).fill(1));
    await binding.ubiAppend(handle, Uint8Array.of(2, 3));
    t.equal(marked(0), false);
    t.same(await bytesAt(handle, LEB - 1, 4), [1, 2, 3, 0xff]);
    t.equal(await binding.ubiIsMapped(handle, 1), true);
    t.equal(await binding.ubiIsMapped(handle, 2), false);
    await t.rejects(binding.ubiStartUpdate(handle, 6 * LEB + 1), { code: 'EINVAL' }, 'more than it holds');
  });
});

void t.test('an update that was left is a volume that cannot be read', async (t) => {
  await withVolume(DYNAMIC, async (handle) => {
    await binding.ubiStartUpdate(handle, 10);
    await binding.ubiAppend(handle, Uint8Array.of(1));
  });
  t.equal(marked(0), true);
  await withVolume(DYNAMIC, async (handle) => {
    await t.rejects(bytesAt(handle, 0, 1), { code: 'EBADF' });
    await t.rejects(binding.ubiIsMapped(handle, 0), { code: 'EBADF' });
    await binding.ubiStartUpdate(handle, 0);
    t.same(await bytesAt(handle, 0, 1), [0xff], 'wiped by an update of nothing');
  });
});

void t.test('an atomic change is done at its last byte', async (t) => {
  await withVolume(DYNAMIC, async (handle) => {
    await binding.ubiChangeLeb(handle, 2, Uint8Array.of(7, 8));
    t.same(await bytesAt(handle, 2 * LEB, 3), [7, 8, 0xff]);
    await binding.ubiChangeLeb(handle, 2, Uint8Array.of(0xf0));
    t.same(await bytesAt(handle, 2 * LEB, 2), [0xf0, 0xff], 'bits are set that were not');
    await t.rejects(binding.ubiChangeLeb(handle, 6, Uint8Array.of(0)), { code: 'EINVAL' });
    await t.rejects(binding.ubiChangeLeb(handle, 0, new Uint8Array(LEB + 1)), { code: 'EINVAL' });
  });
});

void t.test('one writer, or readers and no update', async (t) => {
  await withVolume(DYNAMIC, async (handle) => {
    await t.rejects(open(DYNAMIC), { code: 'EBUSY' });
    await withVolume(
      DYNAMIC,
      async () => {
        await t.rejects(binding.ubiStartUpdate(handle, 1), { code: 'EBUSY' });
        await t.rejects(binding.ubiChangeLeb(handle, 0, Uint8Array.of(1)), { code: 'EBUSY' });
      },
      false,
    );
    await t.resolves(binding.ubiChangeLeb(handle, 0, Uint8Array.of(1)));
  });
  await withVolume(
    DYNAMIC,
    async (handle) => {
      await t.rejects(binding.ubiStartUpdate(handle, 1), { code: 'EROFS' });
      await t.rejects(binding.ubiEraseLeb(handle, 0), { code: 'EROFS' });
    },
    false,
  );
});

void t.test('direct writes are asked for, and go into whole pages of erased blocks', async (t) => {
  await withVolume(DYNAMIC, async (handle) => {
    await t.rejects(binding.write(handle, 0, new Uint8Array(512)), { code: 'EPERM' });
    await binding.ubiDirectWrite(handle, true);
    await binding.ubiEraseLeb(handle, 0);
    t.equal(await binding.ubiIsMapped(handle, 0), false);
    await t.rejects(binding.write(handle, 1, new Uint8Array(512)), { code: 'EINVAL' });
    await t.rejects(binding.write(handle, 0, new Uint8Array(511)), { code: 'EINVAL' });
    await binding.write(handle, 512, new Uint8Array(512));
    t.same(await bytesAt(handle, 511, 2), [0xff, 0]);
    t.equal(await binding.ubiIsMapped(handle, 0), true);
    await binding.ubiUnmapLeb(handle, 0);
    t.same(await bytesAt(handle, 512, 1), [0xff]);
    await binding.ubiDirectWrite(handle, false);
  });
});

void t.test('a static volume is as long as its last update, and changes in no other way', async (t) => {
  await withVolume(STATIC, async (handle) => {
    await t.rejects(binding.read(handle, 0, new Uint8Array(1)), { code: 'ENODATA' });
    await binding.ubiStartUpdate(handle, 3);
    await binding.ubiAppend(handle, Uint8Array.of(1, 2, 3));
    t.same(await bytesAt(handle, 0, 3), [1, 2, 3]);
    await t.rejects(binding.read(handle, 0, new Uint8Array(4)), { code: 'ENODATA' });
    t.equal(listUbi().find(({ volume }) => volume === 1)?.dataBytes, 3);
    await t.rejects(binding.ubiChangeLeb(handle, 0, Uint8Array.of(1)), { code: 'EROFS' });
    await t.rejects(binding.ubiEraseLeb(handle, 0), { code: 'EROFS' });
    await t.resolves(binding.sync(handle));
  });
});
