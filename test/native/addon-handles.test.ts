import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import t from 'tap';
import type { NativeBinding } from 'node-mtd';
import { addon, built, open } from './addon.js';

const { binding, skip } = addon();

/** How many descriptors of this process are open on `path`. */
function descriptors(path: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false;
    }
  }).length;
}

t.test('handles of the addon', { skip }, async (t) => {
  if (binding === null) return;

  t.test('close closes, once and for good', async (t) => {
    const path = join(t.testdir({ image: 'abc' }), 'image');
    const handle = await open(binding, path);
    t.equal(descriptors(path), 1);
    t.equal(await binding.close(handle), undefined);
    t.equal(descriptors(path), 0);
    await binding.close(handle);
    const other = await open(binding, path);
    for (const [name, call] of Object.entries(binding)) {
      if (name === 'open' || name === 'close') continue;
      const args = { lock: [false], ubiDirectWrite: [true], ubiAppend: [new Uint8Array(1)] }[name] ?? [0, 0];
      if (['read', 'write', 'compare', 'ubiChangeLeb'].includes(name)) args[1] = new Uint8Array(1);
      await t.rejects(
        (call as (...args: unknown[]) => Promise<unknown>)(handle, ...args),
        { code: 'EBADF' },
        name,
      );
    }
    t.equal(await binding.close(handle), undefined, 'idempotent');
    t.equal(descriptors(path), 1, 'and not the descriptor that has its number now');
    await binding.close(other);
  });

  t.test('a descriptor is not handed on to programs that are started', async (t) => {
    const path = join(t.testdir({ image: 'abc' }), 'image');
    const handle = await open(binding, path);
    const fd = readdirSync('/proc/self/fd').find((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === path;
      } catch {
        return false;
      }
    });
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1] ?? '0';
    t.not(parseInt(flags, 8) & 0o2000000, 0, 'O_CLOEXEC');
    await binding.close(handle);
  });

  t.test('a second call while one runs is refused, and disturbs nothing', async (t) => {
    const path = join(t.testdir({ image: 'abcdef' }), 'image');
    const handle = await open(binding, path);
    const bytes = new Uint8Array(3);
    const first = binding.read(handle, 0, bytes);
    await t.rejects(binding.read(handle, 3, new Uint8Array(3)), {
      code: 'EBUSY',
      errno: -16,
      syscall: 'pread',
    });
    await t.rejects(binding.mtdErase(handle, 0, 0), { code: 'EBUSY', syscall: 'MEMERASE64' });
    await first;
    t.equal(Buffer.from(bytes).toString(), 'abc');
    await binding.read(handle, 3, bytes);
    t.equal(Buffer.from(bytes).toString(), 'def');
  });

  t.test("two handles do not get into each other's way", async (t) => {
    const path = join(t.testdir({}), 'image');
    writeFileSync(path, new Uint8Array(1 << 20).fill(7));
    const handles = await Promise.all([...Array(8)].map(() => open(binding, path)));
    const same = new Uint8Array(1 << 20).fill(7);
    t.same(
      await Promise.all(handles.map((handle) => binding.compare(handle, 0, same))),
      [0, 0, 0, 0, 0, 0, 0, 0],
    );
  });

  t.test('close waits for the call that runs, and refuses what comes after it', async (t) => {
    const path = join(t.testdir({}), 'image');
    writeFileSync(path, new Uint8Array(8 << 20).fill(7));
    const handle = await open(binding, path);
    const bytes = new Uint8Array(8 << 20);
    const order: string[] = [];
    const read = binding.read(handle, 0, bytes).then(() => order.push(`read, last byte ${bytes.at(-1)}`));
    const closed = binding.close(handle).then(() => order.push(`closed, ${descriptors(path)} left`));
    const again = binding.close(handle).then(() => order.push('closed again'));
    const third = binding.close(handle).then(() => order.push('and again'));
    await t.rejects(binding.read(handle, 0, bytes), { code: 'EBADF', syscall: 'pread' });
    await Promise.all([read, closed, again, third]);
    t.same(order.slice(0, 2), ['read, last byte 7', 'closed, 0 left']);
    t.same(order.slice(2).sort(), ['and again', 'closed again']);
  });

  t.test('the lock keeps others out until it is closed', async (t) => {
    const path = join(t.testdir({ image: '' }), 'image');
    const one = await open(binding, path);
    const two = await open(binding, path);
    t.equal(await binding.lock(one, false), true);
    t.equal(await binding.lock(one, false), true, 'its own');
    t.equal(await binding.lock(two, false), false);
    t.equal(await binding.lock(two, true), false, 'nor beside it');
    await binding.close(one);
    t.equal(await binding.lock(two, false), true);
  });

  t.test('locks for reading go beside one another, and beside no other', async (t) => {
    const path = join(t.testdir({ image: '' }), 'image');
    const handles = [
      await open(binding, path),
      await open(binding, path),
      await open(binding, path),
    ] as const;
    const [one, two, three] = handles;
    t.equal(await binding.lock(one, true), true);
    t.equal(await binding.lock(two, true), true);
    t.equal(await binding.lock(three, false), false);
    await binding.close(one);
    await binding.close(two);
    t.equal(await binding.lock(three, false), true);
    await binding.close(three);
  });

  t.test('bytes outlive their caller while a call runs on them', async (t) => {
    const path = join(t.testdir({}), 'image');
    writeFileSync(path, new Uint8Array(1 << 20).fill(7));
    const script = `
      const binding = require(process.argv[1]);
      const turn = () => new Promise((resolve) => setImmediate(resolve));
      (async () => {
        for (let i = 0; i < 20; i++) {
          let handle = await binding.open(process.argv[2], { write: false, exclusive: false });
          const running = binding.compare(handle, 0, new Uint8Array(1 << 20).fill(7));
          handle = null;
          gc();
          const found = await running;
          if (found !== 0) throw new Error('compared with other bytes: ' + found);
        }
        for (let i = 0; i < 5; i++) { gc(); await turn(); }
        const { readdirSync, readlinkSync } = require('node:fs');
        const left = readdirSync('/proc/self/fd').filter((fd) => {
          try { return readlinkSync('/proc/self/fd/' + fd) === process.argv[2]; } catch { return false; }
        });
        console.log('left ' + left.length);
      })();`;
    const module = built();
    const said = execFileSync(process.execPath, ['--expose-gc', '-e', script, module, path], {
      encoding: 'utf8',
    });
    t.equal(said.trim(), 'left 0', 'and handles that were forgotten are closed');
    const loaded = createRequire(import.meta.url)(module) as NativeBinding;
    t.same(Object.keys(loaded).sort(), Object.keys(binding).sort());
  });

  t.test('a thread that ends while calls run takes nothing with it', async (t) => {
    const path = join(t.testdir({}), 'image');
    writeFileSync(path, new Uint8Array(1 << 20));
    const script = `
      const { Worker, isMainThread } = require('node:worker_threads');
      const work = \`
        const { workerData } = require('node:worker_threads');
        const binding = require(workerData.module);
        (async () => {
          const handle = await binding.open(workerData.path, { write: false, exclusive: false });
          binding.read(handle, 0, new Uint8Array(1 << 20));
          process.exit();
        })();\`;
      const [module, path] = process.argv.slice(1);
      (async () => {
        for (let i = 0; i < 5; i++) {
          await new Promise((resolve) => new Worker(work, { eval: true, workerData: { module, path } }).on('exit', resolve));
        }
        const { readdirSync, readlinkSync } = require('node:fs');
        const left = readdirSync('/proc/self/fd').filter((fd) => {
          try { return readlinkSync('/proc/self/fd/' + fd) === path; } catch { return false; }
        });
        console.log('left ' + left.length);
      })();`;
    const module = built();
    const said = execFileSync(process.execPath, ['-e', script, module, path], { encoding: 'utf8' });
    t.equal(said.trim(), 'left 0');
  });
});
