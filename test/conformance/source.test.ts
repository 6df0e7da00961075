/** The sources of `sluice write`: paths, standard input, and each scheme of the table. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  createWriteStream,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Writable } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openSource } from '../../src/host/node/sources/open-source.js';
import { SCHEME_NAMES } from '../../src/host/node/sources/schemes.js';
import { sourceSuite, type Feeding, type Sending, type SourceSubject } from './source-suite.js';

const PIECE = 64 * 1024;

function scratch(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-source-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Sends at the speed of the reader. */
function send(to: Writable, bytes: Uint8Array, how: Sending, sent: (count: number) => void): void {
  let at = 0;
  const more = (): void => {
    while (at < bytes.length) {
      const piece = bytes.subarray(at, at + PIECE);
      at += piece.length;
      sent(at);
      if (!to.write(piece)) return void to.once('drain', more);
    }
    if (how === 'whole') to.end();
  };
  to.on('error', () => {});
  more();
}

const file: SourceSubject = {
  rereadable: true,
  sender: false,
  cut: null,
  feed: async (t, bytes) => {
    const path = join(scratch(t), 'update.tar');
    writeFileSync(path, bytes);
    return { open: () => openSource(path), sent: () => bytes.length };
  },
  missing: (t) => openSource(join(scratch(t), 'missing.tar')),
};

const fifo: SourceSubject = {
  rereadable: false,
  sender: true,
  // The end of a pipe is an end, whoever has closed it: the bundle says what is missing.
  cut: null,
  feed: async (t, bytes, how) => {
    const path = join(scratch(t), 'pipe');
    execFileSync('mkfifo', [path]);
    // For reading as well, so that the opening does not wait for the other end.
    const keeper = openSync(path, constants.O_RDWR);
    const writer = createWriteStream(path, { flags: 'a' });
    t.teardown(() => writer.destroy());
    let count = 0;
    const open: Feeding['open'] = async (signal) => {
      const source = await openSource(path, signal);
      closeSync(keeper);
      send(writer, bytes, how, (sent) => (count = sent));
      return source;
    };
    return { open, sent: () => count };
  },
  missing: (t) => openSource(scratch(t)),
};

/** A scheme of HTTP; `tls`: key and certificate of the server. */
const http = (scheme: string, tls: { key: string; cert: string } | null): SourceSubject => ({
  rereadable: true,
  sender: true,
  cut: 'ERR_SOURCE_HTTP',
  feed: async (t, bytes, how) => {
    let count = 0;
    const listener: RequestListener = (_request, response) => {
      const length = how === 'whole' ? bytes.length : bytes.length + 1;
      response.writeHead(200, { 'content-length': length });
      if (how === 'cut') return void response.write(bytes, () => response.destroy());
      return send(response, bytes, how, (sent) => (count = sent));
    };
    const server: Server = tls === null ? createServer(listener) : createTlsServer(tls, listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    return { open: () => openSource(`${scheme}://127.0.0.1:${port}/update.tar`), sent: () => count };
  },
  // The port of discard: nobody listens.
  missing: () => openSource(`${scheme}://127.0.0.1:9/update.tar`),
});

/** A key and a certificate for loopback. */
function certificate(t: Test): { key: string; cert: string } {
  const folder = scratch(t);
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const made = ['-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, '-days', '2'];
  const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...made, ...names], { stdio: 'ignore' });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}

const openssl = spawnSync('openssl', ['version']).status === 0;

/** With a certificate that nobody vouches for: test/system/http-source.test.ts shows that it is refused otherwise. */
function secure(t: Test): SourceSubject {
  const tls = certificate(t);
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  t.teardown(() => void delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']);
  return http('https', tls);
}

const SCHEMES: Readonly<Record<string, (t: Test) => SourceSubject>> = {
  http: () => http('http', null),
  https: secure,
};

t.test('each scheme of the table has an instance', async (t) => {
  t.same(Object.keys(SCHEMES), SCHEME_NAMES);
});

t.test('a file', async (t) => sourceSuite(t, file));
t.test('a named pipe', async (t) => sourceSuite(t, fifo));
const needs = { https: openssl ? {} : { skip: 'openssl is not installed' } } as Readonly<
  Record<string, { skip?: string }>
>;
for (const [scheme, subject] of Object.entries(SCHEMES))
  t.test(scheme, needs[scheme] ?? {}, async (t) => sourceSuite(t, subject(t)));
