/** Tasks of Redfish while they run, on a chip that takes its time; two at once; and what is cut off. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { bundleBytes, generateBundle } from '../kit/generated-bundle.js';
import { startService, type CurlRun } from '../kit/serve-kit.js';
import { OLD, sha256 } from './board.js';

// An erase takes some 40 ms on this chip, so that 13 blocks take a good second.
const service = await startService(t, { timing: { model: 'n25q256a', scale: 0.1 } });
const { board, dir } = service;
const PUSH = '/redfish/v1/UpdateService/update';
const TASKS = '/redfish/v1/TaskService/Tasks';
const OCTETS = ['-X', 'POST', '-H', 'Content-Type: application/octet-stream'];
const images = [
  { name: 'kernel', size: 300_000 },
  { name: 'rofs', size: 500_000 },
];
const bundle = join(dir, 'bundle.tar');
writeFileSync(bundle, bundleBytes(generateBundle({ images })));

const lastTask = async (): Promise<CurlRun['json'] | null> => {
  const { json } = await service.request(TASKS);
  const last = json.Members.at(-1);
  return last === undefined ? null : (await service.request(last['@odata.id'])).json;
};
const eventually = async (check: () => Promise<boolean>, what: string): Promise<void> => {
  const end = Date.now() + 10_000;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`it did not come to pass: ${what}`);
    await setTimeout(20);
  }
};
const idle = (): Promise<void> =>
  eventually(async () => (await service.request('/v1/status')).json.job === null, 'the service is idle');
t.beforeEach(() => board.reset());

t.test('a task runs while its bytes come, its progress grows, and nobody else gets in', async (t) => {
  const upload = service.curl(PUSH, ...OCTETS, '-T', bundle, '--limit-rate', '400k');
  await eventually(async () => (await lastTask()) !== null, 'the task is there');
  const task = await lastTask();
  t.match(task, { TaskState: 'Running', TaskStatus: 'OK' });
  t.notOk('EndTime' in task);
  const monitor = await service.curl(task.TaskMonitor, '-D', join(dir, 'head'));
  t.match(monitor, { status: 202 });
  const head = readFileSync(join(dir, 'head'), 'utf8');
  t.match(head, new RegExp(`^location: ${task.TaskMonitor}\r$`, 'im'));
  t.match(head, /^retry-after: ([1-9]|[12]\d|30)\r$/im);
  t.equal(monitor.json['@odata.id'], task['@odata.id']);

  for (const [path, ...args] of [
    [PUSH, ...OCTETS, '-T', bundle],
    [`${PUSH}-multipart`, '-F', `UpdateFile=@${bundle}`],
    [
      '/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate',
      '-d',
      '{"ImageURI":"http://127.0.0.1:1/x"}',
    ],
  ] as const) {
    const second = await service.curl(path, ...args, '-D', join(dir, 'head'));
    t.match(second, { status: 503 }, path);
    t.equal(second.json.error.code, 'Base.1.19.ServiceTemporarilyUnavailable');
    const [, wait] = /^retry-after: (\d+)\r$/im.exec(readFileSync(join(dir, 'head'), 'utf8')) ?? [];
    t.equal(second.json.error['@Message.ExtendedInfo'][0].MessageArgs[0], wait);
  }

  const seen: number[] = [];
  for (let state = 'Running'; state === 'Running'; await setTimeout(100)) {
    const { TaskState, PercentComplete } = (await service.request(task['@odata.id'])).json;
    state = TaskState;
    seen.push(PercentComplete);
  }
  t.strictSame(
    seen,
    [...seen].sort((a, b) => a - b),
  );
  t.ok(new Set(seen).size > 3, `${seen}`);
  t.equal(seen.at(-1), 100);
  t.match(await upload, { status: 202 });
  t.equal((await service.curl(task.TaskMonitor)).status, 200);
});

t.test('a slow chip holds the sender back, and its memory stays as it is', async (t) => {
  const large = { name: 'bmc', size: OLD.length };
  const path = join(dir, 'large.tar');
  writeFileSync(path, bundleBytes(generateBundle({ images: [large] })));
  const before = service.anonymous();
  const from = Date.now();
  const upload = service.curl(`${PUSH}-multipart`, '-F', `UpdateFile=@${path}`);
  let most = 0;
  for (let done = false; !done;) {
    done = await Promise.race([upload.then(() => true), setTimeout(50, false)]);
    most = Math.max(most, service.anonymous() - before);
  }
  t.match(await upload, { status: 202 });
  t.ok(Date.now() - from > 1000, 'it took the time that the chip takes');
  t.ok(most < 8 * 1024 * 1024, `${(most / 1024 / 1024).toFixed(1)} MiB more`);
});

t.test('a task that is deleted stops between two flash operations', async (t) => {
  const known = (await lastTask())['@odata.id'];
  const upload = service.curl(PUSH, ...OCTETS, '-T', bundle, '--limit-rate', '300k');
  await eventually(async () => (await lastTask())['@odata.id'] !== known, 'the task is there');
  const task = await lastTask();
  t.equal((await service.curl(task['@odata.id'], '-X', 'DELETE')).status, 204);
  await idle();
  const over = await lastTask();
  t.match(over, { TaskState: 'Cancelled', Oem: { Sluice: { Code: 'ERR_SESSION_INTERRUPTED' } } });
  t.equal(over.Messages.at(-1).MessageId, 'TaskEvent.1.0.TaskCancelled');
  t.match(await upload, { status: 503 });
  t.match((await service.curl(over.TaskMonitor)).json, { TaskState: 'Cancelled' });
  board.reset();
  t.match(await service.curl(PUSH, ...OCTETS, '-T', bundle), { status: 202 }, 'the next one succeeds');
});

t.test('a sender that goes away in the middle leaves a task that has failed, and a free flash', async (t) => {
  const known = (await lastTask())['@odata.id'];
  const child = spawn('curl', [
    '-s',
    ...OCTETS,
    '-T',
    bundle,
    '--limit-rate',
    '300k',
    '-H',
    `Authorization: Bearer ${service.token}`,
    `${service.url}${PUSH}`,
  ]);
  await eventually(async () => (await lastTask())['@odata.id'] !== known, 'the task is there');
  child.kill('SIGKILL');
  await once(child, 'close');
  await idle();
  t.match(await lastTask(), {
    TaskState: 'Exception',
    Oem: { Sluice: { Code: 'ERR_SOURCE_TRUNCATED' } },
  });
  board.reset();
  t.match(await service.curl(PUSH, ...OCTETS, '-T', bundle), { status: 202 }, 'the next one succeeds');
});

t.test('tasks are kept up to a number, the oldest go first', async (t) => {
  const rubbish = join(dir, 'rubbish');
  writeFileSync(rubbish, OLD.subarray(0, 2000));
  for (let sent = 0; sent < 20; sent++) {
    await service.request(PUSH, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: readFileSync(rubbish),
    });
  }
  const { json } = await service.request(TASKS);
  t.equal(json['Members@odata.count'], 16);
  t.equal((await service.request(`${TASKS}/1`)).status, 404);
  t.equal(sha256(board.bytes()), sha256(OLD));
});
