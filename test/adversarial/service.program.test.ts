/** What is done to the service around an update: behind its end, in its middle, and by a service to its client. */
import { createServer, type Server } from 'node:net';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { RawClient, faultsAfterCut, head, testBundle } from '../kit/serve-bundles.js';
import { startService, type Service } from '../kit/serve-kit.js';
import { OLD } from '../system/board.js';
import { sluice } from '../system/run.js';
import { scratch } from '../system/stock-bundle.js';
import { until } from '../system/start.js';

const bundle = testBundle();

/** The body of an update, raw and by its length. */
const put = (
  service: Service,
  bytes: Uint8Array,
  more: Readonly<Record<string, string>> = {},
): Uint8Array[] => [
  Buffer.from(head('PUT /v1/update', service.token, { 'content-length': bytes.length, ...more })),
  bytes,
];

t.test(
  'what comes behind a bundle that is committed is not taken for a part of it (trailing data)',
  async (t) => {
    const service = await startService(t);
    // Within the body: the bundle is not whole before the body is, so nothing of it is committed.
    const behind = Buffer.concat([bundle.bytes, Buffer.from('x')]);
    t.match(await service.request('/v1/update', { method: 'PUT', body: behind }), {
      status: 400,
      json: { code: 'ERR_SOURCE_TRAILING' },
    });
    t.same(faultsAfterCut(service.board.bytes(), bundle.after()), [], 'no gate was opened');
    // Behind the body, on the same connection: it is another request, or none.
    const client = new RawClient(service.port);
    t.teardown(() => client.socket.destroy());
    for (const bytes of put(service, bundle.bytes)) await client.send(bytes);
    await until(() => client.text.includes('HTTP/1.1 200'), 'it is committed');
    await client.send(bundle.bytes.subarray(0, 70_000));
    await Promise.race([client.ended(), setTimeout(3000)]);
    t.match(client.text, /HTTP\/1\.1 4\d\d |200 OK[\s\S]*"outcome":"committed"[\s\S]*$/);
    t.equal(client.text.match(/"outcome":"committed"/g)?.length, 1, 'one update');
    t.ok(service.board.bytes().equals(bundle.after()), 'the chip is that of the bundle');
    t.match((await service.request('/v1/status')).json, {
      job: null,
      lastReceipt: { receipt: { outcome: 'committed' } },
    });
    // Behind the last chunk, and behind the last boundary of a form.
    const chunked = new RawClient(service.port);
    t.teardown(() => chunked.socket.destroy());
    await chunked.send(head('PUT /v1/update', service.token, { 'transfer-encoding': 'chunked' }));
    await chunked.send(
      Buffer.concat([
        Buffer.from(`${bundle.bytes.length.toString(16)}\r\n`),
        bundle.bytes,
        Buffer.from('\r\n0\r\n\r\nmore'),
      ]),
    );
    await until(() => chunked.text.includes('HTTP/1.1 '), 'it is answered');
    // The rubbish may be answered before the update is; what became of that its receipt tells.
    t.match(chunked.text, /^HTTP\/1\.1 (?:200|400) /);
    await until(() => service.board.bytes().equals(bundle.after()), 'the chip is that of the bundle');
    t.ok(service.board.bytes().equals(bundle.after()));
  },
);

