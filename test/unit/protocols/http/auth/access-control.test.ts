/** Who gets in: passwords, tokens, guesses, pages of other sites. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import t from 'tap';
import { digestOf, holderOf, type Credentials } from '../../../../../src/protocols/http/auth/credentials.js';
import {
  AccessControl,
  type AccessControlOptions,
} from '../../../../../src/protocols/http/auth/access-control.js';
import { FailureBudget } from '../../../../../src/protocols/http/auth/failure-budget.js';
import { PasswordCheck } from '../../../../../src/protocols/http/auth/password-check.js';
import {
  hashPassword,
  isPassword,
  parsePasswordHash,
} from '../../../../../src/protocols/http/auth/password-hash.js';
import { peerOfAddress } from '../../../../../src/protocols/http/connection/peer.js';
import { isCrossSite, isOwnHost } from '../../../../../src/protocols/http/auth/sites.js';
import { PasswordCheckQueue } from '../../../../../src/protocols/http/auth/password-check-queue.js';
import type { ListenerContext } from '../../../../../src/protocols/http/exchange.js';
import type { Right } from '../../../../../src/service/roles.js';

const PASSWORD = 'correct horse';
const TOKEN = 'a'.repeat(32);

async function credentials(): Promise<Credentials> {
  const password = parsePasswordHash(await hashPassword(PASSWORD));
  if (password === null) throw new Error('no hash');
  return {
    users: new Map([
      ['alice', { role: 'Operator', password }],
      ['bob', { role: 'ReadOnly', password }],
    ]),
    tokens: [{ name: 'ci', role: 'Administrator', digest: digestOf(TOKEN) }],
  };
}

t.test(
  'a hash is of its password only, and one that costs too much or too little is not taken',
  async (t) => {
    const text = await hashPassword(PASSWORD);
    t.match(text, /^scrypt\$4096\$8\$1\$[\w-]{22}\$[\w-]{43}$/);
    t.not(text, await hashPassword(PASSWORD), 'each has a salt of its own');
    const hash = parsePasswordHash(text);
    if (hash === null) return t.fail('no hash');
    t.equal(await isPassword(PASSWORD, hash), true);
    t.equal(await isPassword(`${PASSWORD} `, hash), false);
    t.equal(await isPassword('', hash), false);
    const [, , , , salt, digest] = text.split('$');
    for (const cost of [
      '16384$8$1',
      '512$8$1',
      '4095$8$1',
      '4096$8$17',
      '4096$0$1',
      '1048576$1$1',
      '4096$8',
    ]) {
      t.equal(parsePasswordHash(`scrypt$${cost}$${salt}$${digest}`), null, cost);
    }
    for (const cost of ['1024$8$16', '8192$8$1', '65536$1$1']) {
      t.ok(parsePasswordHash(`scrypt$${cost}$${salt}$${digest}`), cost);
    }
    for (const other of ['', 'x', `bcrypt$1$1$1$${salt}$${digest}`, `${text}x`, text.slice(0, -1)]) {
      t.equal(parsePasswordHash(other), null, other);
    }
    return undefined;
  },
);

t.test('a token is found by its digest', async (t) => {
  const known = await credentials();
  t.same(holderOf(known, TOKEN), { name: 'ci', role: 'Administrator' });
  for (const wrong of ['', 'a'.repeat(31), 'a'.repeat(33), TOKEN.toUpperCase()])
    t.equal(holderOf(known, wrong), null);
});

t.test('guesses run out for one sender, come back with time, and are those of others never', async (t) => {
  let now = 0;
  const guesses = new FailureBudget(() => now);
  for (let i = 0; i < 10; i++) t.equal(guesses.take('a'), true);
  t.equal(guesses.take('a'), false);
  t.equal(guesses.secondsToWait('a'), 6);
  t.equal(guesses.take('b'), true);
  now += 6000;
  t.equal(guesses.take('a'), true);
  t.equal(guesses.take('a'), false);
  guesses.giveBack('a');
  t.equal(guesses.take('a'), true);
  now += 3_600_000;
  t.equal(guesses.left('a'), 10, 'no more than the first time');
  for (let i = 0; i < 2000; i++) guesses.take(`peer ${i}`);
  t.equal(guesses.left('peer 1999'), 9);
  t.equal(guesses.left('peer 0'), 10, 'forgotten: what is remembered is bounded');
});

t.test(
  'one check at a time; those who have guessed least come first, and nobody waits without end',
  async (t) => {
    const turns = new PasswordCheckQueue();
    const order: string[] = [];
    let running = 0;
    const check = (name: string) => async (): Promise<boolean> => {
      t.equal(++running, 1);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running--;
      order.push(name);
      return false;
    };
    const all = [
      turns.take('a', 0, true, check('first')),
      turns.take('a', 1, true, check('bad')),
      turns.take('b', 9, false, check('good')),
      turns.take('c', 9, false, check('good too')),
      turns.take('a', 1, true, check('worse')),
    ];
    await Promise.all(all);
    t.same(order, ['first', 'good', 'good too', 'bad', 'worse']);
    const many = Array.from({ length: 10 }, () => turns.take('a', 1, true, check('x')));
    t.equal(many.filter((turn) => turn === null).length > 3, true, 'of one sender few wait');
    const most = Array.from({ length: 60 }, (_, i) => turns.take(`p${i}`, 1, true, check('x')));
    t.ok(most.includes(null), 'and few of all together');
    await Promise.all([...many, ...most].filter((turn) => turn !== null));
  },
);

t.test(
  'a right password is paid for once; a wrong one, and a user who is not there, are told alike',
  async (t) => {
    let known = await credentials();
    let now = 0;
    const check = new PasswordCheck(
      () => known,
      () => now,
    );
    const alice = { name: 'alice', role: 'Operator' };
    const both = await Promise.all([
      check.identify('alice', PASSWORD, 'a'),
      check.identify('alice', PASSWORD, 'a'),
    ]);
    t.same(both, [alice, alice]);
    const wrong = await rejection(check.identify('alice', 'wrong', 'a'));
    const unknown = await rejection(check.identify('nobody', PASSWORD, 'a'));
    t.match(wrong, { code: 'ERR_BUSY_CREDENTIALS' });
    t.match(unknown, { code: 'ERR_BUSY_CREDENTIALS', message: wrong.message });
    for (let i = 0; i < 30; i++) await rejection(check.identify('alice', `wrong ${i}`, 'a'));
    t.match(await rejection(check.identify('alice', 'wrong', 'a')), { code: 'ERR_BUSY_GUESSES' });
    t.equal(check.secondsToWait('a'), 6);
    t.same(
      await check.identify('alice', PASSWORD, 'a'),
      alice,
      'a cached password is accepted without a check',
    );
    t.same(
      await check.identify('any', TOKEN, 'a'),
      { name: 'ci', role: 'Administrator' },
      'and a token always',
    );
    t.match(await rejection(check.identify('bob', PASSWORD, 'a')), { code: 'ERR_BUSY_GUESSES' });
    t.match(await check.identify('bob', PASSWORD, 'b'), { name: 'bob' }, 'another sender is not locked out');
    known = { users: new Map([...known.users].filter(([name]) => name !== 'alice')), tokens: [] };
    now += 60_000;
    t.match(
      await rejection(check.identify('alice', PASSWORD, 'b')),
      { code: 'ERR_BUSY_CREDENTIALS' },
      'taken away',
    );
    t.match(await rejection(check.identify('any', TOKEN, 'b')), { code: 'ERR_BUSY_CREDENTIALS' });
  },
);

t.test('an unknown user costs as much work as a wrong password', async (t) => {
  const known = await credentials();
  const names = ['alice', 'nobody'] as const;
  const least = { alice: Number.POSITIVE_INFINITY, nobody: Number.POSITIVE_INFINITY };
  // In turns, and processor time: how long it takes on a clock is up to who else is at work.
  for (let i = 0; i < 9; i++) {
    for (const name of names) {
      const check = new PasswordCheck(
        () => known,
        () => 0,
      );
      const before = process.cpuUsage();
      await rejection(check.identify(name, 'wrong', 'a'));
      const { user, system } = process.cpuUsage(before);
      least[name] = Math.min(least[name], user + system);
    }
  }
  const { alice: wrong, nobody: unknown } = least;
  t.ok(wrong > 1000, `${wrong} us`);
  t.ok(unknown > wrong / 2 && unknown < wrong * 2, `${unknown} us, ${wrong} us`);
});

t.test('senders are counted by address, those of IPv6 by their network', async (t) => {
  for (const [address, peer] of [
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['2001:db8:0:0:ffff::2', '2001:db8:0:0'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['::1', '0:0:0:0'],
  ] as const) {
    t.equal(peerOfAddress(address), peer, address);
  }
});

const message = (method: string, headers: Record<string, string>): IncomingMessage =>
  ({ method, headers, socket: { remoteAddress: '10.0.0.9' } }) as never;

t.test('what a page of another site sends is known', async (t) => {
  for (const [headers, cross] of [
    [{}, false],
    [{ 'sec-fetch-site': 'same-origin' }, false],
    [{ 'sec-fetch-site': 'none' }, false],
    [{ 'sec-fetch-site': 'same-site' }, true],
    [{ 'sec-fetch-site': 'cross-site' }, true],
    [{ origin: 'http://bmc:8080', host: 'bmc:8080' }, false],
    [{ origin: 'http://BMC:8080', host: 'bmc:8080' }, false],
    [{ origin: 'http://bmc:8081', host: 'bmc:8080' }, true],
    [{ origin: 'http://evil.example', host: 'bmc' }, true],
    [{ origin: 'null', host: 'bmc' }, true],
    [{ origin: 'http://bmc' }, true],
    [{ 'sec-fetch-site': 'same-origin', origin: 'https://outside', host: 'inside' }, false],
  ] as [Record<string, string>, boolean][]) {
    t.equal(isCrossSite(message('POST', headers)), cross, JSON.stringify(headers));
    t.equal(isCrossSite(message('GET', headers)), false, 'reading changes nothing');
  }
});

t.test('a name that somebody else could make point here is none of ours', async (t) => {
  for (const [host, own] of [
    ['127.0.0.1:8080', true],
    ['10.1.2.3', true],
    ['[::1]:8080', true],
    ['localhost:80', true],
    ['LOCALHOST', true],
    ['bmc.lan:8080', true],
    ['evil.example:8080', false],
    ['127.0.0.1.evil.example', false],
    ['1.evil', false],
  ] as const) {
    t.equal(isOwnHost(message('GET', { host }), ['BMC.lan']), own, host);
  }
  t.equal(isOwnHost(message('GET', {}), []), true, 'no browser leaves it out');
});

t.test('the gate lets in as far as roles go, and says in the head of a refusal how to get in', async (t) => {
  const known = await credentials();
  const TCP: ListenerContext = { kind: 'tcp', tls: false, role: null };
  const ask = async (
    request: IncomingMessage,
    right: Right,
    entrance = TCP,
    options: Partial<AccessControlOptions> = {},
  ): Promise<{ who?: string | null; code?: string; headers: Record<string, unknown> }> => {
    const gate = new AccessControl({
      credentials: () => known,
      open: null,
      names: [],
      certificates: new Map(),
      now: () => 0,
      ...options,
    });
    const headers: Record<string, unknown> = {};
    const response = { setHeader: (name: string, value: unknown) => void (headers[name] = value) };
    try {
      const who = await gate.admit(request, response as unknown as ServerResponse, right, entrance);
      return { who: who?.name ?? null, headers };
    } catch (thrown) {
      return { code: (thrown as { code: string }).code, headers };
    }
  };
  const basic = (user: string): Record<string, string> => ({
    authorization: `Basic ${Buffer.from(`${user}:${PASSWORD}`).toString('base64')}`,
  });
  t.match(await ask(message('POST', basic('alice')), 'write'), { who: 'alice' });
  t.match(await ask(message('GET', basic('bob')), 'read'), { who: 'bob' });
  t.match(await ask(message('POST', basic('bob')), 'write'), { code: 'ERR_BUSY_FORBIDDEN' });
  t.match(await ask(message('POST', { authorization: `bearer ${TOKEN}` }), 'write'), { who: 'ci' });
  const challenge = ['Bearer realm="sluice"', 'Basic realm="sluice", charset="UTF-8"'];
  for (const headers of [
    {},
    { authorization: 'Bearer x' },
    { authorization: 'Basic' },
    { authorization: 'Basic !' },
    { authorization: 'Digest x' },
    { authorization: `Basic ${Buffer.from('alice').toString('base64')}` },
  ] as Record<string, string>[]) {
    const refused = await ask(message('GET', headers), 'read');
    t.match(refused, { code: 'ERR_BUSY_CREDENTIALS', headers: { 'www-authenticate': challenge } });
  }
  const foreign = { ...basic('alice'), 'sec-fetch-site': 'cross-site' };
  t.match(await ask(message('POST', foreign), 'write'), { code: 'ERR_BUSY_FORBIDDEN' });

  const unix: ListenerContext = { kind: 'unix', tls: false, role: 'Operator' };
  t.match(await ask(message('POST', {}), 'write', unix), { who: 'local' });
  t.match(await ask(message('POST', {}), 'write', { ...unix, role: 'ReadOnly' }), {
    code: 'ERR_BUSY_FORBIDDEN',
  });
  t.match(await ask(message('POST', {}), 'write', { ...unix, role: null }), { code: 'ERR_BUSY_CREDENTIALS' });
  t.match(await ask(message('POST', { authorization: 'Bearer x' }), 'write', unix), {
    code: 'ERR_BUSY_CREDENTIALS',
  });

  const open = { open: 'read' } as const;
  t.match(await ask(message('GET', { host: '127.0.0.1' }), 'read', TCP, open), { who: null });
  t.match(await ask(message('POST', { host: '127.0.0.1' }), 'write', TCP, open), {
    code: 'ERR_BUSY_CREDENTIALS',
  });
  t.match(await ask(message('GET', { host: 'evil' }), 'read', TCP, open), { code: 'ERR_BUSY_FORBIDDEN' });
  t.match(await ask(message('POST', { host: '127.0.0.1' }), 'write', TCP, { open: 'write' }), { who: null });

  const certificate = (CN: unknown, authorized = true): IncomingMessage =>
    ({
      ...message('POST', { host: '127.0.0.1' }),
      socket: { authorized, getPeerCertificate: () => (CN === null ? {} : { subject: { CN } }) },
    }) as never;
  const roles = { certificates: new Map([['build', 'Operator']] as const) };
  const tls = { ...TCP, tls: true };
  t.match(await ask(certificate('build'), 'write', tls, roles), { who: 'build' });
  t.match(await ask(certificate('other'), 'write', tls, roles), { code: 'ERR_BUSY_CREDENTIALS' });
  t.match(await ask(certificate(['build', 'x']), 'write', tls, roles), { code: 'ERR_BUSY_CREDENTIALS' });
  t.match(await ask(certificate('build'), 'write', TCP, roles), { code: 'ERR_BUSY_CREDENTIALS' });

  // Wrong credentials are never none, where none would be enough.
  const everybody = { open: 'write', ...roles } as const;
  for (const headers of [
    { 'x-auth-token': 'a-session-that-is-over' },
    { authorization: '' },
    { authorization: 'Bearer' },
    { authorization: 'Bearer two words' },
    { authorization: 'Bearer x' },
    { authorization: 'Token abc' },
    { authorization: 'Digest username=x' },
    { authorization: 'Basic' },
  ] as Record<string, string>[]) {
    const request = message('POST', { host: '127.0.0.1', ...headers });
    const wrong = { code: 'ERR_BUSY_CREDENTIALS' };
    t.match(await ask(request, 'write', unix), wrong, JSON.stringify(headers));
    t.match(await ask(request, 'write', TCP, everybody), wrong, JSON.stringify(headers));
  }
  for (const wrong of [certificate('other'), certificate('build', false), certificate(undefined)])
    t.match(await ask(wrong, 'write', tls, everybody), { code: 'ERR_BUSY_CREDENTIALS' });
  t.match(await ask(certificate(null, false), 'write', tls, everybody), { who: null });
  const closed = { ...message('POST', { host: '127.0.0.1' }), socket: { getPeerCertificate: () => null } };
  t.match(await ask(closed as never, 'write', tls, roles), { code: 'ERR_BUSY_CREDENTIALS' });
});

async function rejection(promise: Promise<unknown>): Promise<{ code?: string; message: string }> {
  try {
    await promise;
  } catch (thrown) {
    return thrown as Error;
  }
  throw new Error('it was taken');
}
