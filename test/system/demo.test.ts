import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { sluice } from './run.js';

t.test('the demo tells its whole story and ends well', async (t) => {
  const { code, stdout, stderr } = await sluice(['demo']);
  t.equal(code, 0, stderr);
  for (const line of [
    /380 erased and written/,
    /52 unchanged, 8 erased and written/,
    /refused \(ERR_TRUST_BLOCK\): block 100 of image-rofs/,
    /interrupted \(ERR_FLASH_POWER_CUT\)/,
    /committed: 389 blocks, 25\d unchanged, 13\d erased and written/,
    /peak memory of a write \d+\.\d MiB/,
  ]) {
    t.match(stdout, line);
  }
  t.match(stderr, /█/, 'maps of the chip are drawn');
});

t.test('a demo that cannot begin says why and leaves nothing behind', async (t) => {
  const TMPDIR = t.testdir({});
  const json = await sluice(['demo', '--keep', '--json'], { env: { ...process.env, TMPDIR } });
  t.equal(json.code, 2);
  t.match(json.json, { code: 'ERR_USAGE_OPTION' });
  t.same(readdirSync(TMPDIR), []);
  const missing = { ...process.env, TMPDIR: join(TMPDIR, 'none') };
  const nowhere = await sluice(['demo'], { env: missing });
  t.equal(nowhere.code, 2);
  t.match(nowhere.stderr, /TMPDIR.*ERR_USAGE_OUTPUT, ENOENT/);
});
