import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
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
  t.match(readFileSync(lock, 'latin1'), /^\d+ \d+\n$/);
  taken.release();
  t.same(names(), []);
});

t.test('a stale lock that a crash has left beside is removed, that of a living process is not', async (t) => {
  const { chip, lock, names } = place(t);
  writeFileSync(`${lock}.${NOBODY}`, `${NOBODY} 1\n`);
  writeFileSync(`${lock}.${process.ppid}`, '1 1\n');
  writeFileSync(`${lock}.notes`, 'not ours');
  PidLock.take(chip).release();
  t.same(names().sort(), [`chip.lock.${process.ppid}`, 'chip.lock.notes'].sort());
});
