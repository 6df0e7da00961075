/** SimpleUpdate (docs/redfish.md, Updates): bundles that the service fetches by itself. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { bundleBytes, generateBundle } from '../kit/generated-bundle.js';
import { startService, type CurlRun } from '../kit/serve-kit.js';
import { OLD, sha256, VECTORS } from './board.js';
import { FULL_SIGNED, makeKeyStore, makeStockBundle, scratch } from './stock-bundle.js';
import { makeKey, openssl } from '../kit/keys.js';

const ACTION = '/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate';
const images = [
  { name: 'kernel', size: 300_000 },
  { name: 'rofs', size: 500_000 },
];
const proven = bundleBytes(generateBundle({ images }));
const stock = readFileSync(join(VECTORS, 'good-stock.tar'));

/** As the build orders it, MANIFEST behind the images; it names SHA-512, and the key of the board SHA-256. */
function makeLate(): { keys: string; bytes: Buffer } {
  const dir = scratch(t);
  const key = makeKey(dir, 'late');
  const sign = (hash: string, path: string): Buffer => openssl('dgst', hash, '-sign', key.path, path);
  const damage = (files: Map<string, Buffer>): void => {
    for (const member of ['MANIFEST', 'publickey']) {
      files.set(`${member}.sig`, sign('-sha256', join(dir, 'stock', member)));
    }
    const full = join(dir, 'full');
    writeFileSync(full, Buffer.concat(FULL_SIGNED.flatMap((member) => files.get(`${member}.sig`) ?? [])));
    files.set('image-full.sig', sign('-sha512', full));
  };
  const { path } = makeStockBundle(dir, { key, hash: 'sha512', damage });
  return { keys: makeKeyStore(dir, key, 'RSA-SHA256', 'Late'), bytes: readFileSync(path) };
}
const { keys: lateKeys, bytes: late } = makeLate();
const requests: string[] = [];
let swaps = 0;
const answer = (request: IncomingMessage, response: ServerResponse): void => {
  const path = request.url ?? '';
  requests.push(`${path} ${request.headers.authorization ?? ''}`.trim());
  const send = (bytes: Uint8Array): void => {
    response.writeHead(200, { 'content-length': bytes.length });
    response.end(bytes);
  };
  if (path.startsWith('/proven')) return send(proven);
  if (path === '/stock') return send(stock);
  if (path === '/late') return send(late);
  if (path === '/swapped') {
    const bytes = Buffer.from(stock);
    // Another byte of the kernel at the second reading.
    if (swaps++ > 0) bytes[bytes.indexOf('image-kernel\0') + 600] = 0x5a;
    return send(bytes);
  }
  if (path === '/cut') {
    response.writeHead(200, { 'content-length': proven.length });
    response.write(proven.subarray(0, 200_000));
    return void setTimeout(50).then(() => response.destroy());
  }
  if (path === '/never') {
    response.writeHead(200, { 'content-length': proven.length });
    return void response.write(proven.subarray(0, 200_000));
  }
  if (path.startsWith('/to?')) {
    response.writeHead(302, { location: decodeURIComponent(path.slice(4)) });
    return void response.end();
  }
  response.writeHead(404);
  return void response.end();
};
const server = createServer(answer);
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
t.teardown(() => {
  server.closeAllConnections();
  server.close();
});
const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

const service = await startService(t, { config: { http: { pullFrom: ['127.0.0.1', '*.example.org'] } } });
const { board } = service;
cpSync(lateKeys, board.keys, { recursive: true });
const told = (run: CurlRun): string => `${run.status} ${run.json.error?.code}`;
const post = (body: unknown): Promise<CurlRun> =>
  service.curl(ACTION, '-H', 'Content-Type: application/json', '-d', JSON.stringify(body));

/** Waits until a task is over. */
async function end(run: CurlRun): Promise<CurlRun['json']> {
  for (;;) {
    const { json } = await service.request(run.json['@odata.id']);
    if (json.TaskState !== 'Running') return json;
    await setTimeout(20);
  }
}

const written = async (bytes: Uint8Array, ...args: string[]): Promise<string> => {
  const path = join(service.dir, 'written.tar');
  writeFileSync(path, bytes);
  board.reset();
  const run = await board.write(path, args);
  if (run.code !== 0) throw new Error(run.stderr);
  return sha256(board.bytes());
};
const chips = {
  proven: await written(proven),
  kernel: await written(proven, '--only', 'kernel'),
  stock: await written(stock),
  late: await written(late),
};
t.beforeEach(() => {
  board.reset();
  requests.length = 0;
});

t.test('a bundle that proves its blocks is fetched up to its images, then whole', async (t) => {
  const run = await post({ ImageURI: `http://${host}/proven?key=secret` });
  t.match(run, { status: 202 }, run.stdout);
  t.match(run.json, { TaskState: 'Running', TaskMonitor: /TaskMonitors/ });
  const task = await end(run);
  t.match(task, { TaskState: 'Completed', PercentComplete: 100 }, JSON.stringify(task));
  t.equal(sha256(board.bytes()), chips.proven);
  t.notMatch(JSON.stringify(task), /secret/, 'what the query says is not told');
  t.match(JSON.parse(task.Payload.JsonBody), { ImageURI: `http://${host}/proven` });
});

