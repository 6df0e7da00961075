/** Who gets into the service, with curl as the client: tokens, users, roles, guesses, pages of other sites. */
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startService, type Service } from '../kit/serve-kit.js';
import { VECTORS } from './board.js';
import { sluice } from './run.js';
import { scratch } from './stock-bundle.js';

const STOCK = join(VECTORS, 'good-stock.tar');
const PASSWORD = 'correct horse battery';

const dir = scratch(t);
const file = join(dir, 'credentials.json');
const user = (name: string, role: string, password = PASSWORD) =>
  sluice(['credentials', file, '--user', name, '--role', role], { input: Buffer.from(`${password}\n`) });
const newToken = async (name: string, role: string): Promise<string> =>
  (await sluice(['credentials', file, '--token', name, '--role', role])).stdout.trim();
const tokens = { ci: '', eyes: '' };

t.before(async () => {
  await user('alice', 'Operator');
  await user('bob', 'ReadOnly');
  await user('zoë', 'Administrator', 'pâssword: with colon');
  tokens.ci = await newToken('ci', 'Operator');
  tokens.eyes = await newToken('eyes', 'ReadOnly');
});

const start = (t: Test, http: object = { credentials: file }): Promise<Service> =>
  startService(t, { config: { http }, token: false });

t.test('the command makes entries of hashes, keeps mode and owner, and lists them', async (t) => {
  const text = readFileSync(file, 'utf8');
  t.equal(statSync(file).mode & 0o777, 0o600);
  for (const secret of [PASSWORD, tokens.ci, tokens.eyes]) t.notOk(text.includes(secret));
  t.match((await sluice(['credentials', join(dir, 'gone.json'), '--json'])).json, {
    code: 'ERR_USAGE_CREDENTIALS',
    message: /no such file/,
  });
  const { json } = await sluice(['credentials', file, '--json']);
  t.same(json.credentials, [
    { kind: 'user', name: 'alice', role: 'Operator' },
    { kind: 'user', name: 'bob', role: 'ReadOnly' },
    { kind: 'user', name: 'zoë', role: 'Administrator' },
    { kind: 'token', name: 'ci', role: 'Operator' },
    { kind: 'token', name: 'eyes', role: 'ReadOnly' },
  ]);
  const other = join(dir, 'other.json');
  await sluice(['credentials', other, '--token', 'a']);
  chmodSync(other, 0o640);
  const first = readFileSync(other, 'utf8');
  t.match((await sluice(['credentials', other, '--token', 'a'])).stdout, /^[\w-]{32}\n$/);
  t.not(readFileSync(other, 'utf8'), first, 'a token is renewed in its place');
  t.equal(statSync(other).mode & 0o777, 0o640);
  t.equal((await sluice(['credentials', other, '--remove', 'a'])).code, 0);
  t.equal((await sluice(['credentials', other, '--remove', 'a'])).code, 2);
  for (const [args, input] of [
    [['--user', 'x'], 'short\n'],
    [['--user', 'x:y'], `${PASSWORD}\n`],
    [['--user', 'x', '--token', 'y'], ''],
    [['--user', 'x', '--role', 'root'], `${PASSWORD}\n`],
    [['--role', 'Operator'], ''],
  ] as const) {
    const run = await sluice(['credentials', other, ...args], { input: Buffer.from(input) });
    t.equal(run.code, 2, args.join(' '));
  }
});

