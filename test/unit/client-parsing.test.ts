import * as fc from 'fast-check';
import t from 'tap';
import { addressOf, authorizationOf } from '../../src/cli/client/endpoint.js';
import { EventParser, type SseEvent } from '../../src/cli/client/event-parser.js';
import { pathOf } from '../../src/cli/client/sender.js';

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
  for (const text of ['bmc', 'ftp://bmc', 'unix:', 'http://bmc/redfish', 'http://bmc?x=1', '']) {
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
