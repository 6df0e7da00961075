/** More than there should be: packed, without end, or so slowly that it never ends. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createDeflateRaw, gzipSync } from 'node:zlib';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { Gunzip } from '../../src/host/node/gunzip/gunzip.js';
import { HttpSource } from '../../src/host/node/sources/http-source.js';
import { anonymousOf, startService } from '../kit/serve-kit.js';
import { testBundle } from '../kit/serve-bundles.js';
import { BLOCK, OLD } from '../system/board.js';
import { start } from '../system/start.js';
import { header, member as rawMember } from '../kit/tar-maker.js';
import { boardOf, good, refuseAll, refused, tarball } from './kit.js';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MIB = 1024 * 1024;

/** Gzip of `head` and zeros behind it, a thousand times smaller than what comes of it. */
async function bomb(head: Uint8Array, zeros: number): Promise<Buffer> {
  const deflate = createDeflateRaw({ level: 9 });
  const parts: Buffer[] = [Buffer.from('1f8b0800000000000003', 'hex')];
  deflate.on('data', (part: Buffer) => parts.push(part));
  deflate.write(head);
  const piece = Buffer.alloc(MIB);
  for (let left = zeros; left > 0; left -= piece.length) {
    if (!deflate.write(piece)) await new Promise((resolve) => deflate.once('drain', resolve));
  }
  deflate.end();
  await new Promise((resolve) => deflate.once('end', resolve));
  return Buffer.concat([...parts, Buffer.alloc(8)]);
}

/** Bombs of each kind: behind a bundle, as a member, as no bundle at all. */
async function bombs(): Promise<readonly (readonly [string, Buffer, RegExp])[]> {
  const whole = tarball(good());
  return [
    [
      'zeros behind a bundle',
      await bomb(Buffer.concat([whole.subarray(0, 2048 + 512), whole.subarray(2560)]), 64 * MIB),
      /^ERR_(?:SOURCE_TRAILING|SESSION)/,
    ],
    [
      'an image of 8 GiB',
      await bomb(header({ name: 'image-kernel', size: 2 ** 33 - 1 }), 64 * MIB),
      /^ERR_(?:BUNDLE_TOO_BIG|TRUST_NOT_AHEAD)$/,
    ],
    [
      'a MANIFEST of 8 GiB',
      await bomb(header({ name: 'MANIFEST', size: 2 ** 33 - 1 }), 64 * MIB),
      /^ERR_BUNDLE_MEMBER_SIZE$/,
    ],
    ['zeros alone', await bomb(new Uint8Array(0), 64 * MIB), /^ERR_SOURCE_TRAILING$/],
  ];
}

t.test('gzip bombs in a file and in a pipe are refused where they begin to swell', async (t) => {
  const board = await boardOf(t);
  for (const [what, bytes, code] of await bombs()) {
    t.ok(bytes.length < MIB, `${what}: ${bytes.length} bytes`);
    const path = join(board.dir, 'bomb.gz');
    writeFileSync(path, bytes);
    const run = await board.write(path, ['--json']);
    t.match(run.json.code, code, `${what}, a file`);
    t.ok(run.code !== 0);
    const piped = await board.write('-', ['--json'], { input: bytes });
    t.match(piped.json.code, code, `${what}, a pipe`);
  }
});

t.test('gzip bombs over HTTP are refused, take no memory, and leave the flash to the next one', async (t) => {
  const service = await startService(t);
  const before = anonymousOf(service.pid);
  for (const [what, bytes, code] of await bombs()) {
    for (const path of ['/v1/update', '/v1/check']) {
      const answer = await service.request(path, {
        method: 'PUT',
        body: bytes,
        headers: { 'content-encoding': 'gzip' },
      });
      t.match(answer.json.code, code, `${what}: ${path}`);
    }
  }
  const grown = anonymousOf(service.pid) - before;
  t.ok(grown < 24 * MIB, `memory grew by ${(grown / MIB).toFixed(1)} MiB for 64 MiB unpacked, eight times`);
  const bundle = testBundle();
  t.match(await service.request('/v1/update', { method: 'PUT', body: gzipSync(bundle.bytes) }), {
    status: 200,
  });
});

