/** How bytes come to the program: what sends them, and watches it from its first byte on. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Receipt } from '../src/core/index.js';
import type { GeneratedBundle } from '../test/kit/generated-bundle.js';
import { saveBundle } from './bundle-file.js';
import { makeFifo, openFifo } from './fifo.js';
import { cpuOf, Sampler, whenIdle, type Memory } from './sampler.js';
import type { Scenario, SourceKind } from './scenario.js';
import { sendAll } from './throttle.js';

/** Milliseconds that the service has to start. */
const PATIENCE = 20_000;

/** What one run of the program took. */
export interface Found {
  /** From the first byte sent to the end; of a file, which the program does not wait for, from its start. */
  readonly wallSeconds: number;
  /** The same of its processor time. */
  readonly cpuSeconds: number;
  /** Of the program as it waited for its first byte. */
  readonly idle: Memory;
  readonly peak: Memory;
  /** Seconds from the first byte on, and anonymous bytes. */
  readonly line: readonly (readonly [number, number])[];
  readonly receipt: Receipt;
}

/** One run of the program. */
export interface Task {
  readonly start: (args: readonly string[], input?: string | null) => ChildProcess;
  readonly bundle: GeneratedBundle;
  readonly scenario: Pick<Scenario, 'source' | 'link' | 'policy'> & { readonly partition: string };
  /** Arguments that every command takes: flash, keys, machine, state. */
  readonly words: readonly string[];
  readonly folder: string;
  /** What the program takes that waits for its first byte: of use where a source cannot wait. */
  readonly idle: () => Promise<Memory>;
}

type Way = (task: Task) => Promise<Found>;

/** How the bytes come to the program; one for each kind of source. */
export const WAYS: Readonly<Record<SourceKind, Way>> = {
  memory: () => Promise.reject(new Error('the program cannot be handed memory')),
  file: throughFile,
  pipe: throughPipe,
  push: throughService,
  pull: throughServer,
};

/** A program that writes by itself: its output is the receipt. */
async function finish(output: Promise<string>, measured: Measured): Promise<Found> {
  const text = await output;
  measured.sampler.stop();
  const wallSeconds = (performance.now() - measured.began) / 1000;
  let receipt: Receipt;
  try {
    receipt = JSON.parse(text) as Receipt;
  } catch {
    throw new Error(`the program said no receipt: ${text.slice(0, 200)}`);
  }
  const { sampler, idle, cpu } = measured;
  const peak = { rss: Math.max(sampler.peak.rss, receipt.memory.peakRss), anon: sampler.peak.anon };
  return { wallSeconds, cpuSeconds: sampler.cpu - cpu, idle, peak, line: sampler.line, receipt };
}

interface Measured {
  readonly sampler: Sampler;
  readonly began: number;
  readonly idle: Memory;
  /** CPU seconds before. */
  readonly cpu: number;
}

const begin = (pid: number, idle: Memory, cpu = cpuOf(pid)): Measured => ({
  sampler: new Sampler(pid),
  began: performance.now(),
  idle,
  cpu,
});

async function outputOf(child: ChildProcess): Promise<string> {
  let text = '';
  let errors = '';
  child.stdout?.on('data', (bytes: Buffer) => (text += bytes.toString()));
  child.stderr?.on('data', (bytes: Buffer) => (errors += bytes.toString()));
  await once(child, 'close');
  return text === '' ? errors : text;
}

/** Of `sluice write`, which takes for itself what a request to the service says. */
const asked = ({ policy, partition }: Task['scenario']): string[] => [
  '--json',
  '--only',
  partition,
  '--trust',
  policy,
];

async function throughFile({ start, bundle, scenario, words, folder, idle }: Task): Promise<Found> {
  const path = join(folder, 'bundle.tar');
  saveBundle(path, bundle);
  const resting = await idle();
  const child = start(['write', path, ...asked(scenario), ...words]);
  // Measured from the start: the program does not wait for input.
  return finish(outputOf(child), begin(child.pid as number, resting, 0));
}

