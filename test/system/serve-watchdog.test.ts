/** What `sluice serve` tells its supervisor while it works, and when it is told to stop. */
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { curl } from '../kit/serve-kit.js';
import { noActivator } from '../kit/systemd/activator.js';
import { ask, now, site } from '../kit/systemd/site.js';
import { until } from './start.js';

const skip = noActivator();

t.test('the watchdog is fed, and the status told, through erases of 3 seconds', { skip }, async (t) => {
  const watchdog = 1000;
  const sim = ['--timing', 'n25q256a', '--scale', '4.3'];
  const at = await site(t, { sim, watchdog, config: { idleExit: 1 } });
  await ask(at.port);
  const url = `http://127.0.0.1:${at.port}/v1/update`;
  const began = now();
  const run = await curl('-H', `Authorization: Bearer ${at.token}`, '-T', at.bundle(2), url);
  const took = now() - began;
  t.match(run.json, { outcome: 'committed' }, run.stdout);
  t.ok(took > 6000, `two erases took ${Math.round(took)} ms`);
  t.equal(at.of('exit').length, 0, 'longer than the time after which an idle service ends');
  const signs = at.of('notify').filter(({ text }) => text === 'WATCHDOG=1');
  const gaps = signs.slice(1).map(({ at: time }, index) => time - (signs[index]?.at ?? 0));
  const longest = Math.max(...gaps);
  t.comment(`${signs.length} signs of life, at most ${Math.round(longest)} ms between them`);
  t.ok(longest < watchdog, `${Math.round(longest)} ms`);
  t.ok(signs.length > took / watchdog);
  const status = at.of('notify').filter(({ text }) => text.startsWith('STATUS='));
  t.ok(status.length >= 2 && status.length < (took / 1000) * 4, `${status.length} in ${Math.round(took)} ms`);
  t.ok(status.some(({ text }) => /^STATUS=update: \w+, \d+ %, kernel \d of 2 blocks/.test(text)));
  await until(() => at.notes.at(-1) === 'WATCHDOG=1' && status.length > 0, 'signs go on');
  await until(() => at.of('exit').length === 1, 'it ends when it has nothing to do');
  t.equal(at.of('exit')[0]?.text, '0');
});

t.test('a stop in the middle of an erase says so, and waits for it', { skip }, async (t) => {
  const at = await site(t, { sim: ['--timing', 'n25q256a', '--scale', '2'] });
  await ask(at.port);
  const url = `http://127.0.0.1:${at.port}/v1/update`;
  const sent = curl('-H', `Authorization: Bearer ${at.token}`, '-T', at.bundle(4), url);
  await until(() => at.notes.some((note) => /\b1 of 4 blocks/.test(note)), 'a block is written');
  await setTimeout(200);
  const stopped = at.stop();
  const run = await sent;
  t.match(run.json, { outcome: 'interrupted', flash: 'partial' });
  await stopped;
  t.match(at.notes.at(-1), /^STOPPING=1/);
  t.equal(at.of('exit')[0]?.text, '7', 'an update is left to be gone on with');
});
