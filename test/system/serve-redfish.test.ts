/** Redfish as clients of OpenBMC use it, by curl: one test for each row of statuses and messages that they rely on. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { bundleBytes, generateBundle } from '../kit/generated-bundle.js';
import { startService, type CurlRun } from '../kit/serve-kit.js';
import { OLD, sha256, withImage } from './board.js';

const service = await startService(t);
const { board, dir } = service;
const SERVICE = '/redfish/v1/UpdateService';
const PUSH = `${SERVICE}/update`;
const MULTIPART = `${SERVICE}/update-multipart`;
const OCTETS = ['-X', 'POST', '-H', 'Content-Type: application/octet-stream'];
const member = (name: string): string => `${SERVICE}/FirmwareInventory/${name}`;
const images = [
  { name: 'kernel', size: 300_000 },
  { name: 'rofs', size: 500_000 },
];
const file = (name: string, bytes: Uint8Array): string => {
  const path = join(dir, name);
  writeFileSync(path, bytes);
  return path;
};
const bundle = file('bundle.tar', bundleBytes(generateBundle({ images })));
const stock = file('stock.tar', bundleBytes(generateBundle({ images, kind: 'stock' })));
const other = file('other.tar', bundleBytes(generateBundle({ images, machine: 'another' })));
const damaged = Buffer.from(readFileSync(bundle));
damaged[200_000] = (damaged[200_000] as number) ^ 1;
const bad = file('bad.tar', damaged);
const big = file('big.tar', bundleBytes(generateBundle({ images: [{ name: 'kernel', size: 600_000 }] })));

const chipAfter = async (...args: string[]): Promise<string> => {
  board.reset();
  const run = await board.write(bundle, args);
  if (run.code !== 0) throw new Error(run.stderr);
  const after = sha256(board.bytes());
  board.reset();
  return after;
};
const whole = await chipAfter();
const onlyKernel = await chipAfter('--only', 'kernel');
const untouched = sha256(OLD);
t.beforeEach(() => board.reset());

const parameters = (value: unknown): string[] => [
  '-F',
  `UpdateParameters=${typeof value === 'string' ? value : JSON.stringify(value)};type=application/json`,
];
const FILE = ['-F', `UpdateFile=@${bundle};type=application/octet-stream`];

/** Status and message of what came back, as one text. */
function told(run: CurlRun): string {
  return `${run.status} ${run.json.error?.code}`;
}

