import { closeSync, ftruncateSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import t from 'tap';
import { addon, open } from './addon.js';

const { binding, skip } = addon();

t.test('the addon reads, writes and compares', { skip }, async (t) => {
  if (binding === null) return;

  t.test('a file tells what it is; so do devices', async (t) => {
    const path = join(t.testdir({ image: 'abc' }), 'image');
    t.same(await binding.identify(await open(binding, path)), { kind: 'file', major: 0, minor: 0, size: 3 });
    t.same(await binding.identify(await open(binding, '/dev/null')), {
      kind: 'char',
      major: 1,
      minor: 3,
      size: 0,
    });
    t.match(await binding.identify(await open(binding, '/', false)), { kind: 'other', size: 0 });
  });

  t.test('bytes go where they belong, into and out of the middle of a larger buffer', async (t) => {
    const path = join(t.testdir({ image: 'x'.repeat(20) }), 'image');
    const handle = await open(binding, path);
    const buffer = new Uint8Array(64).fill(0x2e);
    buffer.set(Buffer.from('sluice'), 13);
    t.equal(await binding.write(handle, 7, buffer.subarray(13, 19)), undefined);
    t.equal(readFileSync(path, 'latin1'), 'xxxxxxxsluicexxxxxxx');
    t.equal(await binding.read(handle, 5, buffer.subarray(31, 41)), undefined);
    t.equal(Buffer.from(buffer.subarray(30, 42)).toString('latin1'), '.xxsluicexx.');
    await binding.read(handle, 20, new Uint8Array(0));
    await binding.write(handle, 1000, new Uint8Array(0));
    t.equal(readFileSync(path).length, 20, 'nothing is nothing, anywhere');
  });

  t.test('memory that threads share can be read into', async (t) => {
    const path = join(t.testdir({ image: 'shared' }), 'image');
    const bytes = new Uint8Array(new SharedArrayBuffer(6));
    await binding.read(await open(binding, path), 0, bytes);
    t.same([...bytes], [...Buffer.from('shared')]);
  });

  t.test('reading beyond the end is ENODATA, also when it begins before', async (t) => {
    const handle = await open(binding, join(t.testdir({ image: 'abc' }), 'image'));
    const end = { code: 'ENODATA', errno: -61, syscall: 'pread', message: /^ENODATA: .*, pread$/ };
    await t.rejects(binding.read(handle, 3, new Uint8Array(1)), end);
    await t.rejects(binding.read(handle, 0, new Uint8Array(4)), end);
    await t.rejects(binding.compare(handle, 2, Buffer.from('cd')), end);
    await t.rejects(binding.read(await open(binding, '/dev/null'), 0, new Uint8Array(1)), end);
  });

  t.test('what the kernel will not do has its errno', async (t) => {
    const path = join(t.testdir({ image: 'abc' }), 'image');
    const readOnly = await open(binding, path, false);
    await t.rejects(binding.write(readOnly, 0, Buffer.from('x')), { code: 'EBADF', syscall: 'pwrite' });
    const full = await open(binding, '/dev/full');
    await t.rejects(binding.write(full, 0, Buffer.from('x')), {
      code: 'ENOSPC',
      errno: -28,
      syscall: 'pwrite',
    });
    await t.rejects(binding.ubiAppend(full, Buffer.from('x')), { code: 'ENOSPC', syscall: 'write' });
    const folder = await open(binding, '/', false);
    await t.rejects(binding.read(folder, 0, new Uint8Array(1)), {
      code: 'EISDIR',
      errno: -21,
      syscall: 'pread',
    });
  });

  t.test('appending goes on at the file position', async (t) => {
    const path = join(t.testdir({ image: '' }), 'image');
    const handle = await open(binding, path);
    await binding.ubiAppend(handle, Buffer.from('one '));
    await binding.ubiAppend(handle, Buffer.from('two'));
    t.equal(readFileSync(path, 'latin1'), 'one two');
  });

  t.test('what has no fsync is synced', async (t) => {
    await binding.sync(await open(binding, '/dev/null'));
    await binding.sync(await open(binding, join(t.testdir({ image: '' }), 'image')));
    t.pass();
  });

  t.test('what is settled is in the file; a device without a page cache has nothing to settle', async (t) => {
    const path = join(t.testdir({ image: '' }), 'image');
    const handle = await open(binding, path);
    await binding.write(handle, 0, Buffer.alloc(10_000, 'x'));
    t.equal(await binding.settle(handle, 0, 10_000), undefined);
    t.equal(await binding.settle(handle, 5_000, 0), undefined);
    t.equal(readFileSync(path, 'latin1'), 'x'.repeat(10_000));
    const device = await open(binding, '/dev/null');
    await t.rejects(binding.settle(device, 0, 1), { code: 'ESPIPE', errno: -29, syscall: 'sync_file_range' });
  });

  t.test('offsets above 4 GiB are exact', async (t) => {
    const path = join(t.testdir({}), 'sparse');
    const size = 5 * 2 ** 30;
    const fd = openSync(path, 'w+');
    ftruncateSync(fd, size);
    const handle = await open(binding, path);
    t.equal((await binding.identify(handle)).size, size);
    const mark = Buffer.from('above');
    for (const offset of [2 ** 31 - 2, 2 ** 32 - 2, 2 ** 32 + 77, size - 5]) {
      await binding.write(handle, offset, mark);
      const there = Buffer.alloc(5);
      readSync(fd, there, 0, 5, offset);
      t.same(there, mark, `${offset}`);
      const back = new Uint8Array(5);
      await binding.read(handle, offset, back);
      t.same(Buffer.from(back), mark);
      t.equal(await binding.compare(handle, offset, mark), 0);
      t.equal(await binding.compare(handle, offset - 1, mark), 2);
    }
    await t.rejects(binding.read(handle, size - 4, new Uint8Array(5)), { code: 'ENODATA' });
    closeSync(fd);
  });

  t.test('compare says what a look at each byte says', async (t) => {
    const path = join(t.testdir({ image: '' }), 'image');
    const handle = await open(binding, path);
    const model = (wanted: Uint8Array, flash: Uint8Array): number =>
      wanted.reduce<number>((found, byte, i) => {
        const have = flash[i] ?? 0;
        return Math.max(found, byte === have ? 0 : (byte & ~have) === 0 ? 1 : 2);
      }, 0);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1, 3, 7, 8, 9, 255, 4095, 4097, 65535, 65536, 65537, 150_001),
        fc.nat(20),
        fc.array(
          fc.record({ at: fc.nat(200_000), mask: fc.integer({ min: 1, max: 255 }), sets: fc.boolean() }),
          {
            maxLength: 2,
          },
        ),
        async (length, offset, flips) => {
          const flash = Uint8Array.from({ length: length + offset }, (_, i) => (i * 167) >> 3);
          const wanted = new Uint8Array(length + offset).subarray(offset);
          wanted.set(flash.subarray(offset));
          for (const { at, mask, sets } of flips) {
            const i = at % length;
            const byte = wanted[i] ?? 0;
            wanted[i] = sets ? byte | mask : byte & ~mask;
          }
          writeFileSync(path, flash);
          t.equal(await binding.compare(handle, offset, wanted), model(wanted, flash.subarray(offset)));
        },
      ),
      { numRuns: 60 },
    );
  });

  t.test('compare reads on as long as the answer can change, and no further', async (t) => {
    const path = join(t.testdir({}), 'image');
    writeFileSync(path, new Uint8Array(65536).fill(0x0f));
    const handle = await open(binding, path);
    const longer = new Uint8Array(65537).fill(0x0f);
    await t.rejects(binding.compare(handle, 0, longer), { code: 'ENODATA' });
    longer[0] = 0x0e;
    await t.rejects(
      binding.compare(handle, 0, longer),
      { code: 'ENODATA' },
      'a cleared bit may be followed by a set one',
    );
    longer[0] = 0x1f;
    t.equal(await binding.compare(handle, 0, longer), 2);
  });
});
