import type fs from 'node:fs';
import { fstatSync, fsyncSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import t from 'tap';
import { replaceFileSync } from '../../../../../src/host/node/fs/replace-file-sync.js';

t.test('a file gets new content and its mode, over what a crash has left', async (t) => {
  const path = join(t.testdir(), 'file');
  for (const mode of [0o600, 0o644]) {
    writeFileSync(`${path}.new`, 'half of', { mode: 0o666 });
    replaceFileSync(path, `content ${mode}`, { mode });
    t.equal(readFileSync(path, 'utf8'), `content ${mode}`);
    t.equal(statSync(path).mode & 0o777, mode);
  }
  replaceFileSync(path, 'kept', { keepOwner: true });
  t.equal(statSync(path).mode & 0o777, 0o644);
  t.same(readdirSync(join(path, '..')), ['file']);
});

t.test('the new name is durable: the folder is synced after the rename', async (t) => {
  const folder = t.testdir();
  const original = fsyncSync;
  const seen: (readonly string[])[] = [];
  const syncs = t.intercept(createRequire(import.meta.url)('node:fs') as typeof fs, 'fsyncSync', {
    value: (fd: number) => {
      if (fstatSync(fd).isDirectory()) seen.push(readdirSync(folder));
      original(fd);
    },
  });
  syncBuiltinESMExports();
  t.teardown(() => {
    syncs.restore();
    syncBuiltinESMExports();
  });
  replaceFileSync(join(folder, 'file'), 'content');
  t.same(seen, [['file']]);
});

t.test('what cannot be finished leaves nothing behind', async (t) => {
  const dir = t.testdir();
  const path = join(dir, 'file');
  // A rename over a folder fails.
  mkdirSync(path);
  t.throws(() => replaceFileSync(path, 'content'), { code: 'EISDIR' });
  t.same(readdirSync(dir), ['file']);
});