t.test('6.2 the UpdateService and its surroundings', async (t) => {
  const read = async (path: string): Promise<CurlRun['json']> => {
    const run = await service.curl(path);
    t.match(run, { code: 0, status: 200 }, `${path}: ${run.stdout}`);
    return run.json;
  };
  t.strictSame(await read('/redfish'), { v1: '/redfish/v1/' });
  const root = await read('/redfish/v1/');
  t.strictSame(await read('/redfish/v1'), root, 'with and without the slash');
  const updates = await read(root.UpdateService['@odata.id']);
  t.match(updates, {
    '@odata.type': '#UpdateService.v1_11_1.UpdateService',
    ServiceEnabled: true,
    HttpPushUri: PUSH,
    MultipartHttpPushUri: MULTIPART,
    HttpPushUriOptions: { HttpPushUriApplyTime: { ApplyTime: 'Immediate' } },
    FirmwareInventory: { '@odata.id': `${SERVICE}/FirmwareInventory` },
    Actions: {
      '#UpdateService.SimpleUpdate': { 'TransferProtocol@Redfish.AllowableValues': ['HTTP', 'HTTPS'] },
    },
  });
  // Each resource that is named can be read, and says its own address.
  const seen = new Set<string>();
  const walk = async (path: string): Promise<void> => {
    if (seen.has(path)) return;
    seen.add(path);
    const resource = await read(path);
    t.equal(resource['@odata.id'], path);
    t.match(resource['@odata.type'], /^#\w+\.\w+\.\w+$|^#\w+\.\w+$/);
    for (const [, next = ''] of JSON.stringify(resource).matchAll(/"@odata\.id":"([^"]+)"/g))
      await walk(next);
  };
  await walk('/redfish/v1');
  t.ok(seen.has('/redfish/v1/Managers/bmc'));
  t.match(await read(member('u-boot-env')), { Version: 'unknown' }, 'nothing is known of it yet');
  const metadata = await service.curl('/redfish/v1/$metadata', '-i');
  t.match(metadata.stdout, /content-type: application\/xml[^]*<edmx:Edmx/i);
  t.match(await read('/redfish/v1/odata'), { value: [{ name: 'Service' }] });
  const head = await service.curl(SERVICE, '-I');
  t.match(head.stdout, /200 OK[^]*odata-version: 4\.0/i);
});

t.test('6.2 MaxImageSizeBytes is what really fits, and more is refused before it is read', async (t) => {
  const { json } = await service.curl(SERVICE);
  const most = Number(json.MaxImageSizeBytes);
  t.ok(most > OLD.length && most < OLD.length * 1.2, `${most}`);
  const full = bundleBytes(generateBundle({ images: [{ name: 'bmc', size: OLD.length }] }));
  t.ok(full.length <= most, 'an image of the whole chip fits');
  const run = await service.curl(PUSH, ...OCTETS, '-T', file('full.tar', full));
  t.match(run, { status: 202 }, run.stdout);
  for (const [path, type] of [
    [PUSH, 'application/octet-stream'],
    [MULTIPART, 'multipart/form-data; boundary=x'],
  ] as const) {
    const socket = service.connect();
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${service.token}\r\nExpect: 100-continue\r\n` +
        `Content-Type: ${type}\r\nContent-Length: ${most + 200_000}\r\n\r\n`,
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    t.match(answer.toString(), /^HTTP\/1\.1 413 [^]*Base\.1\.19\.PayloadTooLarge/, path);
    socket.destroy();
  }
});

t.test('6.3 HttpPushUri takes octets, and leaves the chip that write leaves', async (t) => {
  for (const [what, args] of Object.entries({
    'as it comes': OCTETS,
    slowly: [...OCTETS, '--limit-rate', '1M'],
    chunked: [...OCTETS, '-H', 'Transfer-Encoding: chunked'],
    'in capitals': ['-X', 'POST', '-H', 'Content-Type: APPLICATION/Octet-Stream'],
  })) {
    board.reset();
    const run = await service.curl(PUSH, '-T', bundle, ...args);
    t.match(run, { code: 0, status: 202 }, `${what}: ${run.stdout}`);
    t.equal(sha256(board.bytes()), whole, what);
  }
  board.reset();
  const old = await service.curl(`${SERVICE}/`, ...OCTETS, '--data-binary', `@${bundle}`);
  t.match(old, { status: 202 }, 'where older releases took it');
  t.equal(sha256(board.bytes()), whole);
});

t.test('6.3 another Content-Type than octets is refused', async (t) => {
  for (const type of ['application/x-tar', 'text/plain', 'multipart/form-data; boundary=x', '']) {
    const run = await service.curl(PUSH, '-X', 'POST', '-T', bundle, '-H', `Content-Type: ${type}`);
    t.equal(told(run), '415 Base.1.19.HeaderInvalid', type);
  }
  const empty = await service.curl(PUSH, ...OCTETS, '-d', '');
  t.equal(told(empty), '400 Base.1.19.UnrecognizedRequestBody');
  t.equal(sha256(board.bytes()), untouched);
});

t.test('6.4 parts come in any order, and parameters may be absent', async (t) => {
  const bmc = { Targets: ['/redfish/v1/Managers/bmc'], '@Redfish.OperationApplyTime': 'Immediate' };
  const forms: Record<string, readonly string[]> = {
    'parameters first': [...parameters(bmc), ...FILE],
    'parameters last': [...FILE, ...parameters(bmc)],
    'no parameters': FILE,
    'no targets, when it is reset': [...parameters({ '@Redfish.OperationApplyTime': 'OnReset' }), ...FILE],
    'no targets in the list': [...parameters({ Targets: [] }), ...FILE],
    'unknown parts': ['-F', 'Oem=x', ...parameters({}), '-F', '=nameless', ...FILE, '-F', 'more=y'],
    'members that ask for nothing': [
      ...parameters({ Oem: {}, ForceUpdate: false, Other: [null, ''] }),
      ...FILE,
    ],
    'all that is in the bundle, last': [
      ...FILE,
      ...parameters({ Targets: [member('rofs'), member('kernel')] }),
    ],
  };
  for (const [what, args] of Object.entries(forms)) {
    board.reset();
    const run = await service.curl(MULTIPART, ...args);
    t.match(run, { code: 0, status: 202 }, `${what}: ${run.stdout}`);
    t.equal(sha256(board.bytes()), whole, what);
  }
});

t.test('6.4 the boundary may be quoted, and a part may have no name', async (t) => {
  const body = Buffer.concat([
    Buffer.from('--a b\r\nContent-Disposition: form-data\r\n\r\nx\r\n'),
    Buffer.from('--a b\r\nContent-Disposition: form-data; name="UpdateFile"\r\n\r\n'),
    readFileSync(bundle),
    Buffer.from('\r\n--a b--\r\n'),
  ]);
  const run = await service.curl(
    MULTIPART,
    '-X',
    'POST',
    '-T',
    file('body', body),
    '-H',
    'Content-Type: multipart/form-data; boundary="a b"',
  );
  t.match(run, { status: 202 }, run.stdout);
  t.equal(sha256(board.bytes()), whole);
});

t.test('6.4 targets choose partitions, also several of them', async (t) => {
  const one = await service.curl(MULTIPART, ...parameters({ Targets: [member('kernel')] }), ...FILE);
  t.match(one, { status: 202 }, one.stdout);
  t.equal(sha256(board.bytes()), onlyKernel);
  const both = { Targets: [member('rofs'), `${member('kernel')}/`, member('rofs')] };
  const two = await service.curl(MULTIPART, ...parameters(both), ...FILE);
  t.match(two, { status: 202 }, two.stdout);
  t.equal(sha256(board.bytes()), whole);
});

t.test('6.4 parameters that are wrong are told by their property, and nothing is written', async (t) => {
  const format = '400 Base.1.19.PropertyValueFormatError';
  const cases: readonly (readonly [value: unknown, told: string, property: string | null])[] = [
    [{ Targets: ['/redfish/v1/Systems/system'] }, format, 'Targets'],
    [{ Targets: ['/redfish/v1/Managers/bmc', member('kernel')] }, format, 'Targets'],
    [{ Targets: ['/redfish/v1/Managers/bmc', '/redfish/v1/Managers/bmc'] }, format, 'Targets'],
    [{ Targets: [`${member('kernel')}/x`] }, format, 'Targets'],
    [{ Targets: [member('%')] }, format, 'Targets'],
    [{ Targets: [member('nothing')] }, '400 Base.1.19.PropertyValueNotInList', 'Targets'],
    [{ Targets: 'bmc' }, '400 Base.1.19.PropertyValueTypeError', 'Targets'],
    [{ Targets: [1] }, '400 Base.1.19.PropertyValueTypeError', 'Targets'],
    [
      { '@Redfish.OperationApplyTime': 'AtMaintenanceWindowStart' },
      '400 Base.1.19.PropertyValueNotInList',
      '@Redfish.OperationApplyTime',
    ],
    [
      { '@Redfish.OperationApplyTime': 1 },
      '400 Base.1.19.PropertyValueTypeError',
      '@Redfish.OperationApplyTime',
    ],
    [{ Oem: { Vendor: { Force: true } } }, '400 Base.1.19.PropertyUnknown', 'Oem'],
    [{ ForceUpdate: true }, '400 Base.1.19.PropertyUnknown', 'ForceUpdate'],
    [[], '400 Base.1.19.PropertyValueTypeError', 'UpdateParameters'],
    ['"bmc"', '400 Base.1.19.PropertyValueTypeError', 'UpdateParameters'],
    ['{"Targets":', '400 Base.1.19.MalformedJSON', null],
    [`{"Targets":["${'x'.repeat(5000)}"]}`, '400 Base.1.19.MissingOrMalformedPart', null],
  ];
  for (const [value, expected, property] of cases) {
    const path = file(
      'parameters.json',
      Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
    );
    const run = await service.curl(
      MULTIPART,
      '-F',
      `UpdateParameters=<${path};type=application/json`,
      ...FILE,
    );
    t.equal(told(run), expected, run.stdout);
    if (property === null) continue;
    const [message] = run.json[`${property}@Message.ExtendedInfo`];
    t.equal(message.MessageId, expected.slice(4));
    t.strictSame(message.RelatedProperties, [`#/${property}`]);
    t.ok(message.MessageArgs.includes(property));
  }
  t.equal(sha256(board.bytes()), untouched);
});

t.test('6.4 forms that are wrong', async (t) => {
  const missing = '400 Base.1.19.PropertyMissing';
  const malformed = '400 Base.1.19.MissingOrMalformedPart';
  const twice = [...parameters({}), ...parameters({}), ...FILE];
  const cases: Record<string, readonly [told: string, ...args: string[]]> = {
    'no file': [missing, ...parameters({})],
    'an empty file': [missing, ...parameters({}), '-F', 'UpdateFile=;filename=x'],
    'two parameters': [malformed, ...twice],
    'another boundary': [malformed, ...FILE, '-H', 'Content-Type: multipart/form-data; boundary=x'],
    'a long part that nobody asked for': [malformed, '-F', `Oem=@${bundle}`, ...FILE],
  };
  for (const [what, [expected, ...args]] of Object.entries(cases)) {
    t.equal(told(await service.curl(MULTIPART, ...args)), expected, what);
  }
  const raw = await service.curl(MULTIPART, ...OCTETS, '-T', bundle);
  t.equal(told(raw), '415 Base.1.19.HeaderInvalid');
  const form = '--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n';
  const type = 'Content-Type: multipart/form-data; boundary=b';
  const headless = await service.curl(MULTIPART, '-H', type, '--data-binary', form);
  t.equal(told(headless), malformed, 'a part without Content-Disposition');
  const none = await service.curl(MULTIPART, '-H', 'Content-Type: multipart/form-data; x=y', '-d', form);
  t.equal(told(none), malformed, 'no boundary');
  t.equal(sha256(board.bytes()), untouched);
});

t.test('6.4 a target that comes behind the file must not narrow what was written', async (t) => {
  const run = await service.curl(MULTIPART, ...FILE, ...parameters({ Targets: [member('kernel')] }));
  t.equal(told(run), '400 Base.1.19.PropertyValueConflict');
  t.match(run.json.error['@Message.ExtendedInfo'][0].Resolution, /before UpdateFile/);
  const { json } = await service.request('/v1/status');
  t.match(json.lastReceipt.receipt, { outcome: 'refused', code: 'ERR_SOURCE_MULTIPART' });
  const again = await service.curl(MULTIPART, ...FILE);
  t.match(again, { status: 202 });
  t.equal(sha256(board.bytes()), whole);
});

t.test('6.5 the answer is a task and its monitor, which has the task for everyone who asks', async (t) => {
  const run = await service.curl(PUSH, ...OCTETS, '-T', bundle, '-D', join(dir, 'head'));
  const head = readFileSync(join(dir, 'head'), 'utf8');
  const [, monitor = ''] = /^location: (\/redfish\/v1\/TaskService\/TaskMonitors\/\d+)\r$/im.exec(head) ?? [];
  t.match(head, /^retry-after: \d+\r$/im);
  const path = run.json['@odata.id'];
  t.match(run.json, { '@odata.type': '#Task.v1_4_3.Task', TaskStatus: 'OK', TaskMonitor: monitor });
  const task = await service.curl(path);
  t.match(task.json, {
    TaskState: 'Completed',
    PercentComplete: 100,
    EndTime: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/,
    HidePayload: false,
    Payload: { TargetUri: PUSH, HttpOperation: 'POST' },
  });
  const ids = task.json.Messages.map(({ MessageId }: { MessageId: string }) => MessageId);
  t.equal(ids[0], 'TaskEvent.1.0.TaskStarted');
  t.equal(ids.at(-1), 'TaskEvent.1.0.TaskCompletedOK');
  t.equal(ids.filter((id: string) => id === 'Update.1.0.UpdateSuccessful').length, 2);
  t.notMatch(task.stdout, new RegExp(service.token), 'credentials are not told');
  const { Receipt } = task.json.Oem.Sluice;
  t.match((await service.curl(Receipt)).json, {
    from: { via: 'redfish' },
    receipt: { outcome: 'committed' },
  });
  t.equal((await service.curl(monitor, '-I')).status, 200);
  for (let asked = 0; asked < 2; asked++) {
    const ended = await service.curl(monitor);
    t.equal(ended.status, 200);
    t.strictSame(ended.json, task.json);
  }
  t.equal((await service.curl(path)).status, 200, 'the task stays');
  t.equal((await service.curl(path, '-X', 'DELETE')).status, 204);
  t.equal(told(await service.curl(path)), '404 Base.1.19.ResourceNotFound');
  t.equal(told(await service.curl(monitor)), '404 Base.1.19.ResourceNotFound');
  const list = await service.curl('/redfish/v1/TaskService/Tasks');
  t.ok(list.json['Members@odata.count'] <= 16, 'tasks are kept up to a number');
});

t.test('6.5 what is refused is told by status, message and task', async (t) => {
  const cases: readonly (readonly [path: string, told: string, code: string])[] = [
    [bad, '400 Base.1.19.MissingOrMalformedPart', 'ERR_TRUST_BLOCK'],
    [other, '400 Base.1.19.MissingOrMalformedPart', 'ERR_TRUST_MACHINE'],
    [stock, '400 Base.1.19.MissingOrMalformedPart', 'ERR_TRUST_NOT_AHEAD'],
    [file('rubbish', OLD.subarray(0, 5000)), '400 Base.1.19.MissingOrMalformedPart', 'ERR_BUNDLE_TAR_HEADER'],
    [
      file('half.tar', readFileSync(bundle).subarray(0, 200_000)),
      '400 Base.1.19.MissingOrMalformedPart',
      'ERR_SOURCE_TRUNCATED',
    ],
    [big, '413 Base.1.19.PayloadTooLarge', 'ERR_BUNDLE_TOO_BIG'],
  ];
  for (const [at, [path, expected, code]] of cases.entries()) {
    const ways = [
      [PUSH, ...OCTETS, '-T', path],
      [MULTIPART, '-F', `UpdateFile=@${path}`],
    ] as const;
    // The way makes no difference; two cases show it.
    for (const [to, ...words] of at < 2 ? ways : [ways[at % 2] as (typeof ways)[number]]) {
      const run = await service.curl(to, ...words);
      t.equal(told(run), expected, `${code} ${run.stdout}`);
      const [, own] = run.json.error['@Message.ExtendedInfo'];
      t.match(own, { Oem: { Sluice: { Code: code } } }, code);
      t.match(own.MessageId, /^Sluice\.1\.0\.[A-Za-z]+$/);
      const tasks = await service.curl('/redfish/v1/TaskService/Tasks');
      const last = await service.curl(tasks.json.Members.at(-1)['@odata.id']);
      t.match(last.json, { TaskState: 'Exception', Oem: { Sluice: { Code: code } } });
      t.equal(last.json.Messages.at(-1).MessageId, 'TaskEvent.1.0.TaskAborted');
      const monitor = await service.curl(last.json.TaskMonitor);
      t.equal(monitor.status, 200);
      t.match(
        monitor.json,
        { TaskState: 'Exception', TaskStatus: 'Critical' },
        'it does not say that it went well',
      );
    }
  }
});

t.test('6.7 the inventory has a member for each partition, and tells what was written', async (t) => {
  await service.curl(PUSH, ...OCTETS, '-T', bundle);
  t.ok(board.bytes().equals(withBoth()));
  const { json } = await service.curl(`${SERVICE}/FirmwareInventory`);
  t.equal(json['Members@odata.count'], 6);
  const kernel = await service.curl(member('kernel'));
  t.match(kernel.json, {
    '@odata.type': '#SoftwareInventory.v1_1_0.SoftwareInventory',
    Id: 'kernel',
    Version: '2.19.0',
    Updateable: true,
    Status: { Health: 'OK', HealthRollup: 'OK', State: 'Enabled' },
    RelatedItem: [{ '@odata.id': '/redfish/v1/Managers/bmc' }],
    'RelatedItem@odata.count': 1,
  });
  t.equal(told(await service.curl(member('nothing'))), '404 Base.1.19.ResourceNotFound');
  t.equal((await service.curl('/redfish/v1/Managers/bmc')).json.FirmwareVersion, '2.19.0');
});

/** The chip with both images, put there by hand. */
function withBoth(): Buffer {
  const bytes = readFileSync(bundle);
  const imageOf = (name: string, size: number): Buffer => {
    const header = bytes.indexOf(`image-${name}\0`);
    return bytes.subarray(header + 512, header + 512 + size);
  };
  return images.reduce((chip, { name, size }) => withImage(chip, name, imageOf(name, size)), OLD);
}

t.test('what does not exist, is not allowed or not known', async (t) => {
  t.equal(told(await service.curl('/redfish/v1/Systems')), '404 Base.1.19.ResourceMissingAtURI');
  t.equal(told(await service.curl('/redfish/v2')), '404 Base.1.19.ResourceMissingAtURI');
  t.equal(told(await service.curl('/redfish/v1/Managers/other')), '404 Base.1.19.ResourceMissingAtURI');
  const patch = await service.curl(SERVICE, '-X', 'PATCH', '-d', '{}', '-D', join(dir, 'head'));
  t.equal(told(patch), '405 Base.1.19.OperationNotAllowed');
  t.match(readFileSync(join(dir, 'head'), 'utf8'), /^allow: GET, HEAD, POST\r$/im);
  t.equal(told(await service.curl(`${SERVICE}?$expand=.`)), '501 Base.1.19.QueryNotSupported');
  t.equal((await service.curl(`${SERVICE}?expand=all`)).status, 200, 'others are ignored');
});