t.test('a stock bundle is fetched twice, once to prove it', async (t) => {
  const task = await end(await post({ ImageURI: `${host}/stock`, TransferProtocol: 'HTTP' }));
  t.match(task, { TaskState: 'Completed' }, JSON.stringify(task));
  t.equal(sha256(board.bytes()), chips.stock);
  t.strictSame(requests, ['/stock', '/stock']);
  const receipt = await service.curl(task.Oem.Sluice.Receipt);
  t.match(receipt.json.receipt.trust, { policy: 'before-erase', by: 'check-pass' });
});

t.test('a bundle that names its hash behind its images is read once more', async (t) => {
  const task = await end(await post({ ImageURI: `http://${host}/late` }));
  t.match(task, { TaskState: 'Completed' }, JSON.stringify(task));
  t.equal(sha256(board.bytes()), chips.late);
  t.strictSame(requests, ['/late', '/late', '/late']);
});

t.test('targets, apply time, name and password', async (t) => {
  const task = await end(
    await post({
      ImageURI: `http://${host}/proven`,
      Targets: ['/redfish/v1/UpdateService/FirmwareInventory/kernel'],
      '@Redfish.OperationApplyTime': 'OnReset',
      Username: 'me',
      Password: 'pass:word',
    }),
  );
  t.match(task, { TaskState: 'Completed' }, JSON.stringify(task));
  t.equal(sha256(board.bytes()), chips.kernel);
  t.equal(requests[0], `/proven Basic ${Buffer.from('me:pass:word').toString('base64')}`);
  t.notMatch(JSON.stringify(task), /pass:word/);
});

t.test('what goes wrong on the way ends the task, with nothing written that was not proven', async (t) => {
  const cases: Record<string, readonly [code: string, message: string]> = {
    '/missing': ['ERR_SOURCE_HTTP', 'Update.1.0.TransferFailed'],
    '/cut': ['ERR_SOURCE_HTTP', 'Update.1.0.TransferFailed'],
    [`/to?${encodeURIComponent('ftp://127.0.0.1/x')}`]: ['ERR_SOURCE_HTTP', 'Update.1.0.TransferFailed'],
    [`/to?${encodeURIComponent(`http://localhost:${host.split(':')[1]}/proven`)}`]: [
      'ERR_SOURCE_HTTP',
      'Update.1.0.TransferFailed',
    ],
  };
  for (const [path, [code, message]] of Object.entries(cases)) {
    const run = await post({ ImageURI: `http://${host}${path}` });
    t.match(run, { status: 202 }, run.stdout);
    const task = await end(run);
    t.match(task, { TaskState: 'Exception', Oem: { Sluice: { Code: code } } }, path);
    t.equal(task.Messages.at(-2).MessageId, message);
    t.match(await service.curl(task.TaskMonitor), { status: 200, json: { TaskState: 'Exception' } }, path);
  }
  const good = await end(await post({ ImageURI: `http://${host}/to?%2Fproven` }));
  t.match(good, { TaskState: 'Completed' }, 'a redirect within what is allowed is followed');
});

t.test('another bundle at the second reading is not written', async (t) => {
  const task = await end(await post({ ImageURI: `http://${host}/swapped` }));
  t.match(task, { TaskState: 'Exception', Oem: { Sluice: { Code: 'ERR_SOURCE_CHANGED' } } });
});

t.test('a task that waits for its server can be deleted', async (t) => {
  const run = await post({ ImageURI: `http://${host}/never` });
  await setTimeout(200);
  t.equal((await service.curl(run.json['@odata.id'], '-X', 'DELETE')).status, 204);
  t.match(await end(run), { TaskState: 'Cancelled' });
  t.match(await end(await post({ ImageURI: `http://${host}/proven` })), { TaskState: 'Completed' });
});

t.test('requests that are wrong are told by their parameter, and nothing is fetched', async (t) => {
  const ImageURI = `http://${host}/proven`;
  const cases: readonly (readonly [body: unknown, message: string])[] = [
    [{}, 'ActionParameterMissing'],
    [{ ImageURI: `${host}/proven` }, 'ActionParameterMissing'],
    [{ ImageURI: 1 }, 'ActionParameterValueTypeError'],
    [{ ImageURI, TransferProtocol: 'TFTP' }, 'ActionParameterValueNotInList'],
    [{ ImageURI: 'tftp://127.0.0.1/x' }, 'ActionParameterValueNotInList'],
    [{ ImageURI: 'file:///etc/passwd' }, 'ActionParameterValueNotInList'],
    [{ ImageURI: 'http://' }, 'ActionParameterValueFormatError'],
    [{ ImageURI: 'http://localhost/x' }, 'ActionParameterValueError'],
    [{ ImageURI: 'http://example.org/x' }, 'ActionParameterValueError'],
    [{ ImageURI: 'http://[::1]/x' }, 'ActionParameterValueError'],
    [{ ImageURI, Targets: ['/redfish/v1/Systems/system'] }, 'ActionParameterValueFormatError'],
    [{ ImageURI, Targets: 'bmc' }, 'ActionParameterValueTypeError'],
    [{ ImageURI, '@Redfish.OperationApplyTime': 'Never' }, 'ActionParameterValueNotInList'],
    [{ ImageURI, ForceUpdate: true }, 'ActionParameterUnknown'],
    [[], 'UnrecognizedRequestBody'],
  ];
  for (const [body, message] of cases) {
    const run = await post(body);
    t.equal(told(run), `400 Base.1.19.${message}`, `${JSON.stringify(body)} ${run.stdout}`);
  }
  t.strictSame(requests, []);
  t.equal(sha256(board.bytes()), sha256(OLD));
});
