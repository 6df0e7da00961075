/** `sluice serve` as it is shipped, in a process of its own, with a simulated chip: what tests of the service share. */
import { execFile, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { makeBoard, type Board } from '../system/board.js';
import { scratch } from '../system/stock-bundle.js';
import { until } from '../system/start.js';
import { memoryOf } from './process-memory.js';
import { writeKeyStore } from './keys.js';

/** The program as it is installed; `npm run build` makes it. */
export const LAUNCHER = fileURLToPath(new URL('../../dist/bin/sluice', import.meta.url));

/** Milliseconds for one request that the test does not say otherwise for. */
const PATIENCE = 20_000;

export interface ServeOptions {
  /** Another flash address than that of the simulated chip, which is made all the same. */
  readonly flash?: string;
  /** Arguments of `sim create` for the chip: `--layout quanta-q71l`, `--type nand`. @default 2 MiB, board.ts */
  readonly sim?: readonly string[];
  /** Timing model of the chip, in real time times `scale`. @default no waiting */
  readonly timing?: { readonly model: string; readonly scale: number };
  /** Content of the configuration file, for --config. */
  readonly config?: object;
  /** Further arguments. A `--http` among them is in place of `--http 127.0.0.1:0`. */
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** A board of another service (`service.board`), for a second life on the same chip and state folder. */
  readonly board?: Board;
  /** False: for services that have no token. @default true */
  readonly token?: boolean;
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Uint8Array | string;
  /** Null: none is sent. @default the service's own */
  readonly token?: string | null;
  /** @default the first address that it listens on */
  readonly url?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON; throws when it is none. */
  // oxlint-disable-next-line typescript/no-explicit-any -- the tests assert its shape
  readonly json: any;
}

export interface CurlRun {
  /** Exit code of curl. */
  readonly code: number;
  /** The last status; 0 when there was no answer. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- the tests assert its shape
  readonly json: any;
}

export interface Service {
  /** `http://127.0.0.1:PORT`, of the first address; empty when that is a unix socket. */
  readonly url: string;
  readonly port: number;
  /** All addresses: URLs, or paths of unix sockets. */
  readonly addresses: readonly string[];
  readonly token: string;
  readonly board: Board;
  /** Path of the chip's bytes. */
  readonly chip: string;
  /** The state folder. */
  readonly state: string;
  /** A folder that goes away with the test. */
  readonly dir: string;
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, and what came of it. */
  stop(): Promise<number | NodeJS.Signals>;
  /** One request, to its end. */
  request(path: string, options?: RequestOptions): Promise<Answer>;
  /** `curl ARGS URL+path` with the token (unless ARGS say `-u` or name Authorization). */
  curl(path: string, ...args: string[]): Promise<CurlRun>;
  /** A TCP connection to the first address. */
  connect(): Socket;
  /** Bytes of anonymous memory that the process has now (RssAnon of /proc). */
  anonymous(): number;
}

/**
 * Starts the service and waits until it listens; it ends with the test.
 * Its board trusts the vectors of test/fixtures/tar and what test/kit/generated-bundle.ts makes.
 */
export async function startService(t: Test, options: ServeOptions = {}): Promise<Service> {
  const { timing, config, env = {}, args = [] } = options;
  const time = timing === undefined ? [] : ['--timing', timing.model, '--scale', String(timing.scale)];
  const board = options.board ?? (await newBoard(t, [...(options.sim ?? []), ...time]));
  const { dir } = board;
  const state = join(dir, 'state');
  const words = ['serve', '--flash', options.flash ?? `sim:${board.chip}`, '--state', state];
  words.push('--keys', board.keys, '--machine', 'quanta-q71l', ...args);
  if (!args.includes('--http')) words.push('--http', '127.0.0.1:0');
  if (config !== undefined) {
    const path = join(dir, 'config.json');
    writeFileSync(path, JSON.stringify(config));
    words.push('--config', path);
  }
  // By way of env, as tap puts a loader of its own into every node that it sees being started.
  const child = spawn('env', ['-u', 'NODE_OPTIONS', LAUNCHER, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  let over = false;
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      over = true;
      resolve(code ?? signal ?? -1);
    });
  });
  t.teardown(async () => {
    child.kill('SIGTERM');
    const hard = setTimeout(() => child.kill('SIGKILL'), 3000);
    await ended;
    clearTimeout(hard);
  });
  await until(() => over || addressesIn(stdout, stderr).length > 0, 'the service listens');
  const addresses = addressesIn(stdout, stderr);
  if (addresses.length === 0) throw new Error(`the service did not start: ${stderr}`);
  const url = addresses[0]?.includes('://') === true ? addresses[0] : '';
  const token = options.token === false ? '' : readFileSync(join(state, 'token'), 'utf8').trim();
  const port = url === '' ? 0 : Number(new URL(url).port);
  return {
    url,
    port,
    addresses,
    token,
    board,
    chip: board.chip,
    state,
    dir,
    pid: child.pid ?? -1,
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
    ended,
    kill: (signal) => void child.kill(signal),
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
    request: (path, asked = {}) => ask(asked.url ?? url, path, { token, ...asked }),
    curl: (path, ...more) => {
      const named = more.some((word) => word === '-u' || /^authorization:/i.test(word));
      const own = named || token === '' ? [] : ['-H', `Authorization: Bearer ${token}`];
      return curl(...own, ...more, `${url}${path}`);
    },
    connect: () => {
      const socket = createConnection(port, '127.0.0.1');
      // What a test does to a connection is no failure of the test.
      socket.on('error', () => {});
      t.teardown(() => socket.destroy());
      return socket;
    },
    anonymous: () => anonymousOf(child.pid ?? -1),
  };
}

