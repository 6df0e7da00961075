/** Who may do what over Redfish (docs/redfish.md, Credentials), by curl. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { bundleBytes, generateBundle } from '../kit/generated-bundle.js';
import { parseMetrics } from '../kit/prometheus.js';
import { startService, type CurlRun } from '../kit/serve-kit.js';
import { sluice } from './run.js';
import { scratch } from './stock-bundle.js';

const SESSIONS = '/redfish/v1/SessionService/Sessions';
const SERVICE = '/redfish/v1/UpdateService';
const OCTETS = ['-X', 'POST', '-H', 'Content-Type: application/octet-stream'];
const dir = scratch(t);
const credentials = join(dir, 'credentials.json');
for (const role of ['Administrator', 'Operator', 'ReadOnly']) {
  const args = ['credentials', credentials, '--user', role.toLowerCase(), '--role', role];
  const made = await sluice(args, { input: Buffer.from(`secret of ${role}\n`) });
  if (made.code !== 0) throw new Error(made.stderr);
}
const service = await startService(t, { config: { http: { credentials } }, token: false });
const bundle = join(dir, 'bundle.tar');
writeFileSync(bundle, bundleBytes(generateBundle({ images: [{ name: 'kernel', size: 100_000 }] })));

const told = (run: CurlRun): string => `${run.status} ${run.json.error?.code}`;
const basic = (role: string): string[] => ['-u', `${role.toLowerCase()}:secret of ${role}`];

async function login(role: string): Promise<{ token: string; path: string }> {
  const body = JSON.stringify({ UserName: role.toLowerCase(), Password: `secret of ${role}` });
  const run = await service.curl(SESSIONS, '-d', body, '-D', join(dir, 'head'));
  if (run.status !== 201) throw new Error(run.stdout);
  const head = readFileSync(join(dir, 'head'), 'utf8');
  const [, token = ''] = /^x-auth-token: (\S+)\r$/im.exec(head) ?? [];
  const [, path = ''] = /^location: (\S+)\r$/im.exec(head) ?? [];
  return { token, path };
}
const by = (token: string): string[] => ['-H', `X-Auth-Token: ${token}`];

t.test('without credentials only the root can be read', async (t) => {
  for (const path of ['/redfish', '/redfish/v1', '/redfish/v1/odata', '/redfish/v1/$metadata']) {
    t.equal((await service.curl(path)).status, 200, path);
  }
  for (const path of [SERVICE, SESSIONS, '/redfish/v1/TaskService/Tasks', '/redfish/v1/nothing']) {
    const run = await service.curl(path, '-D', join(dir, 'head'));
    t.equal(told(run), '401 Base.1.19.NoValidSession', path);
    t.match(readFileSync(join(dir, 'head'), 'utf8'), /^www-authenticate: .*Basic/im);
  }
  for (const [path, ...args] of [
    [`${SERVICE}/update`, ...OCTETS, '-T', bundle],
    [`${SERVICE}/update-multipart`, '-F', `UpdateFile=@${bundle}`],
  ] as const) {
    t.equal(told(await service.curl(path, ...args)), '401 Base.1.19.NoValidSession', path);
  }
  t.equal((await service.curl(SERVICE, '-u', 'operator:wrong')).status, 401);
});

t.test('refusals are counted as those of /v1 are, a login with a wrong password among them', async (t) => {
  const metrics = async (): Promise<(name: string, labels?: string) => number> => {
    const families = parseMetrics((await service.curl('/metrics', ...basic('ReadOnly'))).stdout);
    return (name, labels = '') => families.get(name)?.samples.get(labels) ?? 0;
  };
  const counted = async (...args: readonly string[]): Promise<[refused: number, wrong: number]> => {
    const before = await metrics();
    const [path = '', ...rest] = args;
    t.equal((await service.curl(path, ...rest)).status, 401, args.join(' '));
    const after = await metrics();
    const grown = (name: string, labels?: string): number => after(name, labels) - before(name, labels);
    return [
      grown('sluice_http_errors_total', 'code="ERR_BUSY_CREDENTIALS"'),
      grown('sluice_wrong_credentials_total'),
    ];
  };
  t.same(await counted(SERVICE), [1, 0], 'none at all are not wrong ones');
  t.same(await counted(SERVICE, '-u', 'operator:wrong'), [1, 1]);
  t.same(await counted(SERVICE, ...by('made-up')), [1, 1]);
  t.same(await counted(SESSIONS, '-d', '{"UserName":"operator","Password":"guess"}'), [1, 1]);
});

t.test('a session is made with name and password, is used by its token, and ends', async (t) => {
  const { token, path } = await login('Operator');
  t.ok(token.length >= 32);
  const own = await service.curl(path, ...by(token));
  t.match(own.json, {
    '@odata.id': path,
    '@odata.type': '#Session.v1_7_0.Session',
    UserName: 'operator',
    ClientOriginIPAddress: '127.0.0.1',
  });
  t.notMatch(own.stdout, token);
  const run = await service.curl(`${SERVICE}/update`, ...OCTETS, '-T', bundle, ...by(token));
  t.match(run, { status: 202 }, run.stdout);
  const receipt = await service.curl(run.json.Oem.Sluice.Receipt, ...by(token));
  t.match(receipt.json, { from: { via: 'redfish', user: 'operator', peer: '127.0.0.1' } });
  t.equal((await service.curl(path, '-X', 'DELETE', ...by(token))).status, 204);
  t.equal(told(await service.curl(SERVICE, ...by(token))), '401 Base.1.19.NoValidSession');
  t.equal(
    (await service.curl(SERVICE, ...by('made-up'), ...basic('Operator'))).status,
    401,
    'a wrong token is wrong',
  );
});

t.test('Basic works everywhere', async (t) => {
  t.equal((await service.curl(SERVICE, ...basic('ReadOnly'))).status, 200);
  const run = await service.curl(`${SERVICE}/update`, ...OCTETS, '-T', bundle, ...basic('Administrator'));
  t.match(run, { status: 202 }, run.stdout);
});

t.test('who may only look can not write', async (t) => {
  const { token } = await login('ReadOnly');
  for (const way of [basic('ReadOnly'), by(token)]) {
    t.equal((await service.curl(SERVICE, ...way)).status, 200);
    for (const [path, ...args] of [
      [`${SERVICE}/update`, ...OCTETS, '-T', bundle],
      [`${SERVICE}/update-multipart`, '-F', `UpdateFile=@${bundle}`],
      [`${SERVICE}/Actions/UpdateService.SimpleUpdate`, '-d', '{}'],
      ['/redfish/v1/TaskService/Tasks/1', '-X', 'DELETE'],
    ] as const) {
      const run = await service.curl(path, ...args, ...way);
      t.equal(told(run), '403 Base.1.19.InsufficientPrivilege', path);
    }
  }
});

t.test('sessions of others are the administrator’s to end', async (t) => {
  const [reader, operator] = [await login('ReadOnly'), await login('Operator')];
  const foreign = await service.curl(operator.path, '-X', 'DELETE', ...by(reader.token));
  t.equal(told(foreign), '403 Base.1.19.InsufficientPrivilege');
  t.equal((await service.curl(operator.path, '-X', 'DELETE', ...basic('Administrator'))).status, 204);
  t.equal((await service.curl(SERVICE, ...by(operator.token))).status, 401);
  t.equal((await service.curl(reader.path, '-X', 'DELETE', ...by(reader.token))).status, 204, 'one’s own');
});

t.test('a login that is wrong says what is wrong, and no password', async (t) => {
  const cases: readonly (readonly [body: string, told: string])[] = [
    ['{"UserName":"operator","Password":"guess"}', '401 Base.1.19.ResourceAtUriUnauthorized'],
    ['{"UserName":"nobody","Password":"guess"}', '401 Base.1.19.ResourceAtUriUnauthorized'],
    ['{"UserName":"operator"}', '400 Base.1.19.PropertyMissing'],
    ['{"Password":"guess"}', '400 Base.1.19.PropertyMissing'],
    ['{"UserName":"operator","Password":["guess"]}', '400 Base.1.19.PropertyValueTypeError'],
    ['{"UserName":"operator","Password":"guess","Role":"Administrator"}', '400 Base.1.19.PropertyUnknown'],
    ['{"UserName":', '400 Base.1.19.MalformedJSON'],
    ['[]', '400 Base.1.19.UnrecognizedRequestBody'],
    [`{"UserName":"${'x'.repeat(9000)}"}`, '413 Base.1.19.PayloadTooLarge'],
  ];
  for (const [body, expected] of cases) {
    const run = await service.curl(SESSIONS, '-d', body);
    t.equal(told(run), expected, body.slice(0, 80));
    t.notMatch(run.stdout, /guess/);
  }
});

t.test('sessions are limited in number', async (t) => {
  const made = [];
  for (let at = 0; at < 40; at++) {
    const body = JSON.stringify({ UserName: 'operator', Password: 'secret of Operator' });
    made.push((await service.request(SESSIONS, { method: 'POST', body })).status);
  }
  t.equal(made[0], 201);
  t.equal(made.at(-1), 503);
  const body = JSON.stringify({ UserName: 'operator', Password: 'secret of Operator' });
  t.equal(told(await service.curl(SESSIONS, '-d', body)), '503 Base.1.19.SessionLimitExceeded');
  const list = await service.curl(SESSIONS, ...basic('Administrator'));
  t.equal(list.json['Members@odata.count'], 32);
});
