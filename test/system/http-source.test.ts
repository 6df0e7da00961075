/** `sluice write URL` against a server on loopback that behaves, and against servers that do not. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { HttpSource } from '../../src/host/node/sources/http-source.js';
import { makeBoard, OLD, sha256, VECTORS } from './board.js';
import { sluice } from './run.js';
import { makeStockBundle, scratch } from './stock-bundle.js';
import { start, until } from './start.js';
import { makeKey, openssl } from '../kit/keys.js';

const STOCK = readFileSync(join(VECTORS, 'good-stock.tar'));

interface Site {
  readonly url: string;
  /** Requests so far, as `METHOD PATH`. */
  readonly requests: string[];
}

/** A server on loopback that goes away with the test. */
async function serve(t: Test, listener: RequestListener, tls?: { key: string; cert: string }): Promise<Site> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const counted = (request: IncomingMessage, response: ServerResponse): void => {
    requests.push(`${request.method} ${request.url}`);
    listener(request, response);
  };
  const server: Server = tls === undefined ? createServer(counted) : createTlsServer(tls, counted);
  server.on('connection', (socket: Socket) => sockets.add(socket));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http${tls === undefined ? '' : 's'}://127.0.0.1:${port}`, requests };
}

const whole =
  (bytes: Uint8Array): RequestListener =>
  (_request, response) =>
    void response.end(bytes);

t.test(
  'a bundle with a block index is asked for twice at most, a stock one twice: to check it and to write it',
  async (t) => {
    const board = await makeBoard(scratch(t));
    const stock = await serve(t, whole(STOCK));
    const run = await board.write(`${stock.url}/update.tar`, ['--json']);
    t.equal(run.code, 0, run.stderr);
    t.match(run.json, { outcome: 'committed', trust: { by: 'check-pass' } });
    t.same(stock.requests, ['GET /update.tar', 'GET /update.tar']);
    const chip = sha256(board.bytes());
    t.not(chip, sha256(OLD));

    const dir = scratch(t);
    const made = makeStockBundle(dir);
    const out = join(dir, 'proven.tar');
    const packed = await sluice(['pack', made.path, '--key', made.key.path, '--out', out]);
    t.equal(packed.code, 0, packed.stderr);
    const proven = await serve(t, whole(readFileSync(out)));
    const args = ['--flash', `sim:${board.chip}`, '--keys', made.keys, '--machine', 'quanta-q71l', '--json'];
    const second = await sluice(['write', `${proven.url}/proven.tar`, ...args]);
    t.equal(second.code, 0, second.stderr);
    t.match(second.json, { outcome: 'committed', bundle: { kind: 'proven' }, trust: { by: 'index' } });
    t.equal(proven.requests.length, 2, 'the first reading ends at the first image');
  },
);

t.test('redirects are followed, but not for ever, not out of TLS and not to files', async (t) => {
  const board = await makeBoard(scratch(t));
  const site = await serve(t, (request, response) => {
    const [, to, count] = /^\/([a-z]+)(\d*)/.exec(request.url ?? '') ?? [];
    const next: Record<string, string> = {
      loop: '/loop',
      chain: Number(count) > 0 ? `/chain${Number(count) - 1}` : '/good',
      file: 'file:///etc/hostname',
      broken: 'http://[',
    };
    const location = next[to ?? ''];
    if (location === undefined) return void response.end(STOCK);
    return void response.writeHead(302, { location }).end();
  });
  t.equal((await board.write(`${site.url}/chain4`)).code, 0, 'five in a row');
  board.reset();
  for (const [path, words] of [
    ['/chain5', /more than 5 redirects/],
    ['/loop', /more than 5 redirects/],
    ['/file', /redirect from http:\/\/ to file:/],
    ['/broken', /invalid URL/],
  ] as const) {
    const run = await board.write(`${site.url}${path}`, ['--json']);
    t.equal(run.code, 4, path);
    t.match(run.json, { code: 'ERR_SOURCE_HTTP', flash: 'untouched', message: words });
  }

  const { path: key } = makeKey(board.dir, 'tls');
  const cert = join(board.dir, 'cert.pem');
  openssl(
    'req',
    '-x509',
    '-new',
    '-key',
    key,
    '-out',
    cert,
    '-days',
    '2',
    '-subj',
    '/CN=127.0.0.1',
    '-addext',
    'subjectAltName=IP:127.0.0.1',
  );
  const tls = await serve(
    t,
    (request, response) => {
      if (request.url === '/down')
        return void response.writeHead(301, { location: `${site.url}/good` }).end();
      return void response.end(STOCK);
    },
    { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') },
  );
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: cert };
  const down = await board.write(`${tls.url}/down`, ['--json'], { env });
  t.match(down.json, { code: 'ERR_SOURCE_HTTP', message: /redirect from https:\/\/ to http:/ });
  t.match(
    (await board.write(`${tls.url}/good`, ['--json'])).json,
    { code: 'ERR_SOURCE_HTTP' },
    'a certificate that nobody vouches for',
  );
  t.equal(sha256(board.bytes()), sha256(OLD));
  t.equal((await board.write(`${tls.url}/good`, [], { env })).code, 0, 'TLS is spoken');
});

