/** The service, from the bytes of a connection on: heads, paths, queries, bodies, all of its routes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { Server } from 'node:http';
import { nodePlatform } from '../../../../src/host/node/platform.js';
import { memoryTarget } from '../../../../src/core/sim/memory-target.js';
import { AccessControl } from '../../../../src/protocols/http/auth/access-control.js';
import { HTTP_LIMITS, HttpService } from '../../../../src/protocols/http/http-service.js';
import { HttpCounters } from '../../../../src/protocols/http/counters.js';
import { ReceiptStore } from '../../../../src/service/receipts.js';
import { UpdateService } from '../../../../src/service/update-service.js';
import { routesOf } from '../../../../src/daemon/routes.js';
import { UnsignedTrust } from '../../../../src/core/trust/unsigned-trust.js';
import { Finding, latin1, must, type FuzzTarget } from '../target.js';

/** Turns of the event loop without a word after which an answer counts as whole. */
const QUIET = 12;

const layout = {
  name: 'tiny',
  size: 65_536,
  partitions: [
    { name: 'kernel', offset: 0, size: 32_768 },
    { name: 'rofs', offset: 32_768, size: 32_768 },
  ],
};

/** A connection whose other end is the fuzzer. */
class Connection extends Duplex {
  answer = '';

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    this.answer += bytes.toString('latin1');
    done();
  }

  setTimeout(): this {
    return this;
  }
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
}

class Served {
  readonly #server: Server;
  readonly #folder: string;
  readonly service: UpdateService;
  /** What was logged: nothing, unless something went wrong inside. */
  readonly log: string[];

  private constructor(server: Server, folder: string, service: UpdateService, log: string[]) {
    this.#server = server;
    this.#folder = folder;
    this.service = service;
    this.log = log;
  }

  static async make(): Promise<Served> {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-fuzz-'));
    const log: string[] = [];
    const note = (message: string, error?: unknown): void =>
      void log.push(`${message}: ${(error as Error)?.stack ?? String(error)}`);
    const content = new Uint8Array(layout.size);
    const service = await UpdateService.open({
      platform: await nodePlatform(),
      open: async () => memoryTarget(layout, { content, eraseSize: 4096 }),
      trust: async () => new UnsignedTrust({ machine: 'any' }),
      policy: 'unsigned',
      weakest: 'unsigned',
      forceMounted: [],
      machine: 'any',
      receipts: new ReceiptStore(folder),
      resumeWithin: 0,
      log: (_level, message, error) => note(message, error),
    });
    const gate = new AccessControl({
      credentials: () => ({ users: new Map(), tokens: [] }),
      open: 'write',
      names: [],
      certificates: new Map(),
      now: () => performance.now(),
    });
    const counters = new HttpCounters();
    const limits = { ...HTTP_LIMITS, silence: 60_000 };
    // Nothing is ever fetched.
    const config = { pullFrom: ['nobody.invalid'] };
    const mounts = routesOf(service, { config, limits, gate, counters });
    const http = new HttpService(mounts, gate, limits, note, counters);
    return new Served(http.server(), folder, service, log);
  }