t.test(
  'SIGTERM in each phase of an upload ends it before a block or behind one, never in the middle (over HTTP)',
  async (t) => {
    // Where in the bundle the sender stands when the signal comes; Infinity: all has come and the end is being made.
    const phases: readonly [string, number][] = [
      ['before the first byte', 0],
      ['in the head', 1200],
      ['behind the index', 9000],
      ['in the first image', 200_000],
      ['between all bytes and the commit', Infinity],
    ];
    const all = phases.map(async ([what, at]) => {
      const service = await startService(t, { timing: { model: 'w25q256jv', scale: 0.05 } });
      const client = new RawClient(service.port);
      t.teardown(() => client.socket.destroy());
      const [lines = new Uint8Array(0)] = put(service, bundle.bytes);
      await client.send(lines);
      if (at > 0) await client.send(bundle.bytes.subarray(0, at));
      if (at > 100_000) await until(() => !service.board.bytes().equals(OLD), 'a block was changed');
      else await setTimeout(150);
      const code = await service.stop();
      t.ok(code === 0 || code === 7, `${what}: exit ${code}`);
      const after = service.board.bytes();
      if (after.equals(bundle.after())) return t.equal(at, Infinity, `${what}: complete`);
      return t.same(faultsAfterCut(after, bundle.after()), [], `${what}: old heads, whole blocks`);
    });
    await Promise.all(all);
  },
);

t.test('a request that was heard once does nothing when it is sent again (replay)', async (t) => {
  const service = await startService(t, { config: { minimumVersion: '2.20.0' } });
  t.match(
    await service.request('/v1/update', { method: 'PUT', body: bundle.bytes }),
    { status: 422, json: { code: 'ERR_TRUST_VERSION' } },
    'an old bundle',
  );
  const newer = testBundle({ version: '2.21.0' });
  const resume = 'replay-replay-replay';
  const path = `/v1/update?resume=${resume}`;
  t.match(await service.request(path, { method: 'PUT', body: newer.bytes }), { status: 200 });
  const again = await service.request(`/v1/update/${resume}`, {
    method: 'PATCH',
    headers: { 'upload-offset': '0' },
    body: newer.bytes,
  });
  t.match(again, { status: 409, json: { code: 'ERR_SESSION_UPLOAD' } }, 'an upload that has ended');
  const second = await service.request('/v1/update', { method: 'PUT', body: newer.bytes });
  const { partitions } = second.json as {
    partitions: Record<string, { erased: number; programmed: number }>;
  };
  t.ok(
    Object.values(partitions).every(({ erased, programmed }) => erased + programmed === 0),
    'the same bundle again changes no block',
  );
});

t.test(
  'lesson 9: a form has one reading, and what is none is no update (CVE-2026-28525, bmcweb CVE-2022-2809)',
  async (t) => {
    const service = await startService(t);
    const type = { 'content-type': 'multipart/form-data; boundary=b' };
    const part = 'Content-Disposition: form-data; name="file"; filename="x"';
    const form = (head: string, body: string, last = '\r\n--b--\r\n'): string =>
      `--b\r\n${head}\r\n\r\n${body}${last}`;
    const tar = bundle.bytes.toString('latin1');
    const cases: [string, string, Readonly<Record<string, string>>?][] = [
      ['a header without a colon', form(`${part}\r\nnothing`, tar)],
      ['a header of nothing but a colon', form(`: x\r\n${part}`, tar)],
      ['a folded header', form(`Content-Disposition: form-data;\r\n name="file"`, tar)],
      ['two dispositions', form(`${part}\r\n${part}`, tar)],
      ['no disposition', form('X: y', tar)],
      ['two names', form('Content-Disposition: form-data; name=only; name=file', tar)],
      ['an encoding', form(`${part}\r\nContent-Transfer-Encoding: base64`, tar)],
      ['another boundary', form(part, tar), { 'content-type': 'multipart/form-data; boundary=c' }],
      ['no boundary', form(part, tar), { 'content-type': 'multipart/form-data' }],
      ['two boundaries', form(part, tar), { 'content-type': 'multipart/form-data; boundary=b; boundary=c' }],
      [
        'a boundary above the limit',
        form(part, tar),
        { 'content-type': `multipart/form-data; boundary=${'b'.repeat(71)}` },
      ],
      ['no last boundary', form(part, tar, '\r\n--b\r\n')],
      ['something behind it', form(part, tar, '\r\n--b--\r\nx')],
      ['something before the first one', `x${form(part, tar)}`],
      ['two files', `${form(part, tar, '')}\r\n${form(part, tar)}`],
      ['nothing in a form', '--b--\r\n'],
      ['a head without end', form('X: '.padEnd(5000, 'x'), tar)],
    ];
    for (const [what, text, headers = type] of cases) {
      const body = Buffer.from(text, 'latin1');
      const answer = await service.request('/v1/update', { method: 'POST', headers, body });
      t.equal(answer.status, 400, `${what}: ${answer.text.slice(0, 200)}`);
      t.same(faultsAfterCut(service.board.bytes(), bundle.after()), [], `${what}: no gate was opened`);
    }
    const right = Buffer.from(form(part, tar), 'latin1');
    t.equal(
      (await service.request('/v1/update', { method: 'POST', headers: type, body: right })).status,
      200,
    );
    t.ok(service.board.bytes().equals(bundle.after()));
  },
);

