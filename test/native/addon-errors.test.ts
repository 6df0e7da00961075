import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import type { Handle, NativeBinding } from 'node-mtd';
import { addon, open } from './addon.js';

const { binding, skip } = addon();

/** Every ioctl, asked of a file. */
const IOCTLS: readonly [
  syscall: string,
  ask: (binding: NativeBinding, handle: Handle) => Promise<unknown>,
][] = [
  ['MEMGETINFO', (b, h) => b.mtdInfo(h)],
  // The old one is what remains when the new one is ENOTTY.
  ['MEMERASE', (b, h) => b.mtdErase(h, 0, 65536)],
  ['MEMGETBADBLOCK', (b, h) => b.mtdIsBad(h, 0)],
  ['MEMSETBADBLOCK', (b, h) => b.mtdMarkBad(h, 0)],
  ['MEMLOCK', (b, h) => b.mtdLock(h, 0, 65536)],
  ['MEMUNLOCK', (b, h) => b.mtdUnlock(h, 0, 65536)],
  ['MEMISLOCKED', (b, h) => b.mtdIsLocked(h, 0, 65536)],
  ['ECCGETSTATS', (b, h) => b.mtdEccStats(h)],
  ['UBI_IOCVOLUP', (b, h) => b.ubiStartUpdate(h, 1)],
  ['UBI_IOCEBCH', (b, h) => b.ubiChangeLeb(h, 0, new Uint8Array(1))],
  ['UBI_IOCEBER', (b, h) => b.ubiEraseLeb(h, 0)],
  ['UBI_IOCEBUNMAP', (b, h) => b.ubiUnmapLeb(h, 0)],
  ['UBI_IOCEBISMAP', (b, h) => b.ubiIsMapped(h, 0)],
  ['UBI_IOCSETVOLPROP', (b, h) => b.ubiDirectWrite(h, true)],
  ['BLKGETSIZE64', (b, h) => b.blockInfo(h)],
  ['BLKDISCARD', (b, h) => b.blockDiscard(h, 0, 512)],
  ['BLKZEROOUT', (b, h) => b.blockZero(h, 0, 512)],
];

