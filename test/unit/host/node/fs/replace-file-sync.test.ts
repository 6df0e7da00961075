import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { replaceFileSync } from '../../../../../src/host/node/fs/replace-file-sync.js';

t.test('a file gets new content, for its owner only, over what a crash has left', async (t) => {
  const path = join(t.testdir(), 'file');
  for (const flush of [false, true]) {
    writeFileSync(`${path}.new`, 'half of', { mode: 0o666 });
    replaceFileSync(path, `content ${flush}`, { flush });
    t.equal(readFileSync(path, 'utf8'), `content ${flush}`);
    t.equal(statSync(path).mode & 0o777, 0o600);
  }
  t.same(readdirSync(join(path, '..')), ['file']);
});

t.test('what cannot be finished leaves nothing behind', async (t) => {
  const dir = t.testdir();
  const path = join(dir, 'file');
  // A rename over a folder fails.
  mkdirSync(path);
  t.throws(() => replaceFileSync(path, 'content'), { code: 'EISDIR' });
  t.same(readdirSync(dir), ['file']);
});
