/** A check is bound to the keys that vouched for it. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { CheckResult } from '../../../src/core/update/check/check-pass.js';
import { keysVersion } from '../../../src/host/node/keys.js';
import { CheckStore } from '../../../src/service/checks.js';
import type { UpdateRequest } from '../../../src/service/update-request.js';

t.test('a check is refused once the trusted keys are others', async (t) => {
  const folder = t.testdir({ keys: { OpenBMC: { publickey: 'one', hashfunc: 'HashType=RSA-SHA256' } } });
  const keys = join(folder, 'keys');
  const checks = new CheckStore(
    () => 0,
    () => keysVersion(keys),
  );
  const result = { identity: 'sha256:00' } as CheckResult;
  const id = checks.keep(result, null);
  const ask = (check: UpdateRequest['check']) => checks.resultOf({ check, only: null } as UpdateRequest);
  t.equal(ask(id), result);
  renameSync(join(keys, 'OpenBMC'), join(folder, 'revoked'));
  mkdirSync(join(keys, 'OpenBMC'));
  writeFileSync(join(keys, 'OpenBMC', 'publickey'), 'two');
  writeFileSync(join(keys, 'OpenBMC', 'hashfunc'), 'HashType=RSA-SHA256');
  for (const check of [id, result.identity, result])
    t.throws(() => ask(check), { code: 'ERR_SESSION_CHECK', message: /keys have changed/ });
  t.equal(ask(null), null);
});
