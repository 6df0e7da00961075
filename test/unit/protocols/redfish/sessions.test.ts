import type { IncomingMessage } from 'node:http';
import t from 'tap';
import { SessionStore } from '../../../../src/protocols/redfish/sessions.js';

const MINUTE = 60_000;
const alice = { name: 'alice', role: 'Operator' } as const;
const asking = (token: string): IncomingMessage =>
  ({ headers: { 'x-auth-token': token } }) as unknown as IncomingMessage;

t.test('a session ends 30 minutes after its last use, and after a day in any case', (t) => {
  let now = 0;
  const sessions = new SessionStore(() => now);
  const { session, token } = sessions.begin(alice, '192.0.2.1');
  for (; now < 24 * 60 * MINUTE; now += 25 * MINUTE) {
    t.same(sessions.identify(asking(token)), alice);
  }
  t.throws(() => sessions.identify(asking(token)), { code: 'ERR_BUSY_CREDENTIALS' });
  t.equal(sessions.find(session.id), null);
  const idle = sessions.begin(alice, null);
  now += 31 * MINUTE;
  t.throws(() => sessions.identify(asking(idle.token)), { code: 'ERR_BUSY_CREDENTIALS' });
  t.strictSame(sessions.all, []);
  t.end();
});

t.test('the session that was used least lately makes room, if it was quiet for a minute', (t) => {
  let now = 0;
  const sessions = new SessionStore(() => now);
  const all = Array.from({ length: 32 }, () => sessions.begin(alice, null));
  t.throws(() => sessions.begin(alice, null), RangeError);
  now += 2 * MINUTE;
  for (const { token } of all.filter((_session, at) => at !== 5)) sessions.identify(asking(token));
  const fresh = sessions.begin(alice, null);
  t.same(sessions.identify(asking(fresh.token)), alice);
  t.throws(() => sessions.identify(asking(all[5]?.token ?? '')), { code: 'ERR_BUSY_CREDENTIALS' });
  t.throws(() => sessions.begin(alice, null), RangeError);
  t.end();
});

t.test('a request without a token is for the other schemes', (t) => {
  const sessions = new SessionStore(() => 0);
  t.equal(sessions.identify({ headers: {} } as unknown as IncomingMessage), null);
  t.end();
});

t.test('a session ends when the credentials that it was made with are changed', (t) => {
  let standing = 'Operator 1';
  const sessions = new SessionStore(
    () => 0,
    ({ name }) => (name === 'alice' ? standing : ''),
  );
  const hers = sessions.begin(alice, null);
  const his = sessions.begin({ name: 'bob', role: 'Operator' }, null);
  t.same(sessions.identify(asking(hers.token)), alice);
  standing = '';
  t.throws(() => sessions.identify(asking(hers.token)), { code: 'ERR_BUSY_CREDENTIALS' });
  t.match(sessions.identify(asking(his.token)), { name: 'bob' }, 'those of others go on');
  t.same(
    sessions.all.map(({ id }) => id),
    [his.session.id],
  );
  standing = 'Operator 1';
  t.throws(() => sessions.identify(asking(hers.token)), { code: 'ERR_BUSY_CREDENTIALS' }, 'for good');
  t.end();
});
