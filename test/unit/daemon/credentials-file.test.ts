/** A name stands for one principal: sessions, receipts and the audit log go by it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readCredentials } from '../../../src/daemon/credentials-file.js';
import { hashPassword } from '../../../src/protocols/http/auth/password-hash.js';

t.test('one name for two users or tokens is refused', async (t) => {
  const path = join(t.testdir(), 'credentials.json');
  const user = { role: 'Administrator', password: await hashPassword('correct horse battery') };
  const token = (name: string) => ({ name, role: 'ReadOnly', hash: `sha256$${'0'.repeat(64)}` });
  const read = (users: object, ...tokens: object[]) => {
    writeFileSync(path, JSON.stringify({ users, tokens }), { mode: 0o600 });
    return readCredentials(path);
  };
  t.equal(read({ alice: user }, token('ci')).tokens.length, 1);
  const refusal = { code: 'ERR_USAGE_CREDENTIALS', message: /"alice" is the name of two/ };
  t.throws(() => read({ alice: user }, token('alice')), refusal);
  t.throws(() => read({}, token('alice'), token('alice')), refusal);
});
