/** Bundles in forms, as `curl -F` and browsers send them: the same chip as `sluice write` leaves. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { generateBundle, bundleBytes } from '../kit/generated-bundle.js';
import { startService, type Service } from '../kit/serve-kit.js';
import { OLD, range, sha256 } from './board.js';

const service = await startService(t);
const { board, dir } = service;
const spec = {
  images: [
    { name: 'kernel', size: 300_000 },
    { name: 'rofs', size: 500_000 },
  ],
};
const bundle = join(dir, 'bundle.tar');
writeFileSync(bundle, bundleBytes(generateBundle(spec)));
const stock = join(dir, 'stock.tar');
const rest = ['rwfs', 'u-boot'].map((name) => ({ name, size: 1000 }));
writeFileSync(stock, bundleBytes(generateBundle({ images: [...spec.images, ...rest], kind: 'stock' })));

const chipAfter = async (...args: string[]): Promise<string> => {
  board.reset();
  const run = await board.write(args[0] as string, args.slice(1));
  if (run.code !== 0) throw new Error(run.stderr);
  const after = sha256(board.bytes());
  board.reset();
  return after;
};
const whole = await chipAfter(bundle);
const onlyKernel = await chipAfter(bundle, '--only', 'kernel');
t.beforeEach(() => board.reset());

t.test('forms of curl leave the chip that write leaves', async (t) => {
  const forms: Record<string, readonly string[]> = {
    'UpdateFile=@': ['-F', `UpdateFile=@${bundle}`],
    'file=@, slowly': ['-F', `file=@${bundle}`, '--limit-rate', '2M'],
    'chunked, without asking first': [
      '-F',
      `file=@${bundle}`,
      '-H',
      'Transfer-Encoding: chunked',
      '-H',
      'Expect:',
    ],
    'a quoted boundary': [
      '-F',
      `file=@${bundle}`,
      '-H',
      'Content-Type: multipart/form-data; boundary="a quoted one"',
    ],
  };
  for (const [what, args] of Object.entries(forms)) {
    board.reset();
    if (what === 'a quoted boundary') {
      const body = Buffer.concat([
        Buffer.from('--a quoted one\r\nContent-Disposition: form-data; name="file"\r\n\r\n'),
        readFileSync(bundle),
        Buffer.from('\r\n--a quoted one--\r\n'),
      ]);
      const headers = { 'content-type': 'multipart/form-data; boundary="a quoted one"' };
      const answer = await service.request('/v1/update', { method: 'POST', headers, body });
      t.match(answer, { status: 200 }, answer.text);
    } else {
      const run = await service.curl('/v1/update', ...args);
      t.match(run, { code: 0, status: 200 }, `${what}: ${run.stdout}`);
      t.match(run.json, { outcome: 'committed', flash: 'complete' });
    }
    t.equal(sha256(board.bytes()), whole, what);
  }
});

t.test('fields say what the queries do, before the file', async (t) => {
  const some = await service.curl('/v1/update', '-F', 'only=kernel', '-F', `file=@${bundle}`);
  t.match(some, { status: 200 }, some.stdout);
  t.strictSame(Object.keys(some.json.partitions), ['kernel']);
  t.equal(sha256(board.bytes()), onlyKernel);
  board.reset();
  const both = ['-F', 'only=kernel,rofs'];
  const late = await service.curl('/v1/update', '-F', 'trust=before-commit', ...both, '-F', `file=@${stock}`);
  t.match(late.json, { outcome: 'committed', trust: { policy: 'before-commit' } });
  t.equal(sha256(board.bytes()), whole);
  const check = await service.curl('/v1/check', ...both, '-F', `UpdateFile=@${stock}`);
  t.match(check, { status: 200 }, check.stdout);
  t.match(check.json, { willChange: { kernel: {}, rofs: {} } });
});

t.test('what is no such form is refused, and nothing is written', async (t) => {
  const cases: Record<string, readonly string[]> = {
    'no file': ['-F', 'only=kernel'],
    'an empty file': ['-F', 'file=;filename=x'],
    'another field': ['-F', 'olny=kernel', '-F', `file=@${bundle}`],
    'a field twice': ['-F', 'only=kernel', '-F', 'only=rofs', '-F', `file=@${bundle}`],
    'a long field': ['-F', `only=${'x'.repeat(5000)}`, '-F', `file=@${bundle}`],
    'a field without a name': ['-F', '=x', '-F', `file=@${bundle}`],
    'another boundary': ['-F', `file=@${bundle}`, '-H', 'Content-Type: multipart/form-data; boundary=other'],
    'no boundary': ['-T', bundle, '-H', 'Content-Type: multipart/form-data'],
    mixed: ['-F', `file=@${bundle}`, '-H', 'Content-Type: multipart/mixed; boundary=x'],
  };
  for (const [what, args] of Object.entries(cases)) {
    const run = await service.curl('/v1/update', ...args);
    t.match(run, { status: 400 }, `${what}: ${run.stdout}`);
    t.match(run.json.code, /^ERR_(?:SOURCE_MULTIPART|USAGE_REQUEST)$/, what);
  }
  const twice = await service.curl('/v1/update?only=rofs', '-F', 'only=kernel', '-F', `file=@${bundle}`);
  t.match(twice.json, { code: 'ERR_USAGE_REQUEST' });
  const unknown = await service.curl('/v1/update', '-F', 'only=kernle', '-F', `file=@${bundle}`);
  t.match(unknown.json, { code: 'ERR_USAGE_PARTITION' });
  t.ok(board.bytes().equals(OLD));
});

t.test('what comes behind the file is judged before the commit', async (t) => {
  const { offset } = range('kernel');
  for (const more of [
    ['-F', 'only=kernel'],
    ['-F', `file=@${bundle}`],
  ]) {
    board.reset();
    const run = await service.curl('/v1/update', '-F', `file=@${bundle}`, ...more);
    t.match(run, { status: 400 }, run.stdout);
    t.match(run.json, { outcome: 'refused', code: 'ERR_SOURCE_MULTIPART' });
    t.ok(
      board
        .bytes()
        .subarray(offset, offset + 65_536)
        .equals(OLD.subarray(offset, offset + 65_536)),
    );
  }
  const again = await service.curl('/v1/update', '-F', `file=@${bundle}`);
  t.match(again, { status: 200 }, 'the next one succeeds');
  t.equal(sha256(board.bytes()), whole);
});

t.test('a form that is cut anywhere ends in a clean abort', async (t) => {
  const boundary = 'x'.repeat(30);
  const body = Buffer.concat([
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="only"\r\n\r\nkernel,rofs\r\n`),
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="b"\r\n\r\n`),
    readFileSync(bundle),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  const ends = [30, 100, 200, 240, 1000, 400_000, body.length - 60, body.length - 3];
  for (const end of ends) await cut(service, boundary, body, end);
  const run = await service.curl('/v1/update', '-F', `file=@${bundle}`);
  t.match(run, { status: 200 }, run.stdout);
  t.equal(sha256(board.bytes()), whole);
});

async function cut(service: Service, boundary: string, body: Buffer, end: number): Promise<void> {
  const socket = service.connect();
  socket.write(
    `POST /v1/update HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${service.token}\r\n` +
      `Content-Type: multipart/form-data; boundary=${boundary}\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  socket.write(body.subarray(0, end));
  setTimeout(() => socket.end(), 30);
  socket.resume();
  await once(socket, 'close');
  for (;;) {
    const { json } = await service.request('/v1/status');
    if (json.job === null) return;
    await new Promise((on) => setTimeout(on, 20));
  }
}

t.test('nothing of a form is collected', async (t) => {
  const before = service.anonymous();
  const head = 'POST /v1/update HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n';
  const open = `${head}Authorization: Bearer ${service.token}\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n`;
  const bombs: Record<string, string> = {
    'a head without an end': '--b\r\nContent-Disposition: form-data; name=',
    '10,000 parts': '',
    'nearly boundaries': '--b\r\nContent-Disposition: form-data; name="only"\r\n\r\n',
  };
  const fillers: Record<string, Buffer> = {
    'a head without an end': Buffer.alloc(65_536, 'x'),
    '10,000 parts': Buffer.from(
      '--b\r\nContent-Disposition: form-data; name="only"\r\n\r\nx\r\n'.repeat(1000),
    ),
    'nearly boundaries': Buffer.from('\r\n--\r\n-\r'.repeat(8000)),
  };
  for (const [what, begin] of Object.entries(bombs)) {
    const socket = service.connect();
    let answer = '';
    socket.on('data', (bytes: Buffer) => (answer += bytes.toString()));
    const filler = fillers[what] as Buffer;
    const chunk = (bytes: Buffer | string): string => `${Buffer.byteLength(bytes).toString(16)}\r\n`;
    socket.write(open);
    if (begin !== '') socket.write(`${chunk(begin)}${begin}\r\n`);
    const closed = new Promise((on) => socket.on('close', on));
    for (let sent = 0; sent < 200 && !socket.destroyed && answer === ''; sent++) {
      socket.write(chunk(filler));
      socket.write(filler);
      if (!socket.write('\r\n')) {
        await Promise.race([
          new Promise((on) => socket.once('drain', on)),
          closed,
          new Promise((on) => setTimeout(on, 500)),
        ]);
      }
    }
    for (let waited = 0; waited < 150 && answer === ''; waited++) {
      await Promise.race([closed, new Promise((on) => setTimeout(on, 20))]);
    }
    t.match(answer, /^HTTP\/1\.1 400 .*ERR_SOURCE_MULTIPART/s, what);
    socket.destroy();
  }
  const grown = service.anonymous() - before;
  t.ok(grown < 8 * 1024 * 1024, `${(grown / 1024 / 1024).toFixed(1)} MiB more`);
});
