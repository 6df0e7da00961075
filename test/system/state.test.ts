/** --state of write and serve, and the audit log, as a user has them. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startService } from '../kit/serve-kit.js';
import { makeBoard, VECTORS } from './board.js';
import { sluice } from './run.js';
import { scratch } from './stock-bundle.js';

const STOCK = join(VECTORS, 'good-stock.tar');
const BAD = join(VECTORS, 'bad-kernel-byte.tar');
const dir = scratch(t);

t.test('a simulated chip has its journal beside it, which goes when the update is committed', async (t) => {
  const board = await makeBoard(scratch(t));
  const folder = scratch(t);
  await sluice(['sim', 'fault', board.chip, '--fault', 'cut:torn:erase:3']);
  const cut = await board.write(STOCK, ['--json'], { env: { ...process.env, STATE_DIRECTORY: folder } });
  t.match(cut, { code: 7, json: { code: 'ERR_FLASH_POWER_CUT', flash: 'partial' } });
  t.ok(existsSync(`${board.chip}.journal`));
  const { code, json } = await board.write(STOCK, ['--json']);
  t.equal(code, 0);
  t.match(json.session, { attempt: 2, resumedFrom: Number, journal: { writes: Number } });
  t.notOk(existsSync(`${board.chip}.journal`));
  t.same(readdirSync(folder), [], 'nothing of the machine is used');
  t.notOk('audit' in json, 'and there is no audit log');
});

t.test(
  'a state folder has journal and audit log; refused updates are in it, and a verify is not',
  async (t) => {
    const board = await makeBoard(scratch(t));
    const state = join(dir, 'state');
    await sluice(['sim', 'fault', board.chip, '--fault', 'cut:torn:erase:2']);
    const cut = await board.write(STOCK, ['--state', state, '--json']);
    t.match(cut, { code: 7, json: { audit: { sequence: 2, hash: /^[0-9a-f]{64}$/ } } });
    t.ok(readdirSync(state).some((name) => name.startsWith('journal-')));
    t.notOk(existsSync(`${board.chip}.journal`));
    t.equal((await board.write(STOCK, ['--state', state])).code, 0);
    t.notOk(readdirSync(state).some((name) => name.startsWith('journal-')));
    t.equal((await board.write(BAD, ['--state', state])).code, 3);
    await sluice(['verify', STOCK, ...board.args]);

    const shown = await sluice(['audit', 'show', '--state', state, '--json']);
    t.match(shown.json, [
      { seq: 2, kind: 'receipt', from: { via: 'cli', peer: null }, receipt: { outcome: 'interrupted' } },
      { seq: 3, receipt: { outcome: 'committed', session: { attempt: 2 } } },
      { seq: 4, receipt: { outcome: 'refused', code: 'ERR_TRUST_SIGNATURE' } },
    ]);
    t.equal(shown.json.length, 3);
    const head = (await sluice(['audit', 'head', '--state', state])).stdout.trim();
    t.match(head, /^4:[0-9a-f]{64}$/);
    const people = await sluice(['audit', 'show', '--last', '1'], {
      env: { ...process.env, STATE_DIRECTORY: state },
    });
    t.match(people.stdout, /refused/);
    t.notMatch(people.stdout, /committed/);

    const verify = (args: readonly string[] = []) =>
      sluice(['audit', 'verify', '--state', state, '--json', ...args]);
    t.match(await verify(), { code: 0, json: { whole: true, receipts: 3, torn: 0, head: { sequence: 4 } } });
    t.equal((await verify(['--head', head])).code, 0);
    const path = join(state, 'audit.log');
    const whole = readFileSync(path);
    truncateSync(path, statSync(path).size - 10);
    t.match(
      await verify(),
      { code: 0, json: { torn: Number, head: { sequence: 3 } } },
      'a torn line is no tampering',
    );
    t.match(await verify(['--head', head]), { code: 3, json: { code: 'ERR_AUDIT_HEAD' } });
    writeFileSync(path, whole.toString('latin1').replace('"committed"', '"refused"'), 'latin1');
    t.match(await verify(), { code: 3, json: { code: 'ERR_AUDIT_BROKEN' } });
  },
);

t.test(
  'a receipt that the audit log does not take is told loudly, and the exit code is that of the flash',
  async (t) => {
    const board = await makeBoard(scratch(t));
    const state = join(dir, 'unfit');
    mkdirSync(join(state, 'audit.log'), { recursive: true });
    const { code, json, stderr } = await board.write(STOCK, ['--state', state, '--json']);
    t.equal(code, 0);
    t.match(json, { outcome: 'committed', audit: { code: 'ERR_AUDIT_APPEND' } });
    t.match(stderr, /WARNING: THE AUDIT LOG LACKS THIS RECEIPT/);
  },
);

t.test(
  'a place that was said and cannot be used is refused; the usual one is done without, once told',
  async (t) => {
    const board = await makeBoard(scratch(t));
    const file = join(dir, 'file');
    writeFileSync(file, '');
    const before = board.bytes();
    for (const where of [file, join(file, 'x'), 'mtd:', 'sim:nothing', 'sim:kernel', 'ubi:journal']) {
      t.match(
        await board.write(STOCK, ['--state', where, '--json']),
        { code: 2, json: { code: 'ERR_USAGE_STATE' } },
        where,
      );
    }
    t.ok(board.bytes().equals(before));
    const image = join(dir, 'kernel.img');
    writeFileSync(image, new Uint8Array(8 * 65_536));
    const flash = ['--flash', `block:kernel=${image}`, '--keys', board.keys, '--machine', 'quanta-q71l'];
    const run = await sluice(['write', STOCK, ...flash, '--only', 'kernel', '-q'], {
      env: { ...process.env, STATE_DIRECTORY: file },
    });
    t.equal(run.code, 0);
    t.equal(run.stderr.match(/there is no journal/g)?.length, 1);
    const none = await board.write(STOCK, ['--state', 'none', '--json']);
    t.match(none, { code: 0, stderr: '', json: { session: { journal: null } } });
  },
);

t.test('a partition of the chip can be reserved for the journal, and is not written over then', async (t) => {
  const board = await makeBoard(scratch(t));
  const layout = join(board.dir, 'reserved.json');
  const block = 65_536;
  const parts = [
    ['kernel', 8],
    ['rofs', 12],
    ['journal', 2],
  ] as const;
  let offset = 0;
  const partitions = parts.map(([name, blocks]) => {
    const part = { name, offset, size: blocks * block };
    offset += part.size;
    return part;
  });
  writeFileSync(layout, JSON.stringify({ name: 'reserved', size: offset, partitions }));
  await sluice(['sim', 'create', board.chip, '--force', '--layout', layout, '--fault', 'cut:torn:program:4']);
  const args = ['--only', 'kernel,rofs', '--state', 'sim:journal', '--json'];
  t.equal((await board.write(STOCK, args)).code, 7);
  t.match(
    board
      .bytes()
      .subarray(20 * block)
      .toString('latin1', 0, 3),
    'SLJ',
  );
  const { code, json } = await board.write(STOCK, args);
  t.equal(code, 0);
  t.match(json.session, { attempt: 2, journal: { writes: Number } });
  const single = ['--partition', 'journal', '--trust', 'unsigned', '--state', 'sim:journal', '--json'];
  t.match(await board.write(STOCK, single), {
    code: 2,
    json: { code: 'ERR_USAGE_STATE', flash: 'untouched' },
  });
});

t.test('--resume-limit is a number, and the configuration may say it', async (t) => {
  const board = await makeBoard(scratch(t));
  t.match(await board.write(STOCK, ['--resume-limit', 'x', '--json']), {
    json: { code: 'ERR_USAGE_OPTION' },
  });
  const config = join(dir, 'config.json');
  writeFileSync(config, JSON.stringify({ resumeLimit: 1, state: join(dir, 'limited') }));
  for (const code of ['ERR_FLASH_POWER_CUT', 'ERR_SESSION_STUCK']) {
    await sluice(['sim', 'fault', board.chip, '--fault', 'cut:before:erase:1']);
    t.equal((await board.write(STOCK, ['--config', config, '--json'])).json.code, code);
  }
  t.equal(
    (await board.write(STOCK, ['--config', config, '--resume-limit', '0'])).code,
    7,
    'the fault is still planned',
  );
  t.equal((await board.write(STOCK, ['--config', config, '--resume-limit', '0'])).code, 0);
});

t.test('audit tells what it cannot do', async (t) => {
  for (const [args, code] of [
    [['verify', '--state', join(dir, 'empty')], 'ERR_USAGE_STATE'],
    [['verify', '--state', 'mtd:journal'], 'ERR_USAGE_STATE'],
    [['verify', '--head', '12'], 'ERR_USAGE_OPTION'],
    [['show', '--head', '12'], 'ERR_USAGE_OPTION'],
    [['show', '--last', '0'], 'ERR_USAGE_OPTION'],
    [['mend'], 'ERR_USAGE_ARGUMENT'],
  ] as const) {
    t.match(await sluice(['audit', ...args, '--json']), { code: 2, json: { code } }, args.join(' '));
  }
});

t.test(
  'the service keeps its receipts in the audit log, with who sent them, and its journal beside it',
  async (t) => {
    const service = await startService(t);
    t.equal((await service.request('/v1/update', { method: 'POST', body: readFileSync(BAD) })).status, 422);
    await sluice(['sim', 'show', service.chip]);
    // What changed no flash has a log of its own, so that it cannot push out what did.
    const log = join(service.state, 'refused');
    const { json } = await sluice(['audit', 'show', '--state', log, '--json']);
    t.match(json, [{ from: { via: 'http', peer: '127.0.0.1' }, receipt: { outcome: 'refused' } }]);
    t.equal(json.length, 1);
    await service.stop();
    const refused = await sluice(['serve', ...service.board.args, '--state', 'mtd:journal', '--json']);
    t.match(refused, { code: 2, json: { code: 'ERR_USAGE_STATE' } });
  },
);