async function newBoard(t: Test, sim: readonly string[]): Promise<Board> {
  const board = await makeBoard(scratch(t), sim);
  writeKeyStore(board.keys, 'Generated');
  return board;
}

/** Where the service says that it listens. The one place that knows how it says it. */
function addressesIn(_stdout: string, stderr: string): string[] {
  return [...stderr.matchAll(/^sluice: listening on (.+)\n/gm)].map(([, text = '']) => {
    if (!/^["{]/.test(text)) return text.split(' ')[0] as string;
    const at = JSON.parse(text) as string | { address: string; port: number; family: string };
    if (typeof at === 'string') return at;
    return `http://${at.family === 'IPv6' ? `[${at.address}]` : at.address}:${at.port}`;
  });
}

function ask(url: string, path: string, options: RequestOptions): Promise<Answer> {
  const { method = 'GET', headers = {}, body, token } = options;
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      `${url}${path}`,
      {
        method,
        agent: false,
        headers: {
          ...(token === null || token === '' ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
          ...headers,
        },
        signal: AbortSignal.timeout(PATIENCE),
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(parts).toString('utf8');
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            get json() {
              return JSON.parse(text) as unknown;
            },
          });
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** Runs curl; what it printed besides the body is taken off. */
export function curl(...args: string[]): Promise<CurlRun> {
  const words = ['-sS', '--max-time', '30', '-w', '\n%{http_code}', ...args];
  return new Promise((resolve) => {
    execFile('curl', words, { maxBuffer: 1 << 24 }, (error, out, stderr) => {
      const cut = out.lastIndexOf('\n');
      const stdout = out.slice(0, Math.max(0, cut));
      resolve({
        code: error === null ? 0 : Number(error.code ?? -1),
        status: Number(out.slice(cut + 1)),
        stdout,
        stderr,
        get json() {
          return JSON.parse(stdout) as unknown;
        },
      });
    });
  });
}

/** Bytes of anonymous memory of a process: what it has by itself, without the pages of its program file. */
export function anonymousOf(pid: number): number {
  return memoryOf(pid, 'RssAnon') * 1024 * 1024;
}
