/** What is appended to: a file of this folder alone. */
import { chownSync, linkSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { append } from '../../../../../src/host/node/fs/append.js';

const LINE = Buffer.from('line\n');

t.test('a file with another name elsewhere is left alone', async (t) => {
  const folder = t.testdir({ secret: '', state: {} });
  const path = join(folder, 'state', 'audit.log');
  linkSync(join(folder, 'secret'), path);
  t.throws(() => append(path, LINE), { code: 'EMLINK' });
  t.equal(readFileSync(path, 'utf8'), '');
});

t.test(
  'only a file that was made here is given to the user of the folder',
  { skip: process.getuid?.() !== 0 && 'only root can give a file away' },
  async (t) => {
    const folder = t.testdir();
    chownSync(folder, 12345, 12345);
    append(join(folder, 'fresh'), LINE);
    t.equal(statSync(join(folder, 'fresh')).uid, 12345);
    writeFileSync(join(folder, 'empty'), '');
    append(join(folder, 'empty'), LINE);
    t.equal(statSync(join(folder, 'empty')).uid, 0);
  },
);
