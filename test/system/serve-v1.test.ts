/** /v1 with real curl: every way to send a bundle writes what `sluice write` writes, and what is refused says why. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { head, IMAGES, RawClient, testBundle } from '../kit/serve-bundles.js';
import { startService } from '../kit/serve-kit.js';
import { until } from './start.js';
import { BLOCK, makeBoard, OLD, VECTORS } from './board.js';
import { scratch } from './stock-bundle.js';
import { writeKeyStore } from '../kit/keys.js';

const STOCK = join(VECTORS, 'good-stock.tar');
const proven = testBundle();
const stock = testBundle({ kind: 'stock' });

t.test('raw, chunked, slowly and packed: the chip is the one that `sluice write` makes', async (t) => {
  const service = await startService(t);
  const { board, dir } = service;
  const file = proven.file(dir);
  const packed = join(dir, 'bundle.tar.gz');
  writeFileSync(packed, gzipSync(proven.bytes));

  const reference = await makeBoard(scratch(t));
  writeKeyStore(reference.keys, 'Generated');
  t.equal((await reference.write(file)).code, 0);
  const wanted = reference.bytes();
  t.ok(wanted.equals(proven.after()), 'what write makes is what the images say');

  const ways = {
    'raw, PUT': ['-T', file],
    'raw, POST': ['--data-binary', `@${file}`],
    chunked: ['-T', file, '-H', 'Transfer-Encoding: chunked'],
    'after a 100 Continue': ['-T', file, '-H', 'Expect: 100-continue'],
    'without being told to go on': ['-T', file, '-H', 'Expect:'],
    slowly: ['-T', file, '--limit-rate', '2M'],
    packed: ['-T', packed],
    'packed, and said so': ['-T', packed, '-H', 'Content-Encoding: gzip'],
    'packed and chunked': ['-T', packed, '-H', 'Transfer-Encoding: chunked'],
  };
  for (const [way, args] of Object.entries(ways)) {
    board.reset();
    const run = await service.curl('/v1/update', ...args);
    t.equal(run.status, 200, way);
    t.match(run.json, { outcome: 'committed', code: null, flash: 'complete', trust: { by: 'index' } });
    t.ok(board.bytes().equals(wanted), `${way}: the chip`);
  }
});

t.test('a node that may not make machine code writes the same', async (t) => {
  // As systemd's MemoryDenyWriteExecute has it; what is refused there is not used here.
  const node = join(t.testdir(), 'node');
  writeFileSync(node, `#!/bin/sh\nexec '${process.execPath}' --jitless "$@"\n`, { mode: 0o755 });
  const service = await startService(t, { env: { SLUICE_NODE: node } });
  for (const bundle of [proven, stock]) {
    service.board.reset();
    const file = bundle.file(service.dir, 'bundle.tar');
    const run = await service.curl('/v1/update?trust=before-commit', '-T', file);
    t.equal(run.status, 200);
    t.ok(service.board.bytes().equals(bundle.after()));
  }
});

t.test('only what is asked for is written, and only as it is allowed', async (t) => {
  const service = await startService(t);
  const { board } = service;
  const file = proven.file(service.dir);
  const some = await service.curl('/v1/update?only=kernel,rwfs', '-T', file);
  t.equal(some.status, 200);
  t.same(Object.keys(some.json.partitions), ['kernel', 'rwfs']);
  t.ok(board.bytes().equals(proven.after(['kernel', 'rwfs'])));

  const late = stock.file(service.dir, 'stock.tar');
  board.reset();
  const plain = await service.curl('/v1/update', '-T', late);
  t.match(plain, { code: 0, status: 422 }, 'an early refusal reaches curl');
  t.match(plain.json, { outcome: 'refused', code: 'ERR_TRUST_NOT_AHEAD', flash: 'untouched' });
  t.ok(board.bytes().equals(OLD));
  t.match(await service.curl('/v1/update?trust=before-commit', '-T', late), { status: 200 });
  t.ok(board.bytes().equals(stock.after()));
  const weak = await service.curl('/v1/update?trust=unsigned', '-T', late);
  t.match(weak, { status: 422 });
  t.match(weak.json, { code: 'ERR_TRUST_POLICY' });
});

t.test('what is refused has the status of its kind, and says what to do', async (t) => {
  const service = await startService(t);
  const { board, dir } = service;
  const bytes = Buffer.from(proven.bytes);
  const put = (name: string, content: Uint8Array): string => {
    writeFileSync(join(dir, name), content);
    return join(dir, name);
  };
  const flipped = Buffer.from(bytes);
  flipped[Math.floor(bytes.length * 0.6)]! ^= 1;
  const big = testBundle({ images: [{ name: 'rwfs', size: 5 * BLOCK }] });
  const good = proven.file(dir);
  const cases: [name: string, path: string, file: string, status: number, code: string][] = [
    ['a flipped bit', '', put('flipped', flipped), 422, 'ERR_TRUST_BLOCK'],
    ['rubbish', '', put('rubbish', Buffer.alloc(300_000, 'no')), 400, 'ERR_BUNDLE_TAR_HEADER'],
    ['nothing', '', put('nothing', Buffer.alloc(0)), 400, 'ERR_SOURCE_TRUNCATED'],
    ['half of it', '', put('half', bytes.subarray(0, 900_000)), 400, 'ERR_SOURCE_TRUNCATED'],
    [
      'more than it',
      '',
      put('more', Buffer.concat([bytes, Buffer.alloc(20_000, 1)])),
      400,
      'ERR_SOURCE_TRAILING',
    ],
    ['an image that does not fit', '', big.file(dir, 'big.tar'), 507, 'ERR_BUNDLE_TOO_BIG'],
    ['no such partition', '?only=kernel,nvram', good, 400, 'ERR_USAGE_PARTITION'],
    ['a misspelt query', '?onyl=kernel', good, 400, 'ERR_USAGE_REQUEST'],
    ['a query twice', '?only=kernel&only=rofs', good, 400, 'ERR_USAGE_REQUEST'],
    ['an empty name', '?only=kernel,', good, 400, 'ERR_USAGE_REQUEST'],
    ['no such policy', '?trust=never', good, 400, 'ERR_USAGE_REQUEST'],
    ['a check that nobody made', '?check=0123456789abcdef0123456789abcdef', good, 404, 'ERR_SESSION_CHECK'],
    ['a key that can be guessed', '?resume=1', good, 400, 'ERR_USAGE_REQUEST'],
  ];
  for (const [name, query, file, status, code] of cases) {
    board.reset();
    const run = await service.curl(`/v1/update${query}`, '-T', file);
    t.match({ ...run, json: run.json }, { code: 0, status, json: { code, message: /./ } }, name);
    if (run.json.partitions === undefined) t.match(run.json, { next: /./, flash: null }, name);
  }
  const packed = await service.curl('/v1/update', '-T', good, '-H', 'Content-Encoding: br');
  t.match({ ...packed, json: packed.json }, { status: 400, json: { code: 'ERR_USAGE_REQUEST' } });
  board.reset();
  t.equal((await service.curl('/v1/update', '-T', good)).status, 200, 'and the next one is taken');
  t.ok(board.bytes().equals(proven.after()));
});

t.test('who waits to be told to go on need not send what is refused', async (t) => {
  const service = await startService(t);
  const client = new RawClient(service.port);
  t.teardown(() => client.socket.destroy());
  await client.send(
    head('PUT /v1/update?only=nvram', service.token, { expect: '100-continue', 'content-length': 1 << 30 }),
  );
  const said = await client.ended();
  t.match(said, /^HTTP\/1\.1 400 /, 'at once, without a 100 before it');
  t.match(said, /\r\nconnection: close\r\n/i);
  t.match(said, /ERR_USAGE_PARTITION/);

  const stranger = new RawClient(service.port);
  t.teardown(() => stranger.socket.destroy());
  await stranger.send(head('PUT /v1/update', 'wrong', { expect: '100-continue', 'content-length': 1 << 30 }));
  t.match(await stranger.ended(), /^HTTP\/1\.1 401 /);

  const first = new RawClient(service.port);
  t.teardown(() => first.socket.destroy());
  await first.send(
    head('PUT /v1/update', service.token, { expect: '100-continue', 'content-length': proven.bytes.length }),
  );
  await until(() => first.text.includes('100 Continue'), 'the first sender is told to go on');
  const second = new RawClient(service.port);
  t.teardown(() => second.socket.destroy());
  await second.send(
    head('PUT /v1/update', service.token, { expect: '100-continue', 'content-length': 1 << 30 }),
  );
  const busy = await second.ended();
  t.match(busy, /^HTTP\/1\.1 503 /);
  t.match(busy, /\r\nretry-after: \d+\r\n/i);
  t.match(busy, /ERR_BUSY_FLASH/);
  const third = await service.curl('/v1/check', '-T', STOCK);
  t.match(third, { code: 0, status: 503 }, 'a check waits for its turn too, and the answer reaches curl');
  await first.send(proven.bytes);
  await until(() => first.text.includes('committed'), 'the first sender is done');
  t.match(first.text, /HTTP\/1\.1 200 OK/);
});

t.test('an early refusal reaches who closes behind it, and who looks for it only at the end', async (t) => {
  const service = await startService(t);
  const { bytes } = testBundle({ images: [{ name: 'kernel', size: 8 * BLOCK }], kind: 'stock' });
  for (const connection of ['close', 'keep-alive']) {
    for (let round = 0; round < 5; round++) {
      const client = new RawClient(service.port);
      t.teardown(() => client.socket.destroy());
      client.socket.pause();
      const length = 8 * 1024 * 1024;
      await client.send(head('PUT /v1/update', service.token, { connection, 'content-length': length }));
      await client.send(bytes);
      await client.send(Buffer.alloc(length - bytes.length));
      client.socket.resume();
      await until(() => client.text.includes('ERR_TRUST_NOT_AHEAD'), 'the answer comes');
      t.match(client.text, /^HTTP\/1\.1 422 /, connection);
      if (connection === 'close') await client.ended();
    }
  }
});

t.test('a check first: the second sending writes exactly what was checked', async (t) => {
  const service = await startService(t);
  const { board, dir } = service;
  const file = stock.file(dir);
  const check = await service.curl('/v1/check', '-T', file);
  t.equal(check.status, 200);
  t.match(check.json, {
    check: /^[0-9a-f]{32}$/,
    identity: /^sha256:[0-9a-f]{64}$/,
    kind: 'stock',
    version: '2.19.0',
    machine: 'quanta-q71l',
  });
  t.same(Object.keys(check.json.willChange).sort(), IMAGES.map(({ name }) => name).sort());
  t.ok(board.bytes().equals(OLD), 'nothing was written');

  const other = testBundle({ kind: 'stock', images: IMAGES.map((it) => ({ ...it, changed: [0] })) });
  const changed = await service.curl(
    `/v1/update?check=${check.json.check}`,
    '-T',
    other.file(dir, 'other.tar'),
  );
  t.match(changed, { code: 0, status: 409 });
  t.match(changed.json, { code: 'ERR_SOURCE_CHANGED', flash: 'untouched' });
  t.ok(board.bytes().equals(OLD));

  const some = await service.curl(`/v1/update?check=${check.json.check}&only=rofs`, '-T', file);
  t.match({ ...some, json: some.json }, { status: 200, json: { trust: { by: 'check-pass' } } });
  t.ok(board.bytes().equals(stock.after(['rofs'])), 'a check of all goes for some');
  const all = await service.curl(`/v1/update?check=${check.json.identity}`, '-T', file);
  t.match({ ...all, json: all.json }, { status: 200, json: { bundle: { identity: check.json.identity } } });
  t.ok(board.bytes().equals(stock.after()), 'by the identity of the bundle');

  const narrow = await service.curl('/v1/check?only=kernel', '-T', file);
  t.same(Object.keys(narrow.json.willChange), ['kernel']);
  for (const query of ['', '&only=rofs', '&only=kernel,rofs']) {
    const run = await service.curl(`/v1/update?check=${narrow.json.check}${query}`, '-T', file);
    t.match(
      { ...run, json: run.json },
      { status: 404, json: { code: 'ERR_SESSION_CHECK', message: /made for kernel/ } },
    );
  }
  t.equal((await service.curl(`/v1/update?check=${narrow.json.check}&only=kernel`, '-T', file)).status, 200);
  const asked = await service.curl('/v1/check?trust=before-commit', '-T', file);
  t.equal(asked.status, 400, 'a check has no policy');
  const bad = await service.curl('/v1/check', '-T', join(VECTORS, 'bad-kernel-byte.tar'));
  t.match({ ...bad, json: bad.json }, { status: 422, json: { code: 'ERR_TRUST_SIGNATURE', next: /./ } });
});

t.test('who does not want to wait is sent to the receipt', async (t) => {
  const service = await startService(t, { timing: { model: 'w25q256jv', scale: 0.3 } });
  const sent = await service.request('/v1/update?only=rwfs', {
    method: 'POST',
    headers: { prefer: 'wait=5, respond-async' },
    body: proven.bytes,
  });
  t.equal(sent.status, 202);
  t.match(sent.headers, { location: '/v1/receipts/000001', 'preference-applied': 'respond-async' });
  t.same(sent.json, { id: '000001', receipt: '/v1/receipts/000001' });
  const early = await service.request('/v1/receipts/000001');
  t.equal(early.status, 202);
  t.match(early.json, { id: '000001', job: { kind: 'update', only: ['rwfs'] } });
  t.match(early.headers, { 'retry-after': '1' });
  await t.resolves(
    (async () => {
      while ((await service.request('/v1/receipts/000001')).status === 202);
    })(),
  );
  const late = await service.request('/v1/receipts/000001');
  t.equal(late.status, 200);
  t.match(late.json, { id: '000001', from: { via: 'http' }, receipt: { outcome: 'committed' } });
  t.ok(service.board.bytes().equals(proven.after(['rwfs'])));

  const refused = await service.curl(
    '/v1/update?only=rwfs',
    '-T',
    stock.file(service.dir, 'stock.tar'),
    '-H',
    'Prefer: respond-async',
  );
  t.equal(refused.status, 422, 'what is known before the body has come is told at once');
});

t.test('receipts by pages, and by id; HEAD asks for the same without the body', async (t) => {
  const service = await startService(t);
  const file = proven.file(service.dir);
  for (let i = 0; i < 5; i++) t.equal((await service.curl('/v1/update?only=rwfs', '-T', file)).status, 200);
  const ids = (answer: { json: { receipts: { id: string }[] } }): string[] =>
    answer.json.receipts.map(({ id }) => id);
  t.same(ids(await service.request('/v1/receipts')), ['000001', '000002', '000003', '000004', '000005']);
  const page = await service.request('/v1/receipts?limit=2');
  t.same(ids(page), ['000004', '000005']);
  const next = await service.request(page.json.older);
  t.same(ids(next), ['000002', '000003']);
  const last = await service.request(next.json.older);
  t.same(ids(last), ['000001']);
  t.equal(last.json.older, null);
  for (const query of ['limit=0', 'limit=x', 'before=', 'page=2']) {
    t.equal((await service.request(`/v1/receipts?${query}`)).status, 400, query);
  }
  t.equal((await service.request('/v1/receipts/000009')).status, 404);
  t.equal((await service.request('/v1/receipts/..%2f..%2ftoken')).status, 404);
  const whole = await service.request('/v1/receipts/000001');
  const bare = await service.request('/v1/receipts/000001', { method: 'HEAD' });
  t.match(bare, { status: 200, text: '' });
  t.equal(bare.headers['content-length'], whole.headers['content-length']);
  const wrong = await service.request('/v1/update', { method: 'GET' });
  t.match(wrong, { status: 405, headers: { allow: 'POST, PUT' } });
});