t.test('a server that does not give the bundle is a fault of the source', async (t) => {
  const board = await makeBoard(scratch(t));
  const site = await serve(t, (request, response) => {
    switch (request.url) {
      case '/missing':
        return void response.writeHead(404).end('<html>no such thing</html>');
      case '/empty':
        return void response.end();
      case '/page':
        return void response.end('<html>please log in</html>'.repeat(50));
      case '/short':
        response.writeHead(200, { 'content-length': STOCK.length });
        return void response.write(STOCK.subarray(0, 100_000), () => response.destroy());
      case '/chunked':
        return void response.write(STOCK.subarray(0, 100_000), () => response.destroy());
      case '/lie':
        // Says less than it has: what is given is cut there.
        return void request.socket.end(
          Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n'), STOCK]),
        );
      case '/old':
        return void request.socket.end(
          Buffer.concat([Buffer.from('HTTP/1.0 200 OK\r\n\r\n'), STOCK.subarray(0, 100_000)]),
        );
      case '/hangup':
        return void request.socket.destroy();
      default:
        return void request.socket.end('what?\r\n\r\n');
    }
  });
  const cases = [
    ['/missing', 'ERR_SOURCE_HTTP', /server responded with status 404/],
    ['/short', 'ERR_SOURCE_HTTP', /connection lost after \d+ bytes/],
    ['/chunked', 'ERR_SOURCE_HTTP', /connection lost after \d+ bytes/],
    ['/lie', 'ERR_SOURCE_TRUNCATED', /before the end of image-u-boot/],
    ['/old', 'ERR_SOURCE_TRUNCATED', /before the end of image-u-boot/],
    ['/hangup', 'ERR_SOURCE_HTTP', /socket hang up/],
    ['/nonsense', 'ERR_SOURCE_HTTP', /Parse Error/],
    ['/empty', 'ERR_SOURCE_TRUNCATED', /the source is empty/],
    ['/page', 'ERR_SOURCE_FORMAT', /HTML/],
  ] as const;
  for (const [path, code, words] of cases) {
    const run = await board.write(`${site.url}${path}`, ['--json']);
    t.equal(run.code, 4, path);
    t.match(run.json, { outcome: 'refused', code, message: words, flash: 'untouched' }, path);
  }
  const nobody = await board.write('http://127.0.0.1:9/x.tar', ['--json']);
  t.match(nobody.json, { code: 'ERR_SOURCE_HTTP', message: /ECONNREFUSED/ });
  t.equal(nobody.code, 4);
  const secret = await board.write(`http://user:secret@127.0.0.1:9/x.tar?token=secret`);
  t.match(secret.stderr, /ERR_SOURCE_HTTP/);
  t.notMatch(secret.stderr, /secret/, 'no password in a message');
  t.notMatch((await board.write('http://user:secret@')).stderr, /secret/);
  t.equal(sha256(board.bytes()), sha256(OLD));
});

