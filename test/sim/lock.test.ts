import { createHash } from 'node:crypto';
import type fs from 'node:fs';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ownerText } from '../../src/host/node/fs/lock-owner.js';
import { PidLock } from '../../src/host/node/fs/pid-lock.js';

/** A number that no process has: beyond the largest pid of Linux. */
const NOBODY = 4_194_305;

function place(t: Test): { chip: string; lock: string; names: () => string[] } {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-lock-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return { chip: join(dir, 'chip'), lock: join(dir, 'chip.lock'), names: () => readdirSync(dir) };
}

t.test('an empty lock is that of a process that is just starting, for two seconds', async (t) => {
  const { chip, lock } = place(t);
  writeFileSync(lock, '');
  t.throws(() => PidLock.take(chip), { code: 'ERR_BUSY_FLASH' });
  const old = new Date(Date.now() - 3000);
  utimesSync(lock, old, old);
  PidLock.take(chip).release();
});

t.test('an empty lock from the future is stale: the clock was set back since', async (t) => {
  const { chip, lock, names } = place(t);
  writeFileSync(lock, '');
  const later = new Date(Date.now() + 365 * 24 * 3600 * 1000);
  utimesSync(lock, later, later);
  const taken = PidLock.take(chip);
  t.match(readFileSync(lock, 'latin1'), /^\d+ \d+ \S+ \S+\n$/);
  taken.release();
  t.same(names(), []);
});

t.test('what a crash has left beside is removed, what a living process has there is not', async (t) => {
  const { chip, lock, names } = place(t);
  writeFileSync(`${lock}.0123456789ab`, `${NOBODY} 1\n`);
  writeFileSync(`${lock}.0123456789ab.0123456789ab`, `${NOBODY} 1\n`);
  writeFileSync(`${lock}.ba9876543210`, ownerText());
  writeFileSync(`${lock}.notes`, 'not ours');
  PidLock.take(chip).release();
  t.same(names().sort(), ['chip.lock.ba9876543210', 'chip.lock.notes']);
});

t.test('a lock is taken and released if what lies beside it cannot be removed', async (t) => {
  const { chip, lock, names } = place(t);
  mkdirSync(`${lock}.0123456789ab`);
  PidLock.take(chip).release();
  t.same(names(), ['chip.lock.0123456789ab']);
});

t.test('an empty lock that has replaced a stale empty lock is not removed', async (t) => {
  const { chip, lock, names } = place(t);
  writeFileSync(lock, '');
  utimesSync(lock, new Date(0), new Date(0));
  const original = linkSync;
  const write = createRequire(import.meta.url)('node:fs') as typeof fs;
  const links = t.intercept(write, 'linkSync', {
    value: (from: string, to: string) => {
      original(from, to);
      // Another process is as far as this one.
      rmSync(lock);
      writeFileSync(lock, '');
    },
  });
  syncBuiltinESMExports();
  t.teardown(() => {
    links.restore();
    syncBuiltinESMExports();
  });
  t.throws(() => PidLock.take(chip), { code: 'ERR_BUSY_FLASH', message: /just starting/ });
  t.same(names(), ['chip.lock']);
});

t.test('a stale lock is removed by one process at a time, and only that lock', async (t) => {
  const { chip, lock, names } = place(t);
  const stale = `${NOBODY} 1\n`;
  const right = `${lock}.${createHash('sha256').update(stale).digest('hex').slice(0, 12)}`;
  writeFileSync(lock, stale);
  writeFileSync(right, ownerText());
  t.throws(() => PidLock.take(chip), { code: 'ERR_BUSY_FLASH' }, 'another one removes it');
  t.equal(readFileSync(lock, 'latin1'), stale);
  writeFileSync(right, `${NOBODY} 2\n`);
  const taken = PidLock.take(chip);
  t.same(names(), ['chip.lock'], 'that process is gone, too');
  taken.release();
});

t.test('the lock of a process that is there but cannot be seen is held', async (t) => {
  const { chip, lock } = place(t);
  const [pid, start, boot, namespace] = ownerText().trim().split(' ');
  const held = (text: string): void => {
    writeFileSync(lock, `${text}\n`);
    t.throws(() => PidLock.take(chip), { code: 'ERR_BUSY_FLASH' }, text);
  };
  held(`${pid} ${start}`);
  held(`${pid} ${start} - -`);
  held(`${NOBODY} ${start} ${boot} pid:[1]`);
  for (const gone of [
    `${pid} 1 ${boot} ${namespace}`,
    `${NOBODY} ${start} ${boot} ${namespace}`,
    `${pid} ${start} another-boot ${namespace}`,
  ]) {
    writeFileSync(lock, `${gone}\n`);
    PidLock.take(chip).release();
  }
  // With hidepid /proc shows no other user's process, and the kernel still knows it.
  const original = readFileSync;
  const read = createRequire(import.meta.url)('node:fs') as typeof fs;
  t.intercept(read, 'readFileSync', {
    value: (path: string, ...more: [never]) => {
      if (path === `/proc/${process.ppid}/stat`) throw Object.assign(new Error('hidden'), { code: 'ENOENT' });
      return original(path, ...more);
    },
  });
  syncBuiltinESMExports();
  t.teardown(syncBuiltinESMExports);
  held(`${process.ppid} 5`);
});