t.test('tokens and users get in as far as their roles go; receipts name them', async (t) => {
  const service = await start(t);
  const ask = async (...args: string[]): Promise<number> =>
    (await service.curl('/v1/status', ...args)).status;
  const send = (...args: string[]) =>
    service.curl('/v1/update?trust=before-commit&only=kernel', '-T', STOCK, ...args);
  const bearer = (token: string): string[] => ['-H', `Authorization: Bearer ${token}`];
  t.equal(await ask(...bearer(tokens.ci)), 200);
  t.equal(await ask(...bearer(tokens.eyes)), 200);
  t.equal(await ask('-u', `alice:${PASSWORD}`), 200);
  t.equal(await ask('-u', `bob:${PASSWORD}`), 200);
  t.equal(await ask('-u', 'zoë:pâssword: with colon'), 200);
  t.equal(await ask('-u', `any name:${tokens.eyes}`), 200, 'for clients that know Basic only');

  const none = await service.curl('/v1/status', '-D', '-');
  t.equal(none.status, 401);
  t.match(none.stdout, /www-authenticate: Bearer realm="sluice"\r\n/i);
  t.match(none.stdout, /www-authenticate: Basic realm="sluice", charset="UTF-8"\r\n/i);
  for (const args of [
    bearer('x'.repeat(32)),
    ['-u', 'alice:wrong'],
    ['-u', `nobody:${PASSWORD}`],
    ['-H', 'Authorization: Basic ===='],
    ['-H', 'Authorization: Nonsense'],
  ]) {
    t.equal(await ask(...args), 401, args.join(' '));
  }
  t.equal((await service.curl('/health')).status, 200, 'health is for everybody');

  for (const args of [bearer(tokens.eyes), ['-u', `bob:${PASSWORD}`]]) {
    const refused = await send(...args);
    t.equal(refused.status, 403);
    t.match(refused.json, { code: 'ERR_BUSY_FORBIDDEN' });
  }
  t.equal((await send('-u', `alice:${PASSWORD}`)).status, 200);
  const { json } = await service.curl('/v1/receipts', ...bearer(tokens.eyes));
  t.match(json.receipts, [{ from: { user: 'alice', via: 'http', peer: '127.0.0.1' } }]);
});

t.test('the file is read again when it has changed; one that is broken lets nobody in', async (t) => {
  const service = await start(t);
  const ask = async (name: string, password = PASSWORD): Promise<number> =>
    (await service.curl('/v1/status', '-u', `${name}:${password}`)).status;
  const good = readFileSync(file);
  t.equal(await ask('alice'), 200);
  await user('alice', 'Operator', 'another password');
  t.equal(await ask('alice'), 401, 'the old one is not remembered');
  t.equal(await ask('alice', 'another password'), 200);
  await sluice(['credentials', file, '--remove', 'alice']);
  t.equal(await ask('alice', 'another password'), 401);
  writeFileSync(file, '{');
  t.equal(await ask('bob'), 401);
  t.match(
    service.stderr,
    /every request is refused until the credentials are fixed: cannot read .*credentials\.json/,
  );
  rmSync(file);
  t.equal(await ask('bob'), 401);
  writeFileSync(file, good);
  t.equal(await ask('alice'), 200);
});

t.test('a file with mistakes is refused at the start, all of them at once', async (t) => {
  const bad = join(dir, 'bad.json');
  const hash = 'scrypt$1048576$8$1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
  const say = (value: unknown): void => writeFileSync(bad, JSON.stringify(value));
  const serve = async (): Promise<{ code: string; message: string }> => {
    const config = join(dir, 'config.json');
    writeFileSync(config, JSON.stringify({ http: { credentials: bad, listen: ['127.0.0.1:0'] } }));
    const state = join(dir, 'state');
    const run = await sluice([
      'serve',
      '--config',
      config,
      '--flash',
      'sim:none',
      '--state',
      state,
      '--json',
    ]);
    t.equal(run.code, 2);
    return run.json;
  };
  say({ users: { a: { rle: 'Operator', password: 'x' } }, tokens: [{ name: 't', role: 'root', hash: 'x' }] });
  t.match(await serve(), {
    code: 'ERR_USAGE_CREDENTIALS',
    message:
      /users\.a: there is no key "rle", did you mean "role"\?; users\.a\.role is missing; tokens\[0\]\.role must be one of .*; tokens\[0\]\.hash must be/,
  });
  say({ users: { a: { role: 'Operator', password: hash }, b: { role: 'Operator', password: 'plain' } } });
  t.match(await serve(), {
    code: 'ERR_USAGE_CREDENTIALS',
    message: /password of "a" .*; password of "b"/,
  });
  rmSync(bad);
  t.match(await serve(), { code: 'ERR_USAGE_CREDENTIALS', message: /no such file/ });
});