t.test('a bundle that is another one the second time is not written', async (t) => {
  const board = await makeBoard(scratch(t));
  const other = Buffer.from(STOCK);
  // Inside image-kernel, which is the second member.
  other[512 + 200_192 + 512 + 70_000]! ^= 1;
  let count = 0;
  const site = await serve(t, (_request, response) => void response.end(count++ === 0 ? STOCK : other));
  const run = await board.write(`${site.url}/update.tar`, ['--json', '--only', 'kernel']);
  t.equal(run.code, 4);
  t.match(run.json, { outcome: 'refused', code: 'ERR_SOURCE_CHANGED', flash: 'untouched' });
  t.equal(sha256(board.bytes()), sha256(OLD));
});

t.test('a slow server is waited for, and Ctrl-C ends the wait for a silent one', async (t) => {
  const board = await makeBoard(scratch(t));
  const slow = await serve(t, async (_request, response) => {
    for (let at = 0; at < STOCK.length; at += 60_000) {
      response.write(STOCK.subarray(at, at + 60_000));
      await setTimeout(20);
    }
    response.end();
  });
  t.equal((await board.write(`${slow.url}/update.tar`)).code, 0);
  board.reset();

  for (const bytes of [0, 250_000]) {
    const silent = await serve(t, (_request, response) => {
      // Two readings: the first one is whole, so that the second one is cut in the middle of a write.
      if (bytes > 0 && silent.requests.length === 1) return void response.end(STOCK);
      return bytes > 0 ? void response.write(STOCK.subarray(0, bytes)) : undefined;
    });
    const running = start(['write', `${silent.url}/update.tar`, ...board.args, '--json']);
    await until(() => silent.requests.length === (bytes > 0 ? 2 : 1), 'it has asked');
    if (bytes > 0) await until(() => !board.bytes().equals(OLD), 'it writes');
    running.kill('SIGINT');
    t.equal(await running.ended, 7);
    t.match(JSON.parse(running.stdout), {
      outcome: 'interrupted',
      code: 'ERR_SESSION_INTERRUPTED',
      flash: bytes > 0 ? 'partial' : 'untouched',
    });
  }
});

t.test('a server that falls silent is given up; one that we keep waiting is not', async (t) => {
  const site = await serve(t, (request, response) => {
    if (request.url === '/never') return;
    if (request.url === '/crumbs') {
      const timer = setInterval(() => response.write(STOCK.subarray(0, 10)), 20);
      response.on('close', () => clearInterval(timer));
      return;
    }
    response.write(STOCK.subarray(0, 100_000));
    if (request.url === '/busy') response.end(STOCK.subarray(100_000));
  });
  const pump = (path: string, take: () => Promise<void>) =>
    HttpSource.open(`${site.url}${path}`, { silence: 1000 }).pump(take);
  const code = 'ERR_SOURCE_HTTP';
  await t.rejects(
    pump('/never', async () => {}),
    { code, message: /no data for 1 seconds/ },
  );
  await t.rejects(
    pump('/stops', async () => {}),
    { code, message: /connection lost after 100000 bytes: fewer than 1024 bytes in 1 seconds/ },
  );
  await t.rejects(
    pump('/crumbs', async () => {}),
    { code, message: /fewer than 1024 bytes in 1 seconds/ },
  );
  let first = true;
  await pump('/busy', async () => {
    if (first) await setTimeout(1500);
    first = false;
  });
  t.pass('the sender that was held back was waited for');
  const foreign = new TypeError('not of the network');
  await t.rejects(
    pump('/busy', () => Promise.reject(foreign)),
    foreign,
  );
});

t.test('a compressed download is taken as it comes', async (t) => {
  const board = await makeBoard(scratch(t));
  const packed = execFileSync('gzip', ['-c'], { input: STOCK, maxBuffer: 1 << 24 });
  const site = await serve(t, whole(packed));
  t.equal((await board.write(`${site.url}/update.tar.gz`)).code, 0);
});
