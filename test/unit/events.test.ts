import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { asSluiceError } from '../../src/core/errors.js';
import type { Exchange } from '../../src/protocols/http/exchange.js';
import { EVENT_LIMITS, EventStreams, type EventLimits } from '../../src/protocols/v1/sse.js';
import { EventHub } from '../../src/service/events.js';
import type { ServiceState } from '../../src/service/service-state.js';
import { readEvents } from '../kit/event-reader.js';
import { until } from '../system/start.js';

t.test('a hub keeps the last events, and says so when some are missing', async (t) => {
  const hub = new EventHub();
  t.same(hub.since(hub.cursor), [], 'nothing has come after the beginning');
  const begin = hub.cursor;
  hub.publish('warning', { message: 'one' });
  const one = hub.cursor;
  hub.publish('warning', { message: 'two' });
  t.same(
    hub.since(begin)?.map(({ id, json }) => [id, json]),
    [
      [1, '{"message":"one"}'],
      [2, '{"message":"two"}'],
    ],
  );
  t.same(
    hub.since(one)?.map(({ id }) => id),
    [2],
  );
  for (let i = 0; i < 600; i++) hub.publish('progress', { i });
  t.equal(hub.since(begin), null, 'what was missed is not kept any more');
  t.equal(hub.since(hub.cursorOf({ id: 602 - 512 }))?.length, 512, 'all that is kept');
  t.equal(hub.since(hub.cursorOf({ id: 602 - 513 })), null, 'one of them is missing');
});

t.test('a hub keeps no more than some text, however few events it is', async (t) => {
  const hub = new EventHub();
  for (let i = 0; i < 10; i++) hub.publish('blocks', { text: 'x'.repeat(20_000) });
  t.equal(hub.since(hub.cursorOf({ id: 5 })), null);
  t.equal(hub.since(hub.cursorOf({ id: 6 }))?.length, 4);
});

t.test('where another run of the service stood, or nonsense, is nowhere', async (t) => {
  const [hub, other] = [new EventHub(), new EventHub()];
  for (let i = 0; i < 5; i++) for (const one of [hub, other]) one.publish('progress', { i });
  for (const cursor of [other.cursor, hub.cursorOf({ id: 6 }), '', '3', `${hub.cursor}0`, '../../etc', ' '])
    t.equal(hub.since(cursor), null, JSON.stringify(cursor));
});

interface Board {
  readonly url: string;
  readonly hub: EventHub;
  readonly streams: EventStreams;
  readonly responses: ServerResponse[];
}