t.test('the addon fails exactly', { skip }, async (t) => {
  if (binding === null) return;

  t.test('opening what is not there, or cannot be opened', async (t) => {
    const folder = t.testdir({ file: '' });
    await t.rejects(open(binding, join(folder, 'nowhere')), {
      name: 'Error',
      code: 'ENOENT',
      errno: -2,
      syscall: 'open',
      path: join(folder, 'nowhere'),
      message: `ENOENT: No such file or directory, open '${join(folder, 'nowhere')}'`,
    });
    await t.rejects(open(binding, join(folder, 'file/x')), { code: 'ENOTDIR', syscall: 'open' });
    await t.rejects(open(binding, folder), { code: 'EISDIR', syscall: 'open' });
    await t.rejects(open(binding, 'x'.repeat(5000)), { code: 'ENAMETOOLONG', syscall: 'open' });
    execFileSync('mkfifo', [join(folder, 'fifo')]);
    await t.rejects(open(binding, join(folder, 'fifo'), false), { code: 'ENXIO', syscall: 'open' });
  });

  t.test('ioctls on what is no such device are ENOTTY, by the name of the ioctl', async (t) => {
    const file = await open(binding, join(t.testdir({ file: 'content' }), 'file'));
    const device = await open(binding, '/dev/null');
    for (const [syscall, ask] of IOCTLS) {
      await t.rejects(ask(binding, file), {
        code: 'ENOTTY',
        errno: -25,
        syscall,
        message: new RegExp(`, ${syscall}$`),
      });
      await t.rejects(ask(binding, device), { code: 'ENOTTY', errno: -25, syscall });
    }
    const bytes = new Uint8Array(7);
    await binding.read(file, 0, bytes);
    t.equal(Buffer.from(bytes).toString(), 'content', 'a change of a LEB that was refused writes nothing');
  });

  t.test('ranges that 32 bits do not hold are not cut to them', async (t) => {
    const handle = await open(binding, '/dev/null');
    const top = 2 ** 32;
    for (const [offset, length] of [
      [top, 0],
      [0, top],
      [top - 65536, 131072],
      [2 ** 53 - 1, 2 ** 53 - 1],
    ] as const) {
      const beyond = (syscall: string) => ({ code: 'EOVERFLOW', errno: -75, syscall });
      await t.rejects(binding.mtdLock(handle, offset, length), beyond('MEMLOCK'));
      await t.rejects(binding.mtdUnlock(handle, offset, length), beyond('MEMUNLOCK'));
      await t.rejects(binding.mtdIsLocked(handle, offset, length), beyond('MEMISLOCKED'));
      await t.rejects(
        binding.mtdErase(handle, offset, length),
        beyond('MEMERASE64'),
        'for lack of the 64 bit one',
      );
    }
    await t.rejects(
      binding.mtdLock(handle, top - 65536, 65536),
      { code: 'ENOTTY' },
      'the last block is within',
    );
  });

  t.test('arguments that are none are refused, and none of them reaches the kernel', async (t) => {
    const path = join(t.testdir({ file: 'content' }), 'file');
    const handle = await open(binding, path);
    const bytes = new Uint8Array(1);
    const untyped = binding as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
    const type = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
    const range = { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' };
    const flags = { write: false, exclusive: false };
    const shrinks = new Uint8Array(Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]) as ArrayBuffer);
    for (const [name, args, error] of [
      ['open', [], type],
      ['open', [1, flags], type],
      ['open', ['', flags], type],
      ['open', [`${path}\0x`, flags], type],
      ['open', [path], type],
      ['open', [path, null], type],
      ['open', [path, {}], type],
      ['open', [path, { write: 1, exclusive: false }], type],
      ['open', [path, { write: true }], type],
      [
        'open',
        [
          path,
          new Proxy(
            {},
            {
              get: () => {
                throw new Error('mine');
              },
            },
          ),
        ],
        type,
      ],
      ['read', [handle, '0', bytes], type],
      ['read', [handle, 0n, bytes], type],
      ['read', [handle, undefined, bytes], type],
      ['read', [handle, -1, bytes], range],
      ['read', [handle, 0.5, bytes], range],
      ['read', [handle, NaN, bytes], range],
      ['read', [handle, Infinity, bytes], range],
      ['read', [handle, 2 ** 53, bytes], range],
      ['read', [handle, 2 ** 64, bytes], range],
      ['read', [handle, 0], type],
      ['read', [handle, 0, 'bytes'], type],
      ['read', [handle, 0, [0]], type],
      ['read', [handle, 0, new ArrayBuffer(8)], type],
      ['read', [handle, 0, new DataView(new ArrayBuffer(8))], type],
      ['read', [handle, 0, new Uint16Array(8)], type],
      ['read', [handle, 0, new Uint8ClampedArray(8)], type],
      ['read', [handle, 0, shrinks], type],
      ['write', [handle, -1, bytes], range],
      ['write', [handle, 0, null], type],
      ['compare', [handle, 0], type],
      ['settle', [handle, 0, -1], range],
      ['settle', [handle, '0', 1], type],
      ['mtdErase', [handle, 0, -1], range],
      ['mtdErase', [handle, -1, 0], range],
      ['mtdErase', [handle, 0], type],
      ['mtdIsBad', [handle, 2 ** 53], range],
      ['mtdMarkBad', [handle, {}], type],
      ['mtdLock', [handle, 0, 1.5], range],
      ['mtdUnlock', [handle, 0, '1'], type],
      ['mtdIsLocked', [handle], type],
      ['ubiStartUpdate', [handle, -1], range],
      ['ubiAppend', [handle, 'x'], type],
      ['ubiChangeLeb', [handle, 2 ** 31, bytes], range],
      ['ubiChangeLeb', [handle, 0, {}], type],
      ['ubiEraseLeb', [handle, -1], range],
      ['ubiUnmapLeb', [handle, 2 ** 32], range],
      ['ubiIsMapped', [handle, null], type],
      ['ubiDirectWrite', [handle, 1], type],
      ['blockDiscard', [handle, 0, 2 ** 53], range],
      ['blockZero', [handle, true, 0], type],
    ] as const) {
      await t.rejects(untyped[name]?.(...args) ?? Promise.resolve(), error, `${name} ${args.length}`);
    }
    await binding.read(handle, 0, bytes);
    t.equal(bytes[0], 'c'.charCodeAt(0), 'and the handle is as it was');
  });

  t.test('what is no handle is refused by every function', async (t) => {
    for (const [name, call] of Object.entries(binding)) {
      if (name === 'open') continue;
      for (const not of [
        undefined,
        null,
        1,
        'x',
        {},
        [],
        new Proxy({}, {}),
        Object.create(await open(binding, '/dev/null')),
      ]) {
        await t.rejects((call as (...args: unknown[]) => Promise<unknown>)(not, 0, 0), {
          code: 'ERR_INVALID_ARG_TYPE',
          message: /argument 1 must be a handle/,
        });
      }
    }
  });
});
