import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { StateFolder } from '../../../src/daemon/state-folder.js';

const TOKEN = 'a'.repeat(32);

t.test('a token is kept for the next start as long as it is ours alone', async (t) => {
  const path = t.testdir();
  const folder = new StateFolder(path, {});
  folder.keepToken(TOKEN);
  const file = join(path, 'token');
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.equal(readFileSync(file, 'utf8'), `${TOKEN}\n`);
  t.equal(folder.token(true), TOKEN);
  t.not(folder.token(false), TOKEN, 'unless a fresh one is asked for');
});

t.test('a token that others could read or write is replaced', async (t) => {
  const path = t.testdir();
  const folder = new StateFolder(path, {});
  folder.keepToken(TOKEN);
  for (const mode of [0o604, 0o602, 0o620, 0o644, 0o666]) {
    chmodSync(join(path, 'token'), mode);
    t.not(folder.token(true), TOKEN, mode.toString(8));
  }
  // For a group that may read it there.
  chmodSync(join(path, 'token'), 0o640);
  t.equal(folder.token(true), TOKEN);
});

t.test(
  'a token of somebody else is replaced',
  { skip: process.getuid?.() !== 0 && 'only root can give a file away' },
  async (t) => {
    const path = t.testdir();
    const folder = new StateFolder(path, {});
    folder.keepToken(TOKEN);
    chownSync(join(path, 'token'), 12345, 0);
    t.not(folder.token(true), TOKEN);
  },
);

t.test('what is no token is replaced, and no link is followed', async (t) => {
  const path = t.testdir();
  const folder = new StateFolder(path, {});
  t.match(folder.token(true), /^[\w-]{32}$/, 'there is none');
  writeFileSync(join(path, 'token'), 'short\n', { mode: 0o600 });
  t.match(folder.token(true), /^[\w-]{32}$/);
  const linked = t.testdir({ away: `${TOKEN}\n` });
  chmodSync(join(linked, 'away'), 0o600);
  mkdirSync(join(linked, 'state'));
  symlinkSync('../away', join(linked, 'state', 'token'));
  t.not(new StateFolder(join(linked, 'state'), {}).token(true), TOKEN);
});

t.test('a folder is of one service at a time', async (t) => {
  const path = t.testdir();
  const folder = new StateFolder(path, {});
  t.throws(() => new StateFolder(path, {}), { code: 'ERR_USAGE_STATE', message: /another service/ });
  folder.release();
  new StateFolder(path, {}).release();
});

t.test('a folder that cannot be used is refused', async (t) => {
  const path = t.testdir({ file: '' });
  t.throws(() => new StateFolder(join(path, 'file'), {}), { code: 'ERR_USAGE_STATE' });
  t.throws(() => new StateFolder(join(path, 'file', 'below'), {}), { code: 'ERR_USAGE_STATE' });
});
