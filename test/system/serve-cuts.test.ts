/** Senders that die, stall, come twice or come back, and a service that is stopped: what the chip holds afterwards. */
import { randomBytes, randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { faultsAfterCut, head, RawClient, testBundle } from '../kit/serve-bundles.js';
import { startService, type Service } from '../kit/serve-kit.js';
import { OLD } from './board.js';
import { until } from './start.js';

const CUTS = 50;
const bundle = testBundle();
const after = bundle.after();

const open = (
  service: Service,
  more: Readonly<Record<string, string | number>> = {},
  path = '/v1/update',
) => {
  const client = new RawClient(service.port);
  const text = head(path.startsWith('/') ? `PUT ${path}` : path, service.token, {
    'content-length': bundle.bytes.length,
    ...more,
  });
  return { client, begun: client.send(text) };
};

/** Id of the last receipt; 0 before the first. */
async function lastReceipt(service: Service): Promise<number> {
  return Number((await service.request('/v1/status')).json.lastReceipt?.id ?? 0);
}

/** Waits until a job is under way, or over. */
async function begins(service: Service, id: number): Promise<void> {
  for (let left = 1000; left > 0; left--) {
    const { job, lastReceipt: last } = (await service.request('/v1/status')).json;
    if (job !== null || Number(last?.id ?? 0) > id) return;
    await sleep(5);
  }
  throw new Error('the job did not begin');
}

/** Waits until there is a receipt after `id`. */
async function receiptAfter(service: Service, id: number): Promise<void> {
  for (let left = 1000; left > 0; left--) {
    if ((await lastReceipt(service)) > id) return;
    await sleep(5);
  }
  throw new Error('the job did not end');
}

t.test(`a body cut at ${CUTS} places leaves a chip that the next upload finishes`, async (t) => {
  const service = await startService(t);
  const { board } = service;
  let changed = 0;
  for (let cut = 0; cut < CUTS; cut++) {
    board.reset();
    const before = await lastReceipt(service);
    const at = randomInt(bundle.bytes.length);
    const { client, begun } = open(service);
    await begun;
    // A reset takes back what the service has not read yet, and here that should not be the head.
    await begins(service, before);
    await client.send(bundle.bytes.subarray(0, at));
    const way = cut % 3;
    if (way === 0) client.socket.resetAndDestroy();
    else if (way === 1) client.socket.destroy();
    // Says that nothing more comes, and still reads.
    else client.socket.end();
    await client.ended();
    await receiptAfter(service, before);
    client.socket.destroy();
    const chip = board.bytes();
    t.same(faultsAfterCut(chip, after), [], `cut ${cut} at ${at}`);
    if (!chip.equals(OLD)) changed++;
    if (cut % 5 !== 4) continue;
    const next = await service.request('/v1/update', { method: 'POST', body: bundle.bytes });
    t.match(next.json, { outcome: 'committed' }, `the upload after cut ${cut}`);
    t.ok(board.bytes().equals(after));
  }
  t.ok(changed > CUTS / 4, `some of them had come to the flash: ${changed}`);
  t.equal((await service.request('/health', { token: null })).status, 200);
});

t.test('a sender that stalls, or sends a byte now and then, is given up', async (t) => {
  const service = await startService(t, { config: { http: { limits: { silence: 1 } } } });
  for (const way of ['silent', 'a byte now and then']) {
    service.board.reset();
    const before = await lastReceipt(service);
    const { client, begun } = open(service);
    await begun;
    await client.send(bundle.bytes.subarray(0, 800_000));
    const started = performance.now();
    const trickle = way === 'silent' ? null : setInterval(() => client.socket.write('x'), 100);
    await until(() => client.text.includes('}\n'), 'the answer comes');
    const answer = client.text;
    clearInterval(trickle ?? undefined);
    t.match(answer, /^HTTP\/1\.1 (408|400) /, way);
    if (way === 'silent') t.match(answer, /ERR_SOURCE_SILENT/);
    t.ok(performance.now() - started < 8000, `within its time: ${performance.now() - started}`);
    client.socket.destroy();
    await receiptAfter(service, before);
    t.same(faultsAfterCut(service.board.bytes(), after), []);
  }
  const next = await service.request('/v1/update', { method: 'POST', body: bundle.bytes });
  t.match(next.json, { outcome: 'committed' });
});

t.test('an upload with a key goes on where it stood, and nothing is sent twice', async (t) => {
  const service = await startService(t);
  const key = randomBytes(12).toString('hex');
  const first = open(service, {}, `/v1/update?resume=${key}`);
  await first.begun;
  await first.client.send(bundle.bytes.subarray(0, 700_000));
  first.client.socket.resetAndDestroy();
  const stranger = await service.request(`/v1/update/${'x'.repeat(24)}`, { method: 'HEAD' });
  t.equal(stranger.status, 409);

  const busy = await service.request('/v1/update', { method: 'POST', body: bundle.bytes });
  t.equal(busy.status, 503, 'the flash waits for it');
  let sent = 0;
  const parts: number[] = [];
  let answer = '';
  for (let round = 0; round < 4; round++) {
    const stand = await service.request(`/v1/update/${key}`, { method: 'HEAD' });
    t.equal(stand.status, 200);
    const offset = Number(stand.headers['upload-offset']);
    parts.push(offset);
    const upTo = round === 3 ? bundle.bytes.length : Math.min(bundle.bytes.length, offset + 200_000);
    const wrong = await service.request(`/v1/update/${key}`, {
      method: 'PATCH',
      headers: { 'upload-offset': String(offset + 1) },
      body: 'x',
    });
    t.equal(wrong.status, 409);
    t.equal(wrong.headers['upload-offset'], String(offset), 'it is said where it stands');
    const { client, begun } = open(
      service,
      { 'upload-offset': offset, 'content-length': bundle.bytes.length - offset },
      `PATCH /v1/update/${key}`,
    );
    await begun;
    await client.send(bundle.bytes.subarray(offset, upTo));
    sent += upTo - offset;
    if (round === 3)
      answer = await new Promise((resolve) => {
        client.socket.on('data', () => client.text.includes('"outcome"') && resolve(client.text));
      });
    else client.socket.destroy();
  }
  t.match(answer, /^HTTP\/1\.1 200 /);
  t.match(answer, /"outcome":"committed"/);
  t.ok(service.board.bytes().equals(after));
  t.ok(
    parts.every((part, i) => i === 0 || part >= (parts[i - 1] as number)),
    `it never goes back: ${parts}`,
  );
  t.ok(sent <= bundle.bytes.length + 4 * 256 * 1024, 'what was taken was not sent again');
  const over = await service.request(`/v1/update/${key}`, { method: 'HEAD' });
  t.match(over, { status: 200, headers: { location: '/v1/receipts/000001' } });
  const late = await service.request(`/v1/update/${key}`, { method: 'PATCH', body: 'x' });
  t.match(late, { status: 409, headers: { location: '/v1/receipts/000001' } });
  const checked = await service.request(`/v1/check?resume=${key}`, { method: 'POST', body: 'x' });
  t.equal(checked.status, 400, 'a check cannot be gone on with');
});

t.test('two senders on one upload: the last one has it, and the chip is right', async (t) => {
  const service = await startService(t, { timing: { model: 'w25q256jv', scale: 0.05 } });
  const key = randomBytes(12).toString('hex');
  const first = open(service, {}, `/v1/update?resume=${key}`);
  await first.begun;
  void first.client.send(bundle.bytes.subarray(0, 1_000_000));
  await until(() => service.board.bytes().equals(OLD) === false, 'the first one has come to the flash');
  // Several at once ask where it stands and go on, each with what belongs there.
  const rivals = Array.from({ length: 4 }, async () => {
    for (;;) {
      const stand = await service.request(`/v1/update/${key}`, { method: 'HEAD' });
      if (stand.headers.location !== undefined) return;
      const offset = Number(stand.headers['upload-offset'] ?? 0);
      if (stand.status !== 200) continue;
      const answer = await service
        .request(`/v1/update/${key}`, {
          method: 'PATCH',
          headers: { 'upload-offset': String(offset) },
          body: bundle.bytes.subarray(offset),
        })
        .catch(() => null);
      if (answer?.status === 200) return;
      await sleep(randomInt(60));
    }
  });
  await Promise.all(rivals);
  first.client.socket.destroy();
  await receiptAfter(service, 0);
  const { receipt } = (await service.request('/v1/receipts/000001')).json;
  t.match(receipt, { outcome: 'committed' });
  t.ok(service.board.bytes().equals(after));
});

t.test(
  'SIGTERM in the middle stops between two flash operations, says so, and leaves nothing locked',
  async (t) => {
    const service = await startService(t, { timing: { model: 'w25q256jv', scale: 1 } });
    const answer = service.request('/v1/update', { method: 'POST', body: bundle.bytes });
    await until(() => !service.board.bytes().equals(OLD), 'a block was erased');
    const code = await service.stop();
    t.equal(code, 7);
    const { status, json } = await answer;
    t.equal(status, 503);
    t.match(json, { outcome: 'interrupted', code: 'ERR_SESSION_INTERRUPTED', flash: 'partial' });
    t.same(faultsAfterCut(service.board.bytes(), after), []);
    const second = await startService(t, { board: service.board });
    t.match((await second.request('/v1/receipts')).json.receipts[0].receipt, { outcome: 'interrupted' });
  },
);

t.test('a service that dies in an update says so in its next life, until one is finished', async (t) => {
  const service = await startService(t, { timing: { model: 'w25q256jv', scale: 1 } });
  const { board } = service;
  const lost = service.request('/v1/update', { method: 'POST', body: bundle.bytes }).catch(() => null);
  await until(() => !board.bytes().equals(OLD), 'a block was erased');
  service.kill('SIGKILL');
  await Promise.all([lost, service.ended]);

  const second = await startService(t, { board });
  t.match(second.stderr, /update of kernel was interrupted: complete an update before the board restarts/);
  const { json } = await second.request('/v1/status');
  t.match(json, { unfinished: ['kernel'] });
  const { text } = await second.request('/metrics');
  t.match(text, /^sluice_partition_unfinished\{partition="kernel"\} 1$/m);
  const refused = await second.request('/v1/update', { method: 'POST', body: 'no bundle' });
  t.match(refused.json, { flash: 'partial' }, 'what is refused leaves it as it is');
  t.match(await second.request('/v1/update', { method: 'POST', body: bundle.bytes }), { status: 200 });
  t.same((await second.request('/v1/status')).json.unfinished, []);
});

t.test('a slow chip holds the sender back, and the memory of the service stays flat', async (t) => {
  // 0.4 s a block: 0.15 s of erase and 0.18 s of programming, and the reading back.
  const service = await startService(t, { timing: { model: 'w25q256jv', scale: 1.2 } });
  const { client, begun } = open(service);
  await begun;
  const before = service.anonymous();
  let taken = 0;
  let peak = 0;
  void (async () => {
    for (let at = 0; at < bundle.bytes.length; at += 16_384) {
      const piece = bundle.bytes.subarray(at, at + 16_384);
      if (!client.socket.write(piece)) await new Promise((resolve) => client.socket.once('drain', resolve));
      taken = at + piece.length;
    }
  })();
  await sleep(300);
  const early = taken;
  for (let i = 0; i < 20; i++) {
    await sleep(100);
    peak = Math.max(peak, service.anonymous());
  }
  const { job } = (await service.request('/v1/status')).json;
  t.ok(job.received < 900_000, `two seconds on, few blocks are taken: ${job.received}`);
  t.comment(`sent ${early}, then ${taken}; taken by the flash ${job.received}; memory ${before} to ${peak}`);
  t.ok(peak - before < 8 * 1024 * 1024, `the memory grew by ${peak - before}`);
  client.socket.destroy();
});