async function throughPipe({ start, bundle, scenario, words, folder }: Task): Promise<Found> {
  const fifo = makeFifo(folder);
  const child = start(['write', '-', ...asked(scenario), ...words], fifo);
  const output = outputOf(child);
  const pipe = await openFifo(fifo, child);
  const measured = begin(child.pid as number, await whenIdle(child.pid as number));
  try {
    await sendAll(bundle.chunks(), scenario.link, (bytes) => pipe.writeFile(bytes));
  } catch {
    // A program that refuses the bundle closes the pipe; the receipt has the reason.
  }
  await pipe.close();
  return finish(output, measured);
}

async function throughServer({ start, bundle, scenario, words }: Task): Promise<Found> {
  let came = (): void => {};
  const request = new Promise<void>((resolve) => (came = resolve));
  let go = (): void => {};
  const released = new Promise<void>((resolve) => (go = resolve));
  const server = createServer((_, answer) => {
    came();
    const send = async (): Promise<void> => {
      await released;
      answer.writeHead(200, { 'content-length': bundle.size });
      await sendAll(bundle.chunks(), scenario.link, async (bytes) => {
        // The generator uses its buffer again.
        if (!answer.write(Buffer.from(bytes))) await once(answer, 'drain');
      });
      answer.end();
    };
    send().catch(() => answer.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    const child = start(['write', `http://127.0.0.1:${port}/bundle.tar`, ...asked(scenario), ...words]);
    const output = outputOf(child);
    await Promise.race([request, output]);
    const measured = begin(child.pid as number, await whenIdle(child.pid as number));
    go();
    return await finish(output, measured);
  } finally {
    go();
    server.closeAllConnections();
    server.close();
  }
}

/** A service, to which the harness is the client. */
async function throughService({ start, bundle, scenario, words, folder }: Task): Promise<Found> {
  const child = start(['serve', '--http', '127.0.0.1:0', ...words]);
  const closed = once(child, 'close');
  try {
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (bytes: Buffer) => (said += bytes.toString()));
    for (let waited = 0; !/127\.0\.0\.1:\d+/.test(said); waited += 10) {
      if (child.exitCode !== null || waited > PATIENCE)
        throw new Error(`the service does not listen: ${said}`);
      await setTimeout(10);
    }
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(said)?.[1]);
    const token = readFileSync(join(folder, 'state', 'token'), 'utf8').trim();
    const pid = child.pid as number;
    const measured = begin(pid, await whenIdle(pid));
    const receipt = await upload({ port, token, bundle, scenario });
    measured.sampler.stop();
    const wallSeconds = (performance.now() - measured.began) / 1000;
    const { sampler, idle, cpu } = measured;
    return {
      wallSeconds,
      cpuSeconds: sampler.cpu - cpu,
      idle,
      peak: sampler.peak,
      line: sampler.line,
      receipt,
    };
  } finally {
    child.kill();
    await closed;
  }
}

interface Upload {
  readonly port: number;
  readonly token: string;
  readonly bundle: GeneratedBundle;
  readonly scenario: Task['scenario'];
}

async function upload({ port, token, bundle, scenario }: Upload): Promise<Receipt> {
  const sent = httpRequest({
    host: '127.0.0.1',
    port,
    path: `/v1/update?trust=${scenario.policy}&only=${scenario.partition}`,
    method: 'PUT',
    headers: { authorization: `Bearer ${token}` },
    agent: false,
  });
  const answered = once(sent, 'response') as Promise<[NodeJS.ReadableStream]>;
  await sendAll(bundle.chunks(), scenario.link, async (bytes) => {
    // The generator uses its buffer again.
    if (!sent.write(Buffer.from(bytes))) await once(sent, 'drain');
  });
  sent.end();
  let text = '';
  const [answer] = await answered;
  for await (const bytes of answer) text += bytes.toString();
  return JSON.parse(text) as Receipt;
}
