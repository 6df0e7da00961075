/** Where the service listens, where it does not, and how it stops. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { request, type IncomingMessage } from 'node:http';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { curl, startService } from '../kit/serve-kit.js';
import { makeBoard, VECTORS } from './board.js';
import { sluice } from './run.js';
import { scratch } from './stock-bundle.js';
import { start, until } from './start.js';

const STOCK = join(VECTORS, 'good-stock.tar');
const dir = scratch(t);
const board = await makeBoard(dir);
const state = join(dir, 'state');

/** Runs a service that is expected not to start. */
async function refused(
  http: object,
  ...args: string[]
): Promise<{ code: string; message: string; next: string }> {
  const config = join(dir, 'refused.json');
  writeFileSync(config, JSON.stringify({ http }));
  const run = await sluice([
    'serve',
    ...board.args,
    '--state',
    join(dir, 'refused'),
    '--config',
    config,
    '--json',
    ...args,
  ]);
  t.equal(run.code, 2, run.stderr);
  return run.json;
}

t.test('other machines are let near only as the configuration says in so many words', async (t) => {
  const open = { allowWithoutCredentials: 'write' };
  const code = 'ERR_USAGE_LISTEN';
  t.match(await refused({ listen: ['0.0.0.0:0', '[::]:0', '127.0.0.1:0'] }), {
    code,
    message: /0\.0\.0\.0 .*without TLS .*"plainTextBeyondLoopback": true.*; :: can be reached/,
    next: /beyond loopback/,
  });
  t.match(await refused({ listen: ['0.0.0.0:0'], plainTextBeyondLoopback: true, ...open }), {
    code,
    message: /without credentials .*"noCredentialsBeyondLoopback": true/,
  });
  t.match(await refused({ listen: ['0.0.0.0:0'], noCredentialsBeyondLoopback: true, ...open }), {
    code,
    message: /without TLS/,
  });
  t.match(await refused({}, '--http', '0.0.0.0:0'), { code });
  const config = { http: { plainTextBeyondLoopback: true, noCredentialsBeyondLoopback: true, ...open } };
  const service = await startService(t, { config, args: ['--http', '0.0.0.0:0,localhost:0'] });
  t.match(service.addresses, [/^http:\/\/0\.0\.0\.0:\d+$/, /^http:\/\/127\.0\.0\.1:\d+$/]);
});

