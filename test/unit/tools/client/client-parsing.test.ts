import * as fc from 'fast-check';
import t from 'tap';
import { addressOf, authorizationOf } from '../../../../src/tools/client/endpoint.js';
import { EventParser, type SseEvent } from '../../../../src/tools/client/event-parser.js';
import { offsetIn, pathOf } from '../../../../src/tools/client/sender.js';

t.test('addresses of services', (t) => {
  t.match(addressOf('http://127.0.0.1:8080'), {
    address: { host: '127.0.0.1', port: 8080 },
    tls: false,
    local: true,
  });
  t.match(addressOf('https://bmc/'), { address: { host: 'bmc', port: 443 }, tls: true, local: false });
  t.match(addressOf('http://[::1]:99'), { address: { host: '::1', port: 99 }, local: true });
  t.match(addressOf('unix:/run/s.sock'), { address: { socketPath: '/run/s.sock' }, local: true });
  t.equal(addressOf('http://127.example.com').local, false, 'a name that looks like loopback gets no token');
  const named = addressOf('http://ann:p%40ss@bmc');
  t.equal(named.secret, 'ann:p@ss');
  t.equal(named.name, 'http://bmc', 'no password in a message');
  for (const text of [
    'http://a%ff@bmc',
    'http://a:%zz@bmc',
    'bmc',
    'ftp://bmc',
    'unix:',
    'http://bmc/redfish',
    'http://bmc?x=1',
    '',
  ]) {
    t.throws(() => addressOf(text), { code: 'ERR_USAGE_ARGUMENT' }, text);
  }
  t.match(addressOf(`unix:/${'a'.repeat(106)}`), { local: true });
  t.throws(() => addressOf(`unix:/${'a'.repeat(107)}`), { message: /at most 107 bytes, and .* has 108/ });
  t.end();
});

t.test('a secret with a colon is a name and a password', (t) => {
  t.equal(authorizationOf('abc-_1'), 'Bearer abc-_1');
  t.equal(authorizationOf('ann:secret'), `Basic ${Buffer.from('ann:secret').toString('base64')}`);
  t.end();
});

t.test('queries that are not given are left out', (t) => {
  t.equal(pathOf('/v1/update', { only: null, trust: null }), '/v1/update');
  t.equal(pathOf('/v1/update', { only: 'a,b', check: 'sha256:x' }), '/v1/update?only=a%2Cb&check=sha256%3Ax');
  t.end();
});

t.test('events are the same however the stream is cut', (t) => {
  const text =
    ': hello\r\n\r\nid: 1-1\nevent: state\ndata: {"a":"\u00e4"}\n\ndata: one\ndata: two\n\nid: 2\n\n';
  const bytes = Buffer.from(text);
  const wanted = [
    { id: '1-1', type: 'state', data: '{"a":"\u00e4"}' },
    { id: '1-1', type: 'message', data: 'one\ntwo' },
  ];
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 8 }), (cuts) => {
      const found: SseEvent[] = [];
      const parser = new EventParser((event) => found.push(event));
      let from = 0;
      for (const cut of [...cuts.sort((a, b) => a - b), bytes.length]) {
        parser.take(bytes.subarray(from, cut));
        from = cut;
      }
      t.same(found, wanted);
    }),
  );
  t.end();
});

t.test('an event without end is given up, whatever it is made of', (t) => {
  for (const piece of ['data: x\n', 'data: ', 'data\n', 'x'.repeat(65_536), '\r\n: c\ndata:\n'.slice(2)]) {
    const parser = new EventParser(() => t.fail('an event that never ended'));
    const bytes = Buffer.from(piece.repeat(Math.ceil(65_536 / piece.length)));
    let taken = 0;
    t.throws(() => {
      for (; taken < 64 * 1024 * 1024; taken += bytes.length) parser.take(bytes);
    }, RangeError);
    t.ok(taken <= 32 * 1024 * 1024, `${JSON.stringify(piece.slice(0, 10))}: after ${taken} bytes`);
  }
  t.end();
});

t.test('a long event is read in time, however finely it is cut', (t) => {
  let length = 0;
  const parser = new EventParser(({ data }) => (length = data.length));
  const began = performance.now();
  for (const byte of Buffer.from(`data: ${'x'.repeat(300_000)}\n\n`)) parser.take(Buffer.of(byte));
  t.equal(length, 300_000);
  t.ok(performance.now() - began < 5000, 'a time that grows with its length, not with the square of it');
  t.end();
});

t.test('where an upload stands is a number of its bytes', (t) => {
  t.equal(offsetIn('0', 5), 0);
  t.equal(offsetIn('5', 5), 5);
  t.equal(offsetIn('7', null), 7);
  for (const text of [
    '6',
    '-1',
    '+1',
    '1e0',
    '0x1',
    '',
    ' 1',
    '01',
    'NaN',
    '9007199254740993',
    undefined,
    ['1', '1'],
  ]) {
    t.equal(offsetIn(text, 5), null, JSON.stringify(text));
  }
  t.end();
});