/** A service that is none: answers each connection with the next of these. */
async function impostor(t: Test, answers: readonly string[]): Promise<string> {
  let at = 0;
  const server: Server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(answers[Math.min(at++, answers.length - 1)] ?? ''));
  });
  t.teardown(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const json = (status: string, value: unknown, ...lines: string[]): string => {
  const text = JSON.stringify(value);
  return [`HTTP/1.1 ${status}`, `Content-Length: ${Buffer.byteLength(text)}`, ...lines, '', text].join(
    '\r\n',
  );
};

t.test(
  'a service that is none cannot lead its client astray, fill its memory or drive its terminal',
  async (t) => {
    const dir = scratch(t);
    const file = join(dir, 'bundle.tar');
    writeFileSync(file, bundle.bytes);
    const state = {
      machine: 'm\x1b[2J',
      policy: '\x1b]0;x\x07',
      flash: { address: '\x9b31m', partitions: [] },
      job: null,
      lastReceipt: null,
    };
    const told = await sluice(['status', await impostor(t, [json('200 OK', state)])]);
    t.equal(told.code, 0, told.stderr);
    t.notMatch(
      told.stdout,
      /[\x00-\x09\x0b-\x1f\x7f-\x9f]/,
      'what it says is printed without control characters',
    );
    const receipt = {
      outcome: 'committed\x1b[2J',
      message: '\x1b[31m',
      flash: 'complete',
      partitions: {},
      bundle: { kind: 'x', version: '\x1b', machine: null, identity: null },
      trust: { policy: '', by: '', key: null },
      times: { wall: 1, flash: 1 },
      memory: { peakRss: 0 },
    };
    const pushed = await sluice([
      'push',
      await impostor(t, [json('200 OK', receipt)]),
      file,
      '--retries',
      '0',
    ]);
    t.notMatch(pushed.stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/, 'nor is its receipt');
    const cases: [string, string[]][] = [
      ['a place that is no path', [json('202 Accepted', {}, 'Location: /v1/a b\t\x07c')]],
      ['an offset before the beginning', ['', 'HTTP/1.1 200 OK\r\nUpload-Offset: -5\r\n\r\n']],
      ['an offset behind the end', ['', 'HTTP/1.1 200 OK\r\nUpload-Offset: 9007199254740993\r\n\r\n']],
      ['an answer without end', [`HTTP/1.1 500 X\r\n\r\n${'x'.repeat(6 * 1024 * 1024)}`]],
      ['a code that every object has', [json('500 X', { code: 'constructor', message: 'x' })]],
    ];
    await Promise.all(
      cases.map(async ([what, answers]) => {
        const run = await sluice(['push', await impostor(t, answers), file, '--retries', '1', '--json']);
        t.ok(run.code !== 0, `${what}: exit ${run.code}`);
        t.match(
          run.json,
          { code: /^ERR_(?:SOURCE_SERVICE|BUSY_\w+)$/ },
          `${what}: ${run.stdout} ${run.stderr}`,
        );
      }),
    );
  },
);
