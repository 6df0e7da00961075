/** What `sluice push` and `sluice status` read: answers over HTTP, and streams of events. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorOf, ServiceClient } from '../../../../src/tools/client/service-client.js';
import { EventParser, type SseEvent } from '../../../../src/tools/client/event-parser.js';
import { receiptIn } from '../../../../src/tools/client/sender.js';
import { ERRORS, SluiceError } from '../../../../src/core/errors.js';
import { latin1, must, utf8, type FuzzTarget } from '../target.js';

const FLASH: ReadonlySet<unknown> = new Set(['untouched', 'partial', 'complete', null]);

/** Events as the rules of WHATWG HTML 9.2.6 say, read at one go. */
function reference(bytes: Buffer): SseEvent[] {
  const events: SseEvent[] = [];
  let id: string | null = null;
  let type = '';
  let data: string[] = [];
  const lines = bytes.toString('utf8').split(/\r\n|\r|\n/);
  // What stands behind the last line's end is no line yet.
  for (const line of lines.slice(0, -1)) {
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (line === '') {
      if (data.length > 0) events.push({ id, type: type === '' ? 'message' : type, data: data.join('\n') });
      type = '';
      data = [];
    } else if (field === 'data') data.push(value);
    else if (field === 'event') type = value;
    else if (field === 'id' && !value.includes('\0')) id = value;
  }
  return events;
}

function readEvents(pieces: readonly Uint8Array[]): SseEvent[] {
  const events: SseEvent[] = [];
  const parser = new EventParser((event) => events.push(event));
  for (const piece of pieces) parser.take(Buffer.from(piece));
  return events;
}

export const sse: FuzzTarget = {
  name: 'sse',
  codes: [],
  seeds: [
    utf8(
      ': hello\r\n\r\nid: 1-1\nevent: state\ndata: {"a":"\u00e4"}\n\ndata: one\ndata: two\n\nid: 2\n\nretry: 5\n\n',
    ),
    utf8('data\n\ndata:\n\ndata:  x\r\r\nid: a\0b\ndata: y\n\n'),
    utf8('\ufeffdata: bom\n\nevent\n: x\ndata: z\n\n'),
  ],
  dictionary: ['data: ', 'id: ', 'event: ', '\n\n', '\r', '\r\n', ':', '\xc3', '\xf0\x9f', '\xef\xbb\xbf'],
  run: (bytes, random) => {
    const whole = readEvents([bytes]);
    const split = readEvents(random.pieces(bytes, 12));
    must(JSON.stringify(whole) === JSON.stringify(split), 'the events depend on the split');
    const text = bytes.toString('utf8').replace(/^\ufeff/, '');
    must(JSON.stringify(whole) === JSON.stringify(reference(utf8(text))), 'the rules say otherwise');
    return `${Math.min(whole.length, 6)}`;
  },
};

/** Bodies of answers, whatever they hold. */
export const answers: FuzzTarget = {
  name: 'answers',
  codes: [],
  seeds: [
    '{"code":"ERR_TRUST_KEY","message":"m","next":"n","flash":"partial"}',
    '{"code":"constructor","message":"m"}',
    '[]',
    'null',
    '{"outcome":"committed","partitions":{},"bundle":{}}',
    'no JSON',
  ].map(utf8),
  dictionary: [
    '"code":',
    '"message":',
    '"flash":"partial"',
    '__proto__',
    'ERR_SESSION_INTERNAL',
    'toString',
    '{"":',
  ],
  longest: 512,
  run: (bytes) => {
    const text = bytes.toString('utf8');
    let json: unknown = null;
    try {
      json = JSON.parse(text);
    } catch {
      // As service-client.ts has it.
    }
    const error = errorOf({ status: 500, json }, 'it');
    must(Object.hasOwn(ERRORS, error.code) && typeof error.message === 'string', 'no error of ours');
    must(FLASH.has(error.flash), 'no state of the flash');
    const isReceipt = receiptIn(json) !== null;
    return `${error.code} ${error.flash} ${isReceipt}`;
  },
};

/** One server that answers each connection with the bytes of the run. */
class Answering {
  readonly folder = mkdtempSync(join(tmpdir(), 'sluice-fuzz-'));
  readonly path = join(this.folder, 's');
  answer: Buffer = Buffer.alloc(0);
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
      socket.once('data', () => socket.end(this.answer));
    });
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(this.path, resolve));
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

let server: Answering | null = null;

export const httpClient: FuzzTarget = {
  name: 'http-client',
  codes: Object.keys(ERRORS).filter((code) => code !== 'ERR_SESSION_INTERNAL') as (keyof typeof ERRORS)[],
  seeds: [
    'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{"outcome":"x"}\r\n',
    'HTTP/1.1 422 X\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"c\r\n1e\r\node":"ERR_TRUST_KEY","message\r\n5\r\n":""}\r\n0\r\n\r\n',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\nRetry-After: 7\r\nLocation: /v1/receipts/1\r\nUpload-Offset: 9007199254740993\r\n\r\n{}',
    'HTTP/1.1 204 No\r\nConnection: close\r\n\r\n',
  ].map(latin1),
  dictionary: [
    'HTTP/1.1 ',
    '\r\n\r\n',
    'Content-Length: ',
    'Transfer-Encoding: chunked\r\n',
    'Location: ',
    'Upload-Offset: ',
    '{"code":"ERR_SESSION_INTERNAL","message":""}',
    'ffffffffffffffff\r\n',
    'Content-Range: bytes 0-9/9007199254740993\r\n',
  ],
  bound: 300,
  run: async (bytes) => {
    if (server === null) {
      server = new Answering();
      await server.listen();
    }
    server.answer = bytes;
    const client = new ServiceClient({
      name: 'it',
      tls: false,
      address: { socketPath: server.path },
      authorization: null,
      ca: undefined,
      cert: undefined,
      key: undefined,
    });
    const answer = await client.ask('GET', '/v1/status');
    const error = errorOf(answer, 'it');
    must(error instanceof SluiceError && FLASH.has(error.flash), 'no error of ours');
    return `${answer.status} ${error.code} ${answer.json === null}`;
  },
  close: () => {
    server?.close();
    server = null;
  },
};
