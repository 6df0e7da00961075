/**
 * The promise that the service stays small, idle and at work, whatever is sent and whoever watches. Everything is
 * measured from outside: VmRSS and VmHWM of /proc.
 */
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { createSimChip } from '../../src/host/node/flash/sim-file/target.js';
import type { Receipt } from '../../src/core/update/report/receipt.js';
import { generateBundle, type GeneratedBundle } from '../kit/generated-bundle.js';
import { atRest, emptyNode, IDLE, memoryOf } from '../kit/process-memory.js';
import { startService, type Service } from '../kit/serve-kit.js';
import { scratch } from './stock-bundle.js';

const MIB = 1024 * 1024;
/** The erase block of a chip that holds a GiB. */
const BLOCK = 128 * 1024;

/** As fast as it is taken. */
async function pour(bundle: GeneratedBundle, into: Writable): Promise<void> {
  for (const chunk of bundle.chunks()) {
    // The generator uses its buffer again.
    if (!into.write(Buffer.from(chunk))) await once(into, 'drain');
  }
  into.end();
}

/** Sends a bundle of one image as it is made, so that nothing of it is ever in a file. */
function upload({ port, token }: Service, size: number): Promise<Receipt> {
  const bundle = generateBundle({
    images: [{ name: 'rofs', size, seed: size }],
    block: BLOCK,
    machine: 'quanta-q71l',
  });
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    const path = '/v1/update';
    const sent = httpRequest(
      { host: '127.0.0.1', port, path, method: 'PUT', headers, agent: false },
      (answer) => {
        let text = '';
        answer.on('data', (bytes: Buffer) => (text += bytes.toString()));
        answer.on('end', () => resolve(JSON.parse(text) as Receipt));
      },
    );
    sent.on('error', reject);
    pour(bundle, sent).catch(reject);
  });
}

/** A service with a chip that holds a GiB, listening on TCP and on a unix socket. */
async function largeService(t: Test): Promise<Service> {
  const dir = scratch(t);
  const chip = join(dir, 'large.bin');
  createSimChip(chip, {
    layout: { name: 'big', size: 1088 * MIB, partitions: [{ name: 'rofs', offset: 0, size: 1088 * MIB }] },
    type: 'nand',
  });
  const args = ['--http', `127.0.0.1:0,unix:${join(dir, 'http.sock')}`];
  return startService(t, { flash: `sim:${chip}`, args });
}

/** MiB of anonymous memory that an idle service may take more than an empty Node; see IDLE. */
const IDLE_ANONYMOUS = 8;

const mib = (value: number): string => `${value.toFixed(1)} MiB`;

t.test(
  'idle it takes little more than Node itself, and an update of any size little more than idle',
  async (t) => {
    const empty = await emptyNode(t);
    const service = await largeService(t);
    const idle = await atRest(service.pid);
    t.comment(`an empty Node ${mib(empty.resident)}, the idle service ${mib(idle)}`);
    const more = idle - empty.resident;
    t.ok(more <= IDLE, `idle ${mib(more)} above an empty Node, at most ${IDLE}`);
    const anonymous = memoryOf(service.pid, 'RssAnon') - empty.anonymous;
    t.ok(anonymous <= IDLE_ANONYMOUS, `${mib(anonymous)} of it anonymous, at most ${IDLE_ANONYMOUS}`);
    for (const size of [64, 1024]) {
      const receipt = await upload(service, size * MIB);
      t.match(receipt, { outcome: 'committed', partitions: { rofs: { bytes: size * MIB } } });
      const above = memoryOf(service.pid, 'VmHWM') - idle;
      t.ok(above <= 8, `${size} MiB: peak ${mib(above)} above idle, at most 8`);
    }
  },
);

t.test('the same with 20 idle clients and one slow reader of events', async (t) => {
  const service = await largeService(t);
  const idle = await atRest(service.pid);
  const clients = Array.from({ length: 20 }, () => service.connect());
  const watcher = service.connect();
  t.teardown(() => [...clients, watcher].forEach((socket) => socket.destroy()));
  watcher.pause();
  watcher.write(
    `GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${service.token}\r\n\r\n`,
  );
  // That it is as flat to a GiB was seen above.
  for (const size of [64, 256]) {
    t.match(await upload(service, size * MIB), { outcome: 'committed' });
    const above = memoryOf(service.pid, 'VmHWM') - idle;
    t.ok(above <= 8, `${size} MiB: peak ${mib(above)} above idle, at most 8`);
  }
});

/** More than comes between two full collections. */
const SLOW_MIB = 48;

/** A chip that is slower than who sends: what has come waits while a block is written, and must not grow old there. */
async function slowService(t: Test): Promise<Service> {
  const chip = join(scratch(t), 'slow.bin');
  const size = SLOW_MIB * MIB;
  createSimChip(chip, {
    layout: { name: 'slow', size, partitions: [{ name: 'rofs', offset: 0, size }] },
    type: 'nor',
    timing: 'n25q256a',
    scale: 0.02,
  });
  return startService(t, { flash: `sim:${chip}`, config: { http: { pullFrom: ['127.0.0.1'] } } });
}

t.test('the same on slow flash, pushed', async (t) => {
  const service = await slowService(t);
  const idle = await atRest(service.pid);
  t.match(await upload(service, SLOW_MIB * MIB), { outcome: 'committed' });
  const above = memoryOf(service.pid, 'VmHWM') - idle;
  t.ok(above <= 8, `peak ${mib(above)} above idle, at most 8`);
});

t.test('the same on slow flash, pulled', async (t) => {
  const service = await slowService(t);
  const idle = await atRest(service.pid);
  const image = { name: 'rofs', size: SLOW_MIB * MIB, seed: 5 };
  const bundle = generateBundle({ images: [image], block: BLOCK, machine: 'quanta-q71l' });
  const server = createServer((_, answer) => {
    answer.writeHead(200, { 'content-length': bundle.size });
    pour(bundle, answer).catch(() => answer.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const uri = `127.0.0.1:${(server.address() as AddressInfo).port}/bundle.tar`;
  const body = JSON.stringify({ ImageURI: uri, TransferProtocol: 'HTTP' });
  const action = '/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate';
  const begun = await service.curl(action, '-H', 'Content-Type: application/json', '-d', body);
  t.equal(begun.status, 202);
  let state = '';
  while (!/Completed|Exception|Cancelled/.test(state)) {
    await setTimeout(100);
    state = (await service.request(begun.json['@odata.id'])).json.TaskState;
  }
  t.equal(state, 'Completed');
  const above = memoryOf(service.pid, 'VmHWM') - idle;
  t.ok(above <= 8, `peak ${mib(above)} above idle, at most 8`);
});
