/** What node-mtd's addon gets from the fake for MTD; run by test/native/fake-calls.program.test.ts. */
import t from 'tap';
import { loadBinding, type Handle, type NativeBinding } from 'node-mtd';

const binding: NativeBinding = loadBinding();
const BLOCK = 4096;
const NOR = '/dev/mtd0';
const NAND = '/dev/mtd1';
const OLD = '/dev/mtd3';

async function withDevice(
  path: string,
  body: (handle: Handle) => Promise<unknown>,
  options: { write?: boolean } = {},
): Promise<void> {
  const handle = await binding.open(path, { write: options.write ?? true, exclusive: false });
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

void t.test('a node is a character device of MTD', async (t) => {
  await withDevice(NAND, async (handle) => {
    t.same(await binding.identify(handle), { kind: 'char', major: 90, minor: 2, size: 0 });
    t.same(await binding.mtdInfo(handle), {
      type: 4,
      flags: 0x400,
      size: 8 * BLOCK,
      eraseSize: BLOCK,
      writeSize: 512,
      oobSize: 16,
    });
  });
});

void t.test('what cannot be opened', async (t) => {
  const open = (path: string, write: boolean): Promise<Handle> =>
    binding.open(path, { write, exclusive: false });
  await t.rejects(open('/dev/mtd9', false), { code: 'ENOENT' });
  await t.rejects(open('/dev/mtd0ro', true), { code: 'EACCES' });
  await t.rejects(open('/dev/mtd2', true), { code: 'EACCES' }, 'a ROM for writing');
  await binding.close(await open('/dev/mtd2', false));
  await binding.close(await open('/dev/mtd0ro', false));
});

void t.test('NOR programs are the AND of old and new, and an erase sets every bit', async (t) => {
  await withDevice(NOR, async (handle) => {
    await binding.mtdErase(handle, 0, 2 * BLOCK);
    await binding.write(handle, 1, Uint8Array.of(0x41));
    await binding.write(handle, 0, Uint8Array.of(0x3c, 0x3c, 0xff));
    t.same(await bytesAt(handle, 0, 4), [0x3c, 0x41 & 0x3c, 0xff, 0xff]);
    await binding.mtdErase(handle, 0, BLOCK);
    t.same(await bytesAt(handle, 0, 3), [0xff, 0xff, 0xff]);
  });
});

void t.test('NAND programs whole pages', async (t) => {
  await withDevice(NAND, async (handle) => {
    await binding.mtdErase(handle, 0, BLOCK);
    await t.rejects(binding.write(handle, 0, new Uint8Array(511)), { code: 'EINVAL' });
    await t.rejects(binding.write(handle, 256, new Uint8Array(512)), { code: 'EINVAL' });
    await t.resolves(binding.write(handle, 512, new Uint8Array(1024)));
    t.same(await bytesAt(handle, 511, 2), [0xff, 0]);
  });
});

void t.test('the end of a device', async (t) => {
  await withDevice(NOR, async (handle) => {
    const size = 8 * BLOCK;
    await binding.mtdErase(handle, size - BLOCK, BLOCK);
    await t.rejects(binding.write(handle, size, Uint8Array.of(0)), { code: 'ENOSPC' });
    await t.rejects(binding.write(handle, size - 2, new Uint8Array(4)), { code: 'ENOSPC' }, 'across it');
    t.same(await bytesAt(handle, size - 3, 3), [0xff, 0, 0], 'and yet what fits was written');
    await t.rejects(binding.read(handle, size - 2, new Uint8Array(4)), { code: 'ENODATA' });
  });
});

void t.test('erases that are refused', async (t) => {
  await withDevice(NOR, async (handle) => {
    await t.rejects(binding.mtdErase(handle, 1, BLOCK), { code: 'EINVAL' });
    await t.rejects(binding.mtdErase(handle, 0, BLOCK + 1), { code: 'EINVAL' });
    await t.rejects(binding.mtdErase(handle, 8 * BLOCK, BLOCK), { code: 'EINVAL' });
    await t.rejects(binding.mtdErase(handle, 0, 9 * BLOCK), { code: 'EINVAL' });
  });
  await withDevice(NAND, (handle) => t.rejects(binding.mtdErase(handle, 2 * BLOCK, BLOCK), { code: 'EIO' }));
});

void t.test('a descriptor for reading changes nothing', async (t) => {
  const readOnly = { write: false };
  await withDevice(
    NAND,
    async (handle) => {
      await t.rejects(binding.mtdErase(handle, 0, BLOCK), { code: 'EPERM' });
      await t.rejects(binding.mtdMarkBad(handle, 0), { code: 'EPERM' });
      await t.rejects(binding.write(handle, 0, new Uint8Array(512)), { code: 'EBADF' });
      t.equal(await binding.mtdIsBad(handle, 2 * BLOCK), true);
    },
    readOnly,
  );
  await withDevice(
    NOR,
    (handle) => t.rejects(binding.mtdUnlock(handle, 0, BLOCK), { code: 'EPERM' }),
    readOnly,
  );
});

void t.test(
  'bad blocks: NAND has them, newer kernels call all of NOR good, older ones will not say',
  async (t) => {
    await withDevice(NAND, async (handle) => {
      t.equal(await binding.mtdIsBad(handle, 2 * BLOCK), true);
      t.equal(await binding.mtdIsBad(handle, 3 * BLOCK), false);
      await binding.mtdMarkBad(handle, 3 * BLOCK);
      t.equal(await binding.mtdIsBad(handle, 3 * BLOCK), true);
      t.same(await binding.mtdEccStats(handle), { corrected: 0, failed: 0, bad: 2, bbt: 0 });
      await t.rejects(binding.mtdIsBad(handle, 8 * BLOCK), { code: 'EINVAL' });
    });
    await withDevice(NOR, async (handle) => {
      t.equal(await binding.mtdIsBad(handle, 0), false);
      await t.rejects(binding.mtdMarkBad(handle, 0), { code: /EOPNOTSUPP|ENOTSUP/ });
    });
    await withDevice(OLD, (handle) => t.rejects(binding.mtdIsBad(handle, 0), { code: /EOPNOTSUPP|ENOTSUP/ }));
  },
);

void t.test('locks', async (t) => {
  await withDevice(NOR, async (handle) => {
    t.equal(await binding.mtdIsLocked(handle, 7 * BLOCK, BLOCK), false);
    await binding.mtdLock(handle, 6 * BLOCK, BLOCK);
    t.equal(await binding.mtdIsLocked(handle, 6 * BLOCK, BLOCK), true);
    t.equal(await binding.mtdIsLocked(handle, 6 * BLOCK, 2 * BLOCK), false, 'not all of it');
    await t.rejects(binding.mtdErase(handle, 5 * BLOCK, 2 * BLOCK), { code: 'EROFS' });
    await t.rejects(binding.write(handle, 6 * BLOCK, Uint8Array.of(0)), { code: 'EROFS' });
    await binding.mtdUnlock(handle, 6 * BLOCK, BLOCK);
    await t.resolves(binding.mtdErase(handle, 6 * BLOCK, BLOCK));
  });
  await withDevice(NAND, (handle) =>
    t.rejects(binding.mtdUnlock(handle, 0, BLOCK), { code: /EOPNOTSUPP|ENOTSUP/ }),
  );
  await withDevice(OLD, (handle) => t.rejects(binding.mtdUnlock(handle, 0, BLOCK), { code: 'ENOTTY' }));
});

void t.test('a kernel without MEMERASE64 erases by MEMERASE', async (t) => {
  await withDevice(OLD, async (handle) => {
    await binding.write(handle, 0, Uint8Array.of(0));
    await binding.mtdErase(handle, 0, BLOCK);
    t.same(await bytesAt(handle, 0, 1), [0xff]);
  });
});

void t.test('MTD has no fsync, which is no error of the addon', async (t) => {
  await withDevice(NOR, (handle) => t.resolves(binding.sync(handle)));
});

void t.test('beyond 4 GiB', async (t) => {
  await withDevice('/dev/mtd4', async (handle) => {
    const far = 5 * 2 ** 30 - 65536;
    t.equal((await binding.mtdInfo(handle)).size, 2 ** 30, 'MEMGETINFO has 32 bits');
    await binding.write(handle, far, Uint8Array.of(1, 2, 3));
    t.same(await bytesAt(handle, far - 1, 4), [0xff, 1, 2, 3]);
    t.same(await bytesAt(handle, far - 2 ** 32, 1), [0xff]);
    await binding.mtdErase(handle, far, 65536);
    t.same(await bytesAt(handle, far, 3), [0xff, 0xff, 0xff]);
    await t.rejects(binding.mtdUnlock(handle, far, 65536), { code: 'EOVERFLOW' });
  });
});

void t.test('a node is one file to all who lock it', async (t) => {
  await withDevice(NOR, async (first) => {
    t.equal(await binding.lock(first, false), true);
    await withDevice(NOR, async (second) => t.equal(await binding.lock(second, false), false));
  });
  await withDevice(NOR, async (handle) => t.equal(await binding.lock(handle, false), true, 'freed by close'));
});