  async ask(pieces: readonly Uint8Array[]): Promise<string> {
    const connection = new Connection({ allowHalfOpen: true });
    connection.on('error', () => {});
    const closed = new Promise<void>((resolve) => connection.once('close', () => resolve()));
    this.#server.emit('connection', connection);
    for (const piece of pieces) {
      if (connection.destroyed) break;
      if (piece.length > 0) connection.push(Buffer.from(piece));
      await turn();
    }
    for (let quiet = 0, said = -1; quiet < QUIET && !connection.destroyed; quiet++) {
      if (connection.answer.length !== said) quiet = 0;
      said = connection.answer.length;
      await turn();
    }
    if (!connection.destroyed) connection.push(null);
    await turn();
    connection.destroy();
    await closed;
    // What was begun must come to its end by itself.
    for (let left = 400; this.service.busy; left--) {
      if (left === 0) throw new Finding('the flash is not let go');
      await (left > 390 ? turn() : sleep(5));
    }
    return connection.answer;
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

let served: Served | null = null;

const body = '--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nabc\r\n--b--\r\n';
const sessions = '{"UserName":"a","Password":"b"}';
const simple = '{"ImageURI":"http://files.example/x","TransferProtocol":"HTTP"}';
const post = (path: string, text: string, head = ''): string =>
  `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${head}Content-Length: ${text.length}\r\n\r\n${text}`;

export const http: FuzzTarget = {
  name: 'http',
  codes: [],
  seeds: [
    'GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
    'GET /v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    'GET /v1/receipts?limit=3&before=9 HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET /v1/receipts/000001 HTTP/1.1\r\n\r\n',
    'GET /v1/events?after=x-1 HTTP/1.1\r\nHost: 127.0.0.1\r\nLast-Event-ID: 00000000-5\r\n\r\n',
    'GET /metrics HTTP/1.0\r\n\r\n',
    'HEAD /v1/update/abcdefghijklmnop HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
    'PATCH /v1/update/abcdefghijklmnop HTTP/1.1\r\nHost: 127.0.0.1\r\nUpload-Offset: 5\r\nContent-Length: 1\r\n\r\nx',
    'PUT /v1/check?only=kernel HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    post(
      '/v1/update?only=kernel,rofs&trust=unsigned&resume=abcdefghijklmnop',
      'abc',
      'Content-Encoding: gzip\r\nPrefer: respond-async\r\n',
    ),
    post('/v1/update', body, 'Content-Type: multipart/form-data; boundary=b\r\n'),
    post('/redfish/v1/SessionService/Sessions', sessions),
    post('/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate', simple),
    post(
      '/redfish/v1/UpdateService/update-multipart',
      body,
      'Content-Type: multipart/form-data; boundary=b\r\n',
    ),
    post(
      '/redfish/v1/UpdateService/update',
      'abc',
      'Content-Type: application/octet-stream\r\nExpect: 100-continue\r\n',
    ),
    'GET /redfish/v1/UpdateService/FirmwareInventory/kernel?$expand=. HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Auth-Token: t\r\n\r\n',
    'DELETE /redfish/v1/TaskService/Tasks/1 HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic YTpi\r\n\r\n',
  ].map(latin1),
  dictionary: [
    'GET /',
    ' HTTP/1.1\r\n',
    'Host: ',
    '?only=',
    '&check=',
    '&trust=',
    '%2f',
    '%00',
    '%',
    '..',
    '/redfish/v1',
    '/v1/',
    '/Members',
    'Content-Length: ',
    'Transfer-Encoding: chunked\r\n',
    'Expect: 100-continue\r\n',
    'Origin: http://x\r\n',
    'Authorization: Bearer ',
    '\r\n\r\n',
    'OPTIONS',
    'TRACE',
    'CONNECT a:1',
    'Upgrade: h2c\r\nConnection: upgrade\r\n',
    'Range: bytes=0-9007199254740993\r\n',
    '\r\n0\r\n\r\n',
    'ffffffffffffffff\r\n',
  ],
  bound: 500,
  memory: 32 * 1024 * 1024,
  run: async (bytes, random) => {
    served ??= await Served.make();
    const answer = await served.ask(random.below(3) === 0 ? random.pieces(bytes, 4) : [bytes]);
    const logged = served.log.splice(0);
    must(logged.length === 0, `it was logged: ${logged[0]?.split('\n').slice(0, 2).join(' | ')}`);
    must(
      answer === '' || /^HTTP\/1\.1 (?:100|[234]\d\d|503|507|501|505) /.test(answer),
      `it answers ${answer.slice(0, 60)}`,
    );
    must(
      !/^[A-Za-z-]+: [^\r\n]*[\x00\x7f]/m.test(answer.split('\r\n\r\n', 1)[0] ?? ''),
      'a header with control characters',
    );
    const [, code = ''] = /"code":"(\w+)"/.exec(answer) ?? [];
    return `${answer.slice(9, 12)} ${code}`;
  },
  close: () => {
    served?.close();
    served = null;
  },
};
