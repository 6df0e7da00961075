/** Runs the installed program: one call, or as a service. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import {
  request as httpRequest,
  type ClientRequest,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Ended {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** One request to a service. */
export interface Asked {
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Uint8Array;
}

/** Milliseconds for a call, a request or a wait. Generous: other tests run at the same time. */
const TIMEOUT = 100_000;

function launch(program: string, args: readonly string[], state: string) {
  if (!existsSync(program)) throw new Error(`${program} is not there; npm run build makes it`);
  // Through env, because tap adds its loader to every node process that it sees.
  const child = spawn('env', ['-u', 'NODE_OPTIONS', program, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: TIMEOUT,
    env: { ...process.env, SLUICE_NODE: process.execPath, STATE_DIRECTORY: state },
  });
  // A program may close the pipe before the end.
  child.stdin.on('error', () => {});
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (bytes: Buffer) => (said.stdout += bytes.toString('latin1')));
  child.stderr.on('data', (bytes: Buffer) => (said.stderr += bytes.toString('latin1')));
  const ended = once(child, 'close').then(([code]): number | null => code);
  return { child, said, ended };
}

/** Runs the program to its end. @param state - its default state folder */
export async function call(
  program: string,
  args: readonly string[],
  state: string,
  input: Uint8Array = new Uint8Array(0),
): Promise<Ended> {
  const { child, said, ended } = launch(program, args, state);
  child.stdin.end(input);
  return { exit: await ended, ...said };
}

/** `sluice serve` on a port of its own. */
export class Service {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #ended: Promise<number | null>;

  private constructor(
    { child, ended }: ReturnType<typeof launch>,
    readonly url: string,
    /** File of its token. */
    readonly tokenFile: string,
  ) {
    this.#child = child;
    this.#ended = ended;
  }

  /** Starts the service and waits until it listens. @param args - flash, keys, machine */
  static async start(program: string, args: readonly string[], state: string): Promise<Service> {
    const words = ['serve', '--json', '--http', '127.0.0.1:0', '--state', state, ...args];
    const started = launch(program, words, state);
    const { said } = started;
    let over = false;
    void started.ended.then(() => (over = true));
    const port = await until('the service listens', async () => {
      if (over) throw new Error(`the service did not start: ${said.stderr}`);
      return /127\.0\.0\.1[^0-9]+([0-9]+)/.exec(said.stdout)?.[1] ?? null;
    });
    return new Service(started, `http://127.0.0.1:${port}`, join(state, 'token'));
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#ended;
  }

  /** Makes one request. */
  ask(method: string, path: string, { headers = {}, body }: Asked = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = this.#request(method, path, { headers, ...(body === undefined ? {} : { body }) });
      request.on('error', reject);
      request.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => (text += part));
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
        );
      });
      request.end(body);
    });
  }

  /** Sends the head of a request and the first bytes of its body, then closes the connection. */
  async cut(method: string, path: string, body: Uint8Array, bytes: number): Promise<void> {
    const request = this.#request(method, path, { body });
    const closed = new Promise((resolve) => request.on('close', resolve));
    request.on('error', () => {});
    request.write(body.subarray(0, bytes), () => request.destroy());
    await closed;
  }

  /** Waits until no job is running; the chip is final only then. */
  async idle(): Promise<void> {
    await until('the job ends', async () => {
      const { text } = await this.ask('GET', '/v1/status');
      return (JSON.parse(text) as { job: unknown }).job === null ? true : null;
    });
  }

  #request(method: string, path: string, { headers = {}, body }: Asked): ClientRequest {
    const length = body === undefined ? {} : { 'content-length': body.length };
    const token = { authorization: `Bearer ${readFileSync(this.tokenFile, 'utf8').trim()}` };
    const signal = AbortSignal.timeout(TIMEOUT);
    const options = { method, agent: false, signal, headers: { ...token, ...length, ...headers } };
    return httpRequest(`${this.url}${path}`, options);
  }
}

/** Polls until there is an answer. */
export async function until<T>(what: string, ask: () => Promise<T | null>): Promise<T> {
  for (const end = Date.now() + TIMEOUT; Date.now() < end; await sleep(5)) {
    const answer = await ask();
    if (answer !== null) return answer;
  }
  throw new Error(`timeout before ${what}`);
}
