/** A client with nothing but good intentions, in a process of its own: what a test is busy with does not delay it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Test } from 'tap';

export interface Wellbeing {
  /** Milliseconds of the slowest answer, from connecting to its end. */
  readonly worst: number;
  /** Requests that were answered with 200. */
  readonly answered: number;
  /** What became of the others. */
  readonly failures: readonly string[];
}

export interface HealthyClient {
  /** How it went since the last time that this was asked for. */
  ask(): Promise<Wellbeing>;
}

const PROGRAM = `
const { request } = require('node:http');
const [, url, token] = process.argv;
let worst = 0, answered = 0, failures = [];
process.on('message', () => {
  process.send({ worst, answered, failures });
  worst = 0; answered = 0; failures = [];
});
const one = (path) => new Promise((resolve) => {
  const began = performance.now();
  const over = (failure) => {
    worst = Math.max(worst, performance.now() - began);
    if (failure === null) answered++;
    else failures.push(path + ': ' + failure);
    resolve();
  };
  const headers = { authorization: 'Bearer ' + token };
  const sent = request(url + path, { agent: false, headers, timeout: 10000 }, (answer) => {
    answer.resume();
    answer.on('end', () => over(answer.statusCode === 200 ? null : String(answer.statusCode)));
  });
  sent.on('timeout', () => sent.destroy(new Error('no answer')));
  sent.on('error', (error) => over(error.message));
  sent.end();
});
(async () => {
  for (;;) {
    for (const path of ['/health', '/v1/status']) await one(path);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
})();
`;

/** Asks for /health and /v1/status, each time on a new connection, until the test ends. */
export async function healthyClient(t: Test, url: string, token: string): Promise<HealthyClient> {
  // By way of env, as tap puts a loader of its own into every node that it sees being started.
  const child = spawn('env', ['-u', 'NODE_OPTIONS', 'node', '-e', PROGRAM, url, token], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  t.teardown(() => child.kill());
  const ask = async (): Promise<Wellbeing> => {
    child.send('ask');
    const [told] = (await once(child, 'message')) as [Wellbeing];
    return told;
  };
  while ((await ask()).answered === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  return { ask };
}