t.test(
  'a gzip stream of blocks that hold nothing has an end, and one that cannot be packed is taken',
  async (t) => {
    const none = { write: async () => {}, end: async () => {} };
    const front = new Gunzip(none);
    await front.write(Buffer.from('1f8b0800000000000003', 'hex'));
    // An empty stored block: five bytes, of which nothing comes.
    const nothing = Buffer.from('000000ffff'.repeat(2000), 'hex');
    let sent = 0;
    await t.rejects(
      async () => {
        for (; sent < 100 * MIB; sent += nothing.length) await front.write(nothing);
      },
      { code: 'ERR_SOURCE_GZIP' },
    );
    t.ok(sent < MIB, `after ${sent} bytes`);
    let made = 0;
    const stored = new Gunzip({ write: async ({ length }) => void (made += length), end: async () => {} });
    const noise = Buffer.alloc(8 * MIB, 0).map((_, at) => (Math.imul(at + 1, 2654435761) >>> 13) & 255);
    await stored.write(gzipSync(noise, { level: 0 }));
    await stored.end();
    t.equal(made, noise.length);
  },
);

t.test('a sender without end is told to stop: members, headers, filler', async (t) => {
  const board = await boardOf(t);
  const many = Buffer.concat(Array.from({ length: 100 }, (_, at) => rawMember(`image-a${at}`, 'x')));
  const globals = Buffer.concat(
    Array.from({ length: 100 }, () => rawMember('g', '14 comment=ab\n', { type: 'g' })),
  );
  await refuseAll(t, board, [
    ['members', many, 'ERR_BUNDLE_NO_PARTITION', 'ERR_TRUST_NOT_AHEAD', 'ERR_BUNDLE_TAR_LIMIT'],
    ['global headers', globals, 'ERR_BUNDLE_TAR_LIMIT'],
    [
      'a header that goes on',
      Buffer.concat([header({ type: 'x', size: 2 ** 32 }), Buffer.alloc(MIB, 'x')]),
      'ERR_BUNDLE_TAR_LIMIT',
    ],
  ]);
  // Endless on purpose: it is the program that must end.
  const running = start(['write', '/dev/zero', ...board.args, '--json']);
  const code = await Promise.race([running.ended, setTimeout(20_000, 'still running')]);
  t.equal(code, 4, 'zeros without end are no bundle');
  t.match(running.stdout, /ERR_SOURCE_TRAILING/);
  t.ok(board.bytes().equals(OLD));
});

t.test(
  'a server that gives a byte now and then is given up, one that is slow is not (slow retrieval)',
  async (t) => {
    let ended = 0;
    const server = createServer(({ url }, response) => {
      const size = url === '/drip' ? 1 : 1024;
      response.write(Buffer.alloc(size));
      const timer = setInterval(() => response.write(Buffer.alloc(size)), 50);
      const end = globalThis.setTimeout(() => {
        ended++;
        response.end();
      }, 4000);
      response.once('close', () => {
        clearInterval(timer);
        clearTimeout(end);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => {
      server.closeAllConnections();
      server.close();
    });
    const from = (path: string): Promise<void> =>
      HttpSource.open(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, {
        // A busy machine is silent for a second now and then.
        silence: 2500,
      }).pump(async () => {});
    await t.rejects(from('/drip'), { code: 'ERR_SOURCE_HTTP', message: /fewer than 1024 bytes/ });
    t.equal(ended, 0, 'before it had all');
    await t.resolves(from('/slow'), 'a KiB now and then is honest work');
    t.equal(ended, 1);
  },
);

t.test('what comes in another order is judged by what is known when it comes (reordering)', async (t) => {
  const board = await boardOf(t);
  const members = good();
  const moved = (name: string, to: number): Buffer => {
    const rest = members.filter((it) => it.name !== name);
    return tarball([...rest.slice(0, to), ...members.filter((it) => it.name === name), ...rest.slice(to)]);
  };
  const image = tarball(members).indexOf('image-kernel\0');
  const swapped = tarball(members);
  const blocks = swapped.subarray(image + 512, image + 512 + 2 * BLOCK);
  Buffer.concat([blocks.subarray(BLOCK), blocks.subarray(0, BLOCK)]).copy(blocks);
  await refuseAll(t, board, [
    ['an image first', moved('image-kernel', 0), 'ERR_TRUST_NOT_AHEAD'],
    ['BLOCKS before MANIFEST', moved('BLOCKS', 0), 'ERR_BUNDLE_ORDER'],
    ['the index last', moved('BLOCKS', members.length - 1), 'ERR_TRUST_NOT_AHEAD', 'ERR_BUNDLE_ORDER'],
    ['two blocks of an image exchanged', swapped, 'ERR_TRUST_BLOCK'],
  ]);
  const late = await board.write('-', ['--json'], { input: moved('MANIFEST.sig', members.length - 1) });
  refused(t, 'the signature of MANIFEST last', late, ['ERR_TRUST_NOT_AHEAD', 'ERR_BUNDLE_ORDER']);
});
