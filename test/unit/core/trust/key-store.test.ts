import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { nodePlatform } from '../../../../src/host/node/platform.js';
import { ecKey, edKey, rsaKey } from '../../../kit/trust-kit.js';
import { loadKeys } from '../../../../src/host/node/keys.js';

const platform = await nodePlatform();
const rsa = rsaKey('rsa').pem.toString();
const weak = rsaKey('weak', 1024).pem.toString();
const good = { publickey: rsa, hashfunc: 'HashType=RSA-SHA256\n' };

t.test('keys are read as OpenBMC lays them out, in the order of their names', async (t) => {
  const dir = t.testdir({
    OpenBMC: good,
    B: { publickey: ecKey('ec').pem.toString(), hashfunc: 'HashType=ECDSA-SHA256\r\n' },
    A: { publickey: edKey('ed').pem.toString(), hashfunc: 'Comment=x\nHashType=Ed25519-SHA512' },
  });
  const store = await loadKeys(dir, platform);
  t.strictSame(
    store.keys.map(({ type, key, scheme }) => [type, key.kind, scheme.hash]),
    [
      ['A', 'ed25519', 'sha512'],
      ['B', 'ec', 'sha256'],
      ['OpenBMC', 'rsa', 'sha256'],
    ],
  );
});

t.test('a directory that is missing, empty or no directory has no keys', async (t) => {
  const dir = t.testdir({ empty: {}, file: 'x' });
  for (const name of ['missing', 'empty', 'file']) {
    await t.rejects(loadKeys(join(dir, name), platform), { code: 'ERR_TRUST_NO_KEYS' }, name);
  }
});

t.test('one entry that is not a whole key refuses the store and is named', async (t) => {
  const table: [string, Record<string, string>, string][] = [
    ['no publickey', { hashfunc: good.hashfunc }, 'ERR_TRUST_KEY'],
    ['no hashfunc', { publickey: rsa }, 'ERR_TRUST_HASH'],
    ['nothing', {}, 'ERR_TRUST_KEY'],
    ['an empty publickey', { ...good, publickey: '' }, 'ERR_TRUST_KEY'],
    ['an empty hashfunc', { ...good, hashfunc: '' }, 'ERR_TRUST_HASH'],
    ['a bare hash', { ...good, hashfunc: 'RSA-SHA256\n' }, 'ERR_TRUST_HASH'],
    ['two hashes', { ...good, hashfunc: 'HashType=RSA-SHA256\nHashType=RSA-SHA512\n' }, 'ERR_TRUST_HASH'],
    ['MD5', { ...good, hashfunc: 'HashType=MD5\n' }, 'ERR_TRUST_HASH'],
    ['a scheme for another key', { ...good, hashfunc: 'HashType=Ed25519\n' }, 'ERR_TRUST_HASH'],
    ['a weak key', { ...good, publickey: weak }, 'ERR_TRUST_KEY'],
    ['an endless publickey', { ...good, publickey: rsa + '\n'.repeat(20_000) }, 'ERR_TRUST_KEY'],
    ['an endless hashfunc', { ...good, hashfunc: good.hashfunc + '\n'.repeat(20_000) }, 'ERR_TRUST_HASH'],
  ];
  for (const [what, entry, code] of table) {
    const dir = t.testdir({ Good: good, Wrong: entry });
    await t.rejects(loadKeys(dir, platform), { code, message: /Wrong/ }, what);
  }
});

t.test('links, FIFOs and stray files are not keys', async (t) => {
  const dir = t.testdir({
    stray: { Good: { ...good }, README: 'x' },
    linked: { Good: { ...good } },
    linkedFile: { Good: { ...good }, Wrong: { hashfunc: good.hashfunc } },
    fifo: { Good: { ...good }, Wrong: { hashfunc: good.hashfunc } },
    folder: { Good: { ...good }, Wrong: { hashfunc: good.hashfunc } },
  });
  symlinkSync(join(dir, 'linked/Good'), join(dir, 'linked/Wrong'));
  symlinkSync(join(dir, 'linkedFile/Good/publickey'), join(dir, 'linkedFile/Wrong/publickey'));
  execFileSync('mkfifo', [join(dir, 'fifo/Wrong/publickey')]);
  mkdirSync(join(dir, 'folder/Wrong/publickey'));
  await t.rejects(loadKeys(join(dir, 'stray'), platform), { code: 'ERR_TRUST_KEY', message: /README/ });
  for (const name of ['linked', 'linkedFile', 'fifo', 'folder']) {
    await t.rejects(loadKeys(join(dir, name), platform), { code: 'ERR_TRUST_KEY', message: /Wrong/ }, name);
  }
});

t.test('a directory full of entries is refused', async (t) => {
  const dir = t.testdir({});
  for (let i = 0; i < 65; i++) {
    mkdirSync(join(dir, `k${i}`));
    writeFileSync(join(dir, `k${i}/publickey`), rsa);
    writeFileSync(join(dir, `k${i}/hashfunc`), good.hashfunc);
  }
  await t.rejects(loadKeys(dir, platform), { code: 'ERR_TRUST_KEY' });
});