/** Events on a server of their own, with limits that a test can reach. */
async function board(t: Test, limits: Partial<EventLimits> = {}): Promise<Board> {
  const hub = new EventHub();
  const state = (): ServiceState => ({ event: hub.cursor }) as ServiceState;
  const service = {
    events: hub,
    get state() {
      return state();
    },
  };
  const streams = new EventStreams(service, { ...EVENT_LIMITS, ...limits });
  const responses: ServerResponse[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    responses.push(response);
    const query = new URL(request.url ?? '', 'http://board').searchParams;
    try {
      streams.open({ request, response, query, principal: null } as unknown as Exchange);
    } catch (thrown) {
      response.writeHead(503);
      response.end(asSluiceError(thrown).code);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, hub, streams, responses };
}

t.test('a new watcher gets the state, then what happens', async (t) => {
  const { url, hub } = await board(t);
  hub.publish('warning', { message: 'before' });
  const reader = await readEvents(t, url);
  t.equal(reader.headers['content-type'], 'text/event-stream');
  const { id, data } = await reader.next('state');
  t.equal(id, hub.cursor);
  t.same(data, { event: id });
  hub.publish('warning', { message: 'after' });
  t.same((await reader.next('warning')).data, { message: 'after' });
  t.equal(reader.events.length, 2, 'what the state has seen is not told again');
});

t.test('a watcher who comes back gets what it has missed, by the header or by the query', async (t) => {
  const { url, hub } = await board(t);
  hub.publish('warning', { message: 'one' });
  const seen = hub.cursor;
  hub.publish('warning', { message: 'two' });
  const later = hub.cursor;
  hub.publish('warning', { message: 'three' });
  const told = async (path: string, headers = {}): Promise<unknown[]> => {
    const reader = await readEvents(t, url + path, headers);
    hub.publish('job', null);
    const last = hub.cursor;
    await until(() => reader.events.some(({ id }) => id === last), 'the newest event comes');
    reader.close();
    return reader.events.map(({ type, data }) => (type === 'warning' ? data.message : type));
  };
  t.same(await told('', { 'last-event-id': seen }), ['two', 'three', 'job']);
  t.same(await told(`?after=${seen}`), ['two', 'three', 'job', 'job']);
  t.same(
    await told(`?after=${seen}`, { 'last-event-id': later }),
    ['three', 'job', 'job', 'job'],
    'the header is newer than the address',
  );
  t.same(await told('', { 'last-event-id': '00000000-1' }), ['state', 'job'], 'of another run');
  for (let i = 0; i < 600; i++) hub.publish('progress', { i });
  t.same(await told('', { 'last-event-id': seen }), ['state', 'job'], 'not kept any more');
});

t.test('a watcher stays although the clock of the board is set', async (t) => {
  const { url, hub, streams } = await board(t, { heartbeat: 10 });
  const reader = await readEvents(t, url);
  await reader.next('state');
  const now = Date.now();
  t.intercept(Date, 'now', { value: () => now + 86_400_000 });
  await setTimeout(60);
  hub.publish('warning', { message: 'still here' });
  t.same((await reader.next('warning')).data, { message: 'still here' });
  t.equal(streams.watchers, 1);
});

t.test('a watcher who has missed much gets the state instead', async (t) => {
  const { url, hub } = await board(t);
  const seen = hub.cursor;
  for (let i = 0; i < 4; i++) hub.publish('blocks', { text: 'x'.repeat(10_000) });
  const reader = await readEvents(t, url, { 'last-event-id': seen });
  await reader.next('state');
  t.equal(reader.events.length, 1);
});

t.test('a reader that does not read is cut off, and nothing piles up for it', async (t) => {
  const { url, hub, streams, responses } = await board(t);
  const slow = await readEvents(t, url);
  await slow.next('state');
  const { id } = slow.events[0] ?? { id: '' };
  slow.response.pause();
  const quick = await readEvents(t, url);
  let most = 0;
  let events = 0;
  // The kernel takes some megabytes on loopback before the socket is full.
  while (streams.watchers === 2 && events < 4000) {
    hub.publish('blocks', { text: 'x'.repeat(8000) });
    events++;
    most = Math.max(most, responses[0]?.writableLength ?? 0);
    if (events % 8 === 0) await setTimeout(1);
  }
  t.equal(streams.watchers, 1, `cut off after ${events} events`);
  t.ok(most < EVENT_LIMITS.backlog + 3 * 8192, `at most ${most} bytes waited for it`);
  slow.response.resume();
  await until(() => slow.ended, 'it notices');
  await until(() => quick.events.length === events + 1, 'the other one has got all');
  const again = await readEvents(t, url, { 'last-event-id': id });
  await again.next('state');
  t.equal(streams.watchers, 2, 'it may come back');
});

t.test('requests of one turn cannot get the same place', async (t) => {
  const service = { events: new EventHub(), state: {} as ServiceState };
  const streams = new EventStreams(service, { ...EVENT_LIMITS, watchers: 2 });
  const open = (role: string): PassThrough => {
    const response = Object.assign(new PassThrough(), { writeHead: () => {}, setHeader: () => {} });
    const request = { method: 'GET', headers: {}, socket: { setKeepAlive: () => {} } };
    const principal = { name: role, role };
    streams.open({ request, response, query: new URLSearchParams(), principal } as unknown as Exchange);
    return response;
  };
  const readers = [open('ReadOnly'), open('ReadOnly')];
  const [first, second] = [open('Administrator'), open('Administrator')];
  t.equal(streams.watchers, 2);
  t.same(
    readers.map(({ destroyed }) => destroyed),
    [true, true],
  );
  t.throws(() => open('ReadOnly'), { code: 'ERR_BUSY_WATCHERS' });
  await new Promise(setImmediate);
  service.events.publish('warning', { message: 'still here' });
  for (const response of [first, second]) {
    t.match(String(response.read()), /still here/);
    response.destroy();
  }
  await until(() => streams.watchers === 0, 'the timer is gone');
});

t.test('there are only so many places, and one that leaves makes room', async (t) => {
  const { url, streams, hub } = await board(t, { watchers: 2 });
  const [first] = await Promise.all([readEvents(t, url), readEvents(t, url)]);
  const refused = httpRequest(url, { agent: false }).end();
  const [answer] = (await once(refused, 'response')) as [IncomingMessage];
  t.equal(answer.statusCode, 503);
  t.equal(answer.headers['retry-after'], '15');
  t.equal(String((await answer.toArray())[0]), 'ERR_BUSY_WATCHERS');
  first.close();
  await until(() => streams.watchers === 1, 'it has left');
  t.equal((await readEvents(t, url)).status, 200);
  t.equal(hub.listeners, 1, 'the hub is listened to once, not once a watcher');
});

t.test('a heartbeat is sent to those who watch; when nobody does, nothing listens', async (t) => {
  const { url, streams, hub } = await board(t, { heartbeat: 30 });
  t.equal(hub.listeners, 0);
  const reader = await readEvents(t, url);
  await until(() => reader.comments >= 3, 'heartbeats come');
  t.equal(reader.events.length, 1, 'which are no events');
  reader.close();
  await until(() => streams.watchers === 0, 'it has left');
  t.equal(hub.listeners, 0);
});

t.test('after its lifetime a watcher has to come back, with its credentials', async (t) => {
  const { url } = await board(t, { heartbeat: 20, lifetime: 50 });
  const reader = await readEvents(t, url);
  await until(() => reader.ended, 'it is over');
  t.ok(reader.response.complete, 'ended in order, not cut');
});

t.test('HEAD is answered, and takes no place', async (t) => {
  const { url, streams } = await board(t);
  const request = httpRequest(url, { agent: false, method: 'HEAD' }).end();
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  t.equal(answer.headers['content-type'], 'text/event-stream');
  answer.resume();
  await once(answer, 'end');
  t.equal(streams.watchers, 0);
});