t.test('what cannot be listened on is refused before anything is', async (t) => {
  const code = 'ERR_USAGE_LISTEN';
  const other = createServer().listen(0, '127.0.0.1');
  t.teardown(() => other.close());
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const path = join(dir, 'half.sock');
  t.match(await refused({ listen: [{ unix: path }, `127.0.0.1:${port}`] }), {
    code,
    message: /already in use/,
  });
  t.notOk(existsSync(path), 'nothing is left of the one that was');
  t.match(await refused({ listen: ['https://127.0.0.1:0'] }), { code, message: /no http\.tls/ });
  t.match(await refused({ listen: ['nobody.invalid:0'] }), {
    code,
    message: /host name nobody\.invalid cannot be resolved/,
  });
  t.match(await refused({ listen: ['systemd'] }), { code, message: /systemd has passed no socket/ });
  t.match(await refused({}, '--http', 'nonsense'), { code, message: /nonsense is not a listening address/ });
  t.match(await refused({ listen: [{ unix: board.chip }] }), { code, message: /is not a socket/ });
  t.match(await refused({ listen: [{ unix: path, group: 'nobody-has-this' }] }), {
    code,
    message: /group \S+ does not exist/,
  });
  const long = join(dir, 'a'.repeat(108));
  t.match(await refused({ listen: [{ unix: long }] }), { code, message: /at most 107 bytes, and \// });
  t.same(
    readdirSync(dir).filter((name) => name.startsWith('aaa')),
    [],
    'none that is cut off',
  );
});

t.test('a configuration that is not understood, and a state folder that cannot be used', async (t) => {
  t.match(await refused({ lsten: [], limits: { silence: 0 } }), {
    code: 'ERR_USAGE_CONFIG',
    message: /http: there is no key "lsten", did you mean "listen"\?; http\.limits\.silence must be/,
  });
  const config = join(dir, 'only.json');
  const serve = (...args: string[]) => sluice(['serve', ...board.args, '--json', ...args]);
  writeFileSync(config, '{ "only": ["kernel"] }');
  t.match((await serve('--config', config, '--state', state)).json, {
    code: 'ERR_USAGE_CONFIG',
    message: /"only" is for/,
  });
  writeFileSync(config, '{ "trust": "unsigned" }');
  t.match((await serve('--config', config, '--state', state)).json, {
    code: 'ERR_USAGE_CONFIG',
    message: /set "weakestTrust": "unsigned"/,
  });
  t.match((await serve('--state', board.chip)).json, { code: 'ERR_USAGE_STATE', next: /--state/ });
  const env = { ...process.env, STATE_DIRECTORY: `${board.chip}/x:/other` };
  const run = await sluice(['serve', ...board.args, '--json'], { env });
  t.match(run.json, { code: 'ERR_USAGE_STATE', message: /chip\.bin\/x/ }, 'the first folder of systemd');
});

t.test('several addresses at once, each told in one line for people and one for machines', async (t) => {
  const path = join(dir, 'http.sock');
  const service = await startService(t, { args: ['--http', `127.0.0.1:0,[::1]:0,unix:${path}`, '--json'] });
  t.match(service.addresses, [/^http:\/\/127\.0\.0\.1:\d+$/, /^http:\/\/\[::1\]:\d+$/, `unix:${path}`]);
  await until(() => service.stdout.split('\n').length > 3, 'it has said all');
  const said = service.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  t.same(
    said,
    service.addresses.map((listening) => ({ listening })),
  );
  t.equal((await service.request('/v1/status')).status, 200);
  t.equal((await service.request('/v1/status', { url: service.addresses[1] as string })).status, 200);
  t.equal(
    (await curl('--unix-socket', path, 'http://localhost/v1/status')).status,
    200,
    'who may connect is let in',
  );
  t.equal(statSync(path).mode & 0o777, 0o660);
  t.match(service.token, /^[\w-]{32}$/);
  t.equal(statSync(join(service.state, 'token')).mode & 0o777, 0o600);
  t.equal(await service.stop(), 0);
  t.notOk(existsSync(path));
});

t.test(
  'a unix socket: its mode, its role, what an earlier run has left, and one that is in use',
  async (t) => {
    const path = join(dir, 'own.sock');
    const closed = join(dir, 'closed.sock');
    const config = join(dir, 'unix.json');
    const listen = [
      { unix: path, mode: '0600', role: 'ReadOnly' },
      { unix: closed, role: 'none' },
    ];
    writeFileSync(config, JSON.stringify({ http: { listen } }));
    const serve = async () => {
      const run = start(['serve', ...board.args, '--state', state, '--config', config]);
      t.teardown(() => run.kill('SIGKILL'));
      await until(() => run.stderr.includes(closed), 'it listens');
      return run;
    };
    const first = await serve();
    const token = readFileSync(join(state, 'token'), 'utf8');
    t.equal(statSync(path).mode & 0o777, 0o600);
    t.equal((await curl('--unix-socket', path, 'http://x/v1/status')).status, 200);
    t.equal((await curl('--unix-socket', path, '-T', STOCK, 'http://x/v1/update')).status, 403);
    t.equal((await curl('--unix-socket', closed, 'http://x/v1/status')).status, 401);
    t.equal(
      (await curl('--unix-socket', closed, '-u', `x:${token.trim()}`, 'http://x/v1/status')).status,
      200,
    );
    t.match(await refused({ listen }), { code: 'ERR_USAGE_LISTEN', message: /another process listens/ });
    t.equal((await curl('--unix-socket', path, 'http://x/v1/status')).status, 200, 'which did it no harm');
    t.equal(readFileSync(join(state, 'token'), 'utf8'), token, 'nor its token');
    first.kill('SIGKILL');
    await first.ended;
    t.ok(existsSync(path), 'left behind');
    const second = await serve();
    t.equal((await curl('--unix-socket', path, 'http://x/v1/status')).status, 200);
    t.not(readFileSync(join(state, 'token'), 'utf8'), token, 'each run has a token of its own');
    second.kill('SIGTERM');
    t.equal(await second.ended, 0);
  },
);

t.test('with credentials in a file there is no token beside them', async (t) => {
  const file = join(dir, 'credentials.json');
  await sluice(['credentials', file, '--token', 'ci']);
  mkdirSync(state, { recursive: true });
  writeFileSync(join(state, 'token'), 'left');
  const config = join(dir, 'file.json');
  writeFileSync(config, JSON.stringify({ http: { listen: ['127.0.0.1:0'], credentials: file } }));
  const run = start(['serve', ...board.args, '--state', state, '--config', config]);
  await until(() => run.stderr.includes('listening'), 'it listens');
  t.notOk(existsSync(join(state, 'token')));
  run.kill('SIGINT');
  t.equal(await run.ended, 0);
});

t.test('a stop: events end, an update is left to be resumed, and its sender gets the receipt', async (t) => {
  const service = await startService(t);
  const watcher = await begin(service.url, service.token, 'GET', '/v1/events');
  const events = await watcher.answer;
  t.equal(events.statusCode, 200);
  const idle = connect(service.port, '127.0.0.1');
  idle.on('error', () => {});
  const upload = await begin(service.url, service.token, 'PUT', '/v1/update?trust=before-commit');
  const bytes = readFileSync(STOCK);
  upload.request.write(bytes.subarray(0, bytes.length / 2));
  for (let left = 400; ; left--) {
    const { json } = await service.request('/v1/status');
    if (json.job?.received > 100_000 || left === 0) break;
  }
  const began = performance.now();
  const stopped = service.stop();
  const answer = await upload.answer;
  const receipt = JSON.parse(await textOf(answer)) as { outcome: string };
  upload.request.destroy();
  t.equal(answer.statusCode, 503);
  t.match(receipt, { outcome: 'interrupted', code: 'ERR_SESSION_INTERRUPTED' });
  await textOf(events);
  t.equal(await stopped, 7);
  t.ok(performance.now() - began < 4000, `${(performance.now() - began).toFixed(0)} ms`);
  const next = await startService(t, { board: service.board });
  t.equal((await next.curl('/v1/update?trust=before-commit', '-T', STOCK)).status, 200);
  t.equal(await next.stop(), 0);
});

t.test('on a port that is free between two runs no token outlives a run', async (t) => {
  const config = { idleExit: 1 };
  const first = await startService(t, { config });
  t.equal(await first.ended, 0);
  const second = await startService(t, { config, board: first.board });
  t.not(second.token, first.token);
});

t.test('SIGHUP is no reason to stop for a service without a terminal', async (t) => {
  const service = await startService(t);
  service.kill('SIGHUP');
  t.equal((await service.request('/v1/status')).status, 200);
  t.equal(await service.stop(), 0);
});

t.test(
  'a folder that only others may write to is no state folder',
  { skip: process.getuid?.() === 0 },
  async (t) => {
    const closed = join(dir, 'closed');
    mkdirSync(closed);
    chmodSync(closed, 0o555);
    const run = await sluice(['serve', ...board.args, '--json', '--state', closed]);
    t.match(run.json, { code: 'ERR_USAGE_STATE', message: /permission denied/ });
  },
);

/** Begins a request whose body goes on. */
async function begin(url: string, token: string, method: string, path: string) {
  const sent = request(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    agent: false,
  });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    sent.on('response', resolve);
    sent.on('error', reject);
  });
  if (method === 'GET') sent.end();
  else sent.flushHeaders();
  return { request: sent, answer };
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of answer.setEncoding('utf8')) text += piece as string;
  return text;
}

t.test('a service that does not know its machine says so, as it takes no update', async (t) => {
  const words = ['--flash', `sim:${board.chip}`, '--keys', board.keys, '--state', join(dir, 'unknown')];
  const listening = async (...more: string[]): Promise<string> => {
    const child = start(['serve', ...words, '--http', '127.0.0.1:0', ...more]);
    await until(() => child.stderr.includes('listening'), 'it listens');
    child.kill('SIGTERM');
    t.equal(await child.ended, 0);
    return child.stderr;
  };
  t.match(await listening(), /^sluice: updates are refused until --machine, .*\nsluice: listening on/);
  t.match(await listening('--machine', 'any'), /^sluice: listening on/);
});