t.test(
  'a thousand wrong passwords: who has right ones is answered within a second all the while',
  async (t) => {
    const service = await start(t);
    const before = service.anonymous();
    let [wrong, limited, sent] = [0, 0, 0];
    const guess = async (): Promise<void> => {
      while (sent < 1000) {
        const status = await basic(service.port, `alice:wrong ${sent++}`);
        if (status === 429) limited++;
        else if (status === 401) wrong++;
      }
    };
    const storm = Promise.all(Array.from({ length: 20 }, guess));
    const times: number[] = [];
    const timed = async (...args: string[]): Promise<void> => {
      const { status, stdout } = await service.curl(
        '/v1/status',
        '-o',
        '/dev/null',
        '-w',
        '%{time_total}\n%{http_code}',
        ...args,
      );
      t.equal(status, 200);
      times.push(Number(stdout) * 1000);
    };
    while (sent < 1000) {
      // A user from another address, and a token from the very same one.
      await timed('--interface', '127.0.0.2', '-u', `bob:${PASSWORD}`);
      await timed('-H', `Authorization: Bearer ${tokens.ci}`);
    }
    await storm;
    t.ok(
      times.length > 2 && Math.max(...times) < 1000,
      `slowest of ${times.length}: ${Math.max(...times).toFixed(0)} ms`,
    );
    t.equal(wrong + limited, 1000);
    t.ok(wrong >= 10 && wrong < 20, `${wrong} were looked up`);
    const refused = await service.curl('/v1/status', '-u', 'alice:wrong', '-D', '-');
    t.equal(refused.status, 429);
    t.match(refused.stdout, /retry-after: [1-6]\r\n/i);
    const grown = service.anonymous() - before;
    t.ok(grown < 12 * 2 ** 20, `grown by ${(grown / 2 ** 20).toFixed(1)} MiB`);
  },
);

t.test('oversized heads are refused, and a long address', async (t) => {
  const service = await startService(t);
  t.equal((await service.curl('/v1/status', '-H', `X: ${'x'.repeat(20_000)}`)).status, 431);
  t.equal((await service.curl(`/v1/status?${'x'.repeat(4000)}`)).status, 400);
  t.equal((await service.curl('/v1/status')).status, 200);
});

t.test('what a page of another site makes a browser send changes nothing', async (t) => {
  const service = await start(t);
  const send = (...args: string[]) =>
    service.curl(
      '/v1/update?trust=before-commit&only=kernel',
      '-u',
      `alice:${PASSWORD}`,
      '-T',
      STOCK,
      ...args,
    );
  for (const head of ['Sec-Fetch-Site: cross-site', 'Origin: http://evil.example', 'Origin: null']) {
    const refused = await send('-H', head);
    t.equal(refused.status, 403, head);
    t.match(refused.json, { code: 'ERR_BUSY_FORBIDDEN', flash: null });
  }
  t.equal((await send('-H', `Origin: ${service.url}`)).status, 200);
});

t.test('without credentials: as far as the configuration says, and for names of its own', async (t) => {
  const http = { allowWithoutCredentials: 'read', hostNames: ['bmc.lan'], metricsWithoutCredentials: true };
  const service = await startService(t, { config: { http } });
  const ask = async (...args: string[]): Promise<number> =>
    (await service.curl('/v1/status', '-H', 'Authorization:', ...args)).status;
  t.equal(await ask(), 200);
  t.equal(await ask('-H', 'Host: bmc.lan'), 200);
  t.equal(await ask('-H', 'Host: evil.example'), 403);
  t.equal((await service.curl('/v1/update', '-T', STOCK, '-H', 'Authorization:')).status, 401);
  t.equal((await service.curl('/metrics', '-H', 'Authorization:')).status, 200);
});

/** The status of one request with Basic. */
function basic(port: number, auth: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path: '/v1/status', auth, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    })
      .on('error', reject)
      .end();
  });
}
