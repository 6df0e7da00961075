import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { createServer } from 'node:http';
import t from 'tap';
import { EXIT } from '../../../src/core/errors.js';
import { HttpListener } from '../../../src/daemon/http-listener.js';
import { IdleExit } from '../../../src/daemon/idle-exit.js';
import type { Listener } from '../../../src/daemon/listener.js';
import { stopService } from '../../../src/daemon/stop.js';
import type { HttpService } from '../../../src/protocols/http/http-service.js';

/** Takes transfers over UDP: `begin` opens one, `end` ends it. After `close` none is opened; `rest` ends those that are. */
class UdpListener implements Listener {
  readonly #socket = createSocket('udp4');
  #transfers = 0;
  #open = true;
  #changed: () => void = () => {};
  #gone: () => void = () => {};

  static async listen(): Promise<UdpListener> {
    const listener = new UdpListener();
    const socket = listener.#socket;
    socket.on('message', (message) => listener.#take(message.toString()));
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return listener;
  }

  get address(): string {
    return `udp://127.0.0.1:${this.#socket.address().port}`;
  }

  get accepts(): boolean {
    return this.#open;
  }

  get busy(): boolean {
    return this.#transfers > 0;
  }

  watch(changed: () => void): void {
    this.#changed = changed;
  }

  async close(rest: Promise<void>): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    const gone = new Promise<void>((resolve) => {
      this.#gone = resolve;
    });
    await rest;
    if (this.busy) await gone;
    this.#socket.close();
  }

  #take(message: string): void {
    if (message === 'begin' && this.#open) this.#transfers++;
    if (message === 'end') this.#transfers--;
    this.#changed();
    if (!this.busy) this.#gone();
  }
}

const client = createSocket('udp4').unref();

/** Sends datagrams in order and waits until they have arrived. */
async function send(listener: Listener, ...messages: readonly string[]): Promise<void> {
  const port = Number(new URL(listener.address).port);
  for (const message of messages) client.send(message, port, '127.0.0.1');
  await setTimeout(50);
}

const isOver = async (exit: IdleExit): Promise<boolean> =>
  (await Promise.race([exit.over.then(() => 'over'), setTimeout(0, 'not')])) === 'over';

t.test('a service ends after its time without a transfer on any listener, and accepts no more', async (t) => {
  const listeners = [await UdpListener.listen(), await UdpListener.listen()];
  const [first, second] = listeners as [UdpListener, UdpListener];
  const exit = new IdleExit(listeners, () => false, 300);
  await send(first, 'begin');
  await send(second, 'begin', 'begin');
  await setTimeout(500);
  t.notOk(await isOver(exit), 'not while there are transfers');
  await send(first, 'end');
  await send(second, 'end');
  await setTimeout(500);
  t.notOk(await isOver(exit), 'nor while there is one');
  const began = performance.now();
  await send(second, 'end');
  t.notOk(await isOver(exit));
  await exit.over;
  t.ok(performance.now() - began >= 290, 'the whole time passes');
  for (const { accepts } of listeners) t.notOk(accepts);
});

t.test('a service does not end while there is something to do, nor right after', async (t) => {
  const listener = await UdpListener.listen();
  let busy = true;
  const exit = new IdleExit([listener], () => busy, 200);
  await setTimeout(500);
  t.notOk(await isOver(exit));
  busy = false;
  for (let i = 0; i < 10; i++) {
    exit.touch();
    await setTimeout(50);
  }
  t.notOk(await isOver(exit), 'each event begins it anew');
  await exit.over;
  t.notOk(listener.accepts);
});

t.test('a closed idle exit does not end a service whose last transfer ends later', async (t) => {
  const listener = await UdpListener.listen();
  await send(listener, 'begin');
  const exit = new IdleExit([listener], () => false, 50);
  exit.close();
  await send(listener, 'end');
  await setTimeout(150);
  t.notOk(await isOver(exit));
  t.ok(listener.accepts);
  await listener.close(Promise.resolve());
});

t.test(
  'a stop accepts nothing new first, then stops the update, then waits for the last answers',
  async (t) => {
    const listener = await UdpListener.listen();
    await send(listener, 'begin');
    const service = {
      job: { id: '000001', kind: 'update' } as never,
      lastOutcome: 'interrupted' as const,
      close: async () => {
        t.notOk(listener.accepts, 'closed before the update is stopped');
        await setTimeout(20);
      },
    };
    const stopped = stopService([listener], service);
    await send(listener, 'begin');
    t.equal(await Promise.race([stopped, setTimeout(50, 'waits')]), 'waits');
    await send(listener, 'end');
    t.equal(await stopped, EXIT.interrupted, 'an update is left to be resumed');
    t.notOk(listener.busy, 'the transfer that came late was not taken');
  },
);

t.test('an HTTP listener is busy while a connection is open', async (t) => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const http = { endConnections: () => {}, endStreams: () => {} } as unknown as HttpService;
  const listener = new HttpListener(server, http, 'http://127.0.0.1');
  const changes: boolean[] = [];
  const seen = new Promise<void>((resolve) => {
    listener.watch(() => {
      changes.push(listener.busy);
      if (changes.length === 2) resolve();
    });
  });
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(server, 'connection');
  t.ok(listener.busy);
  socket.destroy();
  await seen;
  t.same(changes, [true, false]);
  await listener.close(Promise.resolve());
  t.notOk(server.listening);
  await listener.close(Promise.resolve());
});
