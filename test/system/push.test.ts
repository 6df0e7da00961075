/** `sluice push` and `sluice status` against the real service, with a proxy in between that cuts connections. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { cuttingProxy } from '../kit/cutting-proxy.js';
import { IMAGES, testBundle } from '../kit/serve-bundles.js';
import { startService, type Service } from '../kit/serve-kit.js';
import { OLD, VECTORS } from './board.js';
import { sluice, type Run, type RunOptions } from './run.js';
import { start, until } from './start.js';

const proven = testBundle();
const stock = testBundle({ kind: 'stock' });

const env = (service: Service): NodeJS.ProcessEnv => ({ ...process.env, SLUICE_TOKEN: service.token });
const push = (service: Service, args: readonly string[], options: RunOptions = {}): Promise<Run> =>
  sluice(['push', ...args], { env: env(service), ...options });

t.test('a push does what a write does, and says the same', async (t) => {
  const service = await startService(t);
  const file = proven.file(service.dir);
  const run = await push(service, [service.url, file]);
  t.equal(run.code, 0, run.stderr);
  t.match(run.stdout, /^committed: kernel, rofs, rwfs, u-boot written \(\d+ blocks\)\n/);
  t.equal(run.stderr, '', 'with an index no check is needed, and no progress is drawn without a terminal');
  t.ok(service.board.bytes().equals(proven.after()));

  service.board.reset();
  const tokenFile = join(service.dir, 'secret');
  writeFileSync(tokenFile, `${service.token}\n`);
  const some = await push(
    service,
    [service.url, file, '--only', 'rofs', '--json', '--token-file', tokenFile],
    {
      env: { ...process.env, SLUICE_TOKEN: 'wrong' },
    },
  );
  t.equal(some.code, 0, some.stderr);
  t.match(some.json, { outcome: 'committed', trust: { by: 'index' } });
  t.ok(service.board.bytes().equals(proven.after(['rofs'])));
  const piped = await push(service, [service.url, '-', '--quiet'], { input: proven.bytes });
  t.match(piped, { code: 0, stdout: '', stderr: '' });
  t.ok(service.board.bytes().equals(proven.after()));
});

t.test('a bundle without an index is checked first', async (t) => {
  const service = await startService(t);
  const run = await push(service, [service.url, stock.file(service.dir)]);
  t.equal(run.code, 0, run.stderr);
  t.match(run.stderr, /checked: stock bundle, version 2\.19\.0, sha256:[0-9a-f]{64}/);
  t.match(run.stderr, /will change: kernel 6 of 6, rofs 9 of 9, rwfs 2 of 2, u-boot 4 of 4/);
  t.match(run.stdout, /verified by check-pass/);
  t.ok(service.board.bytes().equals(stock.after()));
  const once = await push(service, [service.url, '-'], { input: stock.bytes });
  t.equal(once.code, 3, 'from a pipe it cannot be');
  t.match(once.stderr, /ERR_TRUST_NOT_AHEAD/);
  const asked = await push(service, [service.url, '-', '--trust', 'before-commit', '-q'], {
    input: stock.bytes,
  });
  t.equal(asked.code, 0);
});

t.test('what goes wrong has the exit code of write and the next step', async (t) => {
  const service = await startService(t);
  const file = proven.file(service.dir);
  const bad = await push(service, [service.url, join(VECTORS, 'bad-kernel-byte.tar')]);
  t.equal(bad.code, 3);
  // The check refused the bundle: no session has established the state of the flash.
  t.match(bad.stderr, /\(ERR_TRUST_SIGNATURE\)\n {2}next: /);
  const strange = await push(service, [service.url, file, '--only', 'nvram', '--json']);
  t.match({ code: strange.code, json: strange.json }, { code: 2, json: { code: 'ERR_USAGE_PARTITION' } });
  const wrong = await push(service, [service.url, file], { env: { ...process.env, SLUICE_TOKEN: 'wrong' } });
  t.equal(wrong.code, 6);
  t.match(wrong.stderr, /ERR_BUSY_CREDENTIALS/);
  const nobody = await push(service, ['http://127.0.0.1:1', file, '--retries', '1']);
  t.equal(nobody.code, 4);
  t.match(nobody.stderr, /127\.0\.0\.1:1: nothing listens there \(ERR_SOURCE_SERVICE/);
  t.equal((await push(service, [service.url, join(service.dir, 'nothing')])).code, 4);
  t.equal((await push(service, ['ftp://board', file])).code, 2);
  t.equal((await push(service, [service.url, file, '--wait', 'long'])).code, 2);
  t.ok(service.board.bytes().equals(OLD));
});

t.test('cut connections are gone on with, and what was proven is not sent again', async (t) => {
  const service = await startService(t, { timing: { model: 'w25q256jv', scale: 0.05 } });
  const { length } = proven.bytes;
  const proxy = await cuttingProxy(t, service.port, [300_000, 150_000, 5000, 400_000]);
  const url = `http://127.0.0.1:${proxy.port}`;
  const run = await push(service, [url, proven.file(service.dir), '--json']);
  t.equal(run.code, 0, run.stderr);
  t.match(run.json, { outcome: 'committed' });
  t.ok(service.board.bytes().equals(proven.after()));
  const { receipts } = (await service.request('/v1/receipts')).json;
  t.equal(receipts.length, 1, 'it was one update');
  const { partitions } = receipts[0].receipt;
  for (const { name } of IMAGES) {
    t.equal(partitions[name].programmed, partitions[name].blocks, `${name}: each block once`);
    t.equal(partitions[name].skipped, 0, `${name}: none came twice`);
  }
  t.comment(`${proxy.sent} bytes through ${proxy.connections} connections for ${length}`);
  t.match(run.stderr, /resuming/);
});

t.test('an answer that was cut is asked for again', async (t) => {
  const service = await startService(t);
  const proxy = await cuttingProxy(t, service.port, ['answer']);
  const run = await push(service, [`http://127.0.0.1:${proxy.port}`, proven.file(service.dir), '--json']);
  t.equal(run.code, 0, run.stderr);
  t.match(run.json, { outcome: 'committed' });
  t.equal((await service.request('/v1/receipts')).json.receipts.length, 1);
});

t.test(
  'a connection that is cut again and again is given up, and the flash is said to be unfinished',
  async (t) => {
    const service = await startService(t);
    const cuts = Array.from({ length: 40 }, () => 90);
    const proxy = await cuttingProxy(t, service.port, [700_000, ...cuts]);
    const url = `http://127.0.0.1:${proxy.port}`;
    const run = await push(service, [url, proven.file(service.dir), '--json', '--retries', '2']);
    t.equal(run.code, 4);
    t.match(run.json, { code: 'ERR_SOURCE_SERVICE', next: /./ });
  },
);

t.test('a busy flash: told at once, or waited for', async (t) => {
  const service = await startService(t, { timing: { model: 'w25q256jv', scale: 0.3 } });
  const file = proven.file(service.dir);
  const first = service.request('/v1/update?only=rofs', { method: 'POST', body: proven.bytes });
  await until(() => !service.board.bytes().equals(OLD), 'the first has begun');
  const busy = await push(service, [service.url, file]);
  t.equal(busy.code, 6);
  t.match(busy.stderr, /ERR_BUSY_FLASH/);
  const waiting = await push(service, [service.url, file, '--wait', '60', '--only', 'rwfs']);
  t.equal(waiting.code, 0, waiting.stderr);
  t.equal((await first).status, 200);
});

t.test('a service that is killed in the middle, and started again', async (t) => {
  const dir = t.testdir();
  const credentials = join(dir, 'credentials.json');
  // The service makes a new token at each start; a token of this file stays valid.
  const token = (await sluice(['credentials', credentials, '--token', 'rack', '--role', 'Operator'])).stdout;
  const tokenFile = join(dir, 'secret');
  writeFileSync(tokenFile, token);
  const life = {
    timing: { model: 'w25q256jv', scale: 0.3 },
    config: { http: { credentials } },
    token: false,
  };
  const service = await startService(t, life);
  const words = ['push', service.url, stock.file(service.dir), '--json', '--token-file', tokenFile];
  const child = start(words);
  await until(() => !service.board.bytes().equals(OLD), 'it has begun');
  service.kill('SIGKILL');
  await service.ended;
  const { board, port } = service;
  await startService(t, { ...life, board, args: ['--http', `127.0.0.1:${port}`] });
  t.equal(await child.ended, 0, child.stderr);
  t.match(JSON.parse(child.stdout), { outcome: 'committed', trust: { by: 'check-pass' } });
  t.match(child.stderr, /resuming in \d/);
  t.match(child.stderr, /checking the bundle again/);
  t.ok(board.bytes().equals(stock.after()));
});

t.test('what ends after a cut does not call the flash untouched', async (t) => {
  const service = await startService(t, { timing: { model: 'w25q256jv', scale: 0.3 } });
  const tokenFile = join(service.dir, 'secret');
  writeFileSync(tokenFile, service.token);
  const child = start(['push', service.url, proven.file(service.dir), '--json', '--token-file', tokenFile]);
  await until(() => !service.board.bytes().equals(OLD), 'it has begun');
  service.kill('SIGKILL');
  await service.ended;
  const { board, port } = service;
  await startService(t, { board, args: ['--http', `127.0.0.1:${port}`] });
  t.equal(await child.ended, 6, 'the token is another one');
  t.match(JSON.parse(child.stdout), { code: 'ERR_BUSY_CREDENTIALS', flash: 'partial' });
});

t.test('each attempt is told, and a wrong address is not tried again', async (t) => {
  const service = await startService(t);
  for (const file of [proven.file(service.dir), stock.file(service.dir)]) {
    const away = await push(service, ['http://127.0.0.1:1', file, '--retries', '2']);
    t.equal(away.code, 4);
    t.equal(away.stderr.match(/nothing listens there; resuming in 0\.\d s\n/g)?.length, 2, away.stderr);
  }
  const plain = await push(service, [`https://127.0.0.1:${service.port}`, proven.file(service.dir)]);
  t.equal(plain.code, 4);
  t.match(plain.stderr, /does not speak TLS; is it http:/);
  t.notMatch(plain.stderr, /resuming/);
});

t.test('an interrupt lets the flash go at once', async (t) => {
  const service = await startService(t, { timing: { model: 'w25q256jv', scale: 0.5 } });
  const tokenFile = join(service.dir, 'secret');
  writeFileSync(tokenFile, service.token);
  const child = start(['push', service.url, proven.file(service.dir), '--json', '--token-file', tokenFile]);
  await until(() => !service.board.bytes().equals(OLD), 'it has begun');
  child.kill('SIGINT');
  t.equal(await child.ended, 7);
  t.match(JSON.parse(child.stdout), { outcome: 'interrupted', flash: 'partial' });
  const again = await push(service, [service.url, proven.file(service.dir)]);
  t.equal(again.code, 0, again.stderr);
});

t.test('status tells what is there, and watches', async (t) => {
  const service = await startService(t);
  const tokenFile = join(service.dir, 'secret');
  writeFileSync(tokenFile, service.token);
  const fresh = await sluice(['status', service.url], { env: env(service) });
  t.equal(fresh.code, 0, fresh.stderr);
  t.match(fresh.stdout, /^quanta-q71l, sim:.*, trust before-erase\n/);
  t.match(fresh.stdout, /\n {2}kernel +0\.5 MiB +- +- +-\n/);
  t.match(fresh.stdout, /no update yet\nno update is running\n/);

  const watching = start(['status', service.url, '--watch', '--json', '--token-file', tokenFile]);
  await until(() => watching.stdout.includes('"state"'), 'the state was told');
  t.equal((await push(service, [service.url, proven.file(service.dir), '-q'])).code, 0);
  await until(() => watching.stdout.includes('"receipt"'), 'the receipt was told');
  watching.kill('SIGINT');
  t.equal(await watching.ended, 0);
  const lines = watching.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string });
  t.equal(lines[0]?.event, 'state');
  t.ok(lines.some(({ event }) => event === 'progress'));

  const later = await sluice(['status', service.url], { env: env(service) });
  t.match(later.stdout, /\n {2}kernel +0\.5 MiB +327681 +[0-9a-f]{12} +2\.19\.0\n/);
  t.match(later.stdout, /\nlast 000001, .*: committed: /);
  const own = await sluice(['status', service.url], {
    env: { ...process.env, SLUICE_TOKEN: '', STATE_DIRECTORY: service.state },
  });
  t.equal(own.code, 0, 'on this machine the token is found');
  const json = await sluice(['status', service.url, '--json'], { env: env(service) });
  t.match(json.json, { machine: 'quanta-q71l', job: null });
  const nobody = await sluice(['status', 'http://127.0.0.1:1'], { env: env(service) });
  t.equal(nobody.code, 4);
});
