/** `sluice serve` as sluice.socket starts it: by a connection, gone when nobody needs it, none lost between. */
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { noActivator } from '../kit/systemd/activator.js';
import { ask, emptyNode, isHealthy, site } from '../kit/systemd/site.js';
import { until } from './start.js';

const skip = noActivator();

t.test(
  'a connection starts the service, which answers it within 200 ms, or twice what an empty node takes',
  { skip },
  async (t) => {
    const at = await site(t, { config: { idleExit: 1 } });
    t.equal(at.of('start').length, 0, 'nothing is resident before');
    const times: number[] = [];
    const limits: number[] = [];
    const inTime = (): boolean => times.some((time, round) => time < (limits[round] ?? 0));
    for (let n = 1; n <= 8 && !inTime(); n++) {
      // On a machine that is busy with other things it is measured by what an empty program takes there.
      limits.push(Math.max(200, 2 * Math.min(emptyNode(), emptyNode())));
      const got = await ask(at.port);
      t.ok(isHealthy(got), got.text);
      times.push(got.first);
      await until(() => at.of('exit').length === n, 'the service ends');
    }
    const [list, allowed] = [times, limits].map((all) => all.map(Math.round).join(', '));
    t.comment(`first byte after ${list} ms; allowed ${allowed}`);
    t.ok(inTime(), `${list} ms, allowed ${allowed}`);
    const first = at.said.filter(({ number }) => number === at.of('start')[0]?.number);
    t.match(
      first.map(({ what, text }) => `${what} ${text}`),
      ['start ', /^notify READY=1;STATUS=waiting for an update$/, /^notify STOPPING=1;STATUS=/, 'exit 0'],
      'the process that was started speaks, and ends well',
    );
  },
);

t.test('all sockets that are handed over are served, a unix socket too', { skip }, async (t) => {
  const at = await site(t, {});
  t.ok(isHealthy(await ask(at.local)));
  t.ok(isHealthy(await ask(at.port)));
  t.equal(at.of('start').length, 1);
});

t.test('no connection is lost when the service ends for want of work', { skip }, async (t) => {
  const at = await site(t, { config: { idleExit: 1 } });
  let answers = 0;
  let asked = 0;
  const request = async (): Promise<void> => {
    asked++;
    if (isHealthy(await ask(at.port))) answers++;
  };
  const running: Promise<void>[] = [];
  await request();
  for (let round = 0; round < 5; round++) {
    // Senders that come one after the other around the end of the second, until it has ended.
    const exits = at.of('exit').length;
    await setTimeout(960);
    if (round % 2 === 0) {
      await until(() => at.notes.filter((note) => note.startsWith('STOPPING')).length > exits, 'it stops');
      for (let n = 0; n < 4; n++) running.push(request());
    } else {
      for (let n = 0; n < 12; n++) {
        running.push(request());
        await setTimeout(8);
      }
    }
    await Promise.all(running.splice(0));
  }
  t.equal(answers, asked);
  t.ok(at.of('start').length >= 3, `${at.of('start').length} starts, ${asked} requests`);
  t.ok(at.of('exit').every(({ text }) => text === '0'));
});
