import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { inheritedSockets } from '../../../../../src/host/node/systemd/listen-fds.js';
import { Notifier } from '../../../../../src/host/node/systemd/notify.js';
import { Watchdog } from '../../../../../src/host/node/systemd/watchdog.js';
import { jobLine } from '../../../../../src/daemon/job-line.js';
import { progressCheck, Supervision } from '../../../../../src/daemon/supervision.js';
import { EventHub } from '../../../../../src/service/events.js';
import type { JobState } from '../../../../../src/service/service-state.js';

const silent = (): void => {};

const systemError = (code: string): Error => Object.assign(new Error(`${code}: no`), { code });

t.test('sockets that are handed over', (t) => {
  t.test('are none without the variables, for another process, or a second time', async (t) => {
    t.same(inheritedSockets({}, 7), []);
    const env: NodeJS.ProcessEnv = { LISTEN_FDS: '1', LISTEN_PID: '8', LISTEN_FDNAMES: 'http', PATH: '/bin' };
    t.same(inheritedSockets(env, 7), []);
    t.same(env, { PATH: '/bin' }, 'nobody else takes them for his');
  });

  t.test('are refused when they are not there, or no sockets', async (t) => {
    const of = (said: string) => () => inheritedSockets({ LISTEN_FDS: said, LISTEN_PID: '7' }, 7);
    for (const said of ['', '-1', 'x', '1e3', '65', ' 1'])
      t.throws(of(said), { code: 'ERR_USAGE_LISTEN' }, said);
    t.same(of('0')(), []);
    // Of a test runner 3 may be anything; in a process of its own it is what is put there.
    const script = `const { inheritedSockets } = await import(process.argv[1]);
      for (let n = 1; n <= 3; n++) {
        try { console.log(JSON.stringify(inheritedSockets({ LISTEN_FDS: String(n), LISTEN_PID: '7', LISTEN_FDNAMES: 'http:' }, 7))); }
        catch (error) { console.log(error.code, error.message); }
      }`;
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
    const file = openSync('/dev/null', 'r');
    t.teardown(() => {
      server.close();
      closeSync(file);
    });
    const module = new URL('../../../../../src/host/node/systemd/listen-fds.ts', import.meta.url).href;
    const out = execFileSync(
      process.execPath,
      [...process.execArgv, '--input-type=module', '-e', script, module],
      { stdio: ['ignore', 'pipe', 'inherit', fd, fd, file] },
    );
    t.same(out.toString().trim().split('\n'), [
      '[{"fd":3,"name":"http"}]',
      '[{"fd":3,"name":"http"},{"fd":4,"name":"unknown"}]',
      'ERR_USAGE_LISTEN inherited descriptor 5 is not a socket',
    ]);
  });
  t.end();
});

t.test('a notifier', (t) => {
  t.test('is made of the environment, which it leaves clean', async (t) => {
    t.equal(Notifier.of({}, 7, silent), null);
    t.equal(Notifier.of({ NOTIFY_SOCKET: '' }, 7, silent), null);
    const env: NodeJS.ProcessEnv = { NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7' };
    const notifier = Notifier.of(env, 7, silent);
    t.same(env, {});
    t.ok(notifier);
    const other = Notifier.of({ NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '1000', WATCHDOG_PID: '8' }, 7, silent);
    t.equal(other?.watchdog, null, 'the watchdog of another process');
  });

  t.test('says each thing in a datagram of its own, and no status twice', async (t) => {
    const sent: [string, string][] = [];
    const send = (path: string, text: string): void => void sent.push([path, text]);
    const notifier = new Notifier({ socket: '@x', watchdog: 30_000, send, log: silent });
    t.equal(notifier.watchdog, 30_000);
    notifier.ready('waits');
    notifier.status('waits');
    notifier.status('works\nREADY=0\x1b[1m');
    notifier.alive();
    notifier.extend(1500.2);
    notifier.stopping('ends');
    t.same(
      sent.map(([, text]) => text),
      [
        'READY=1\nSTATUS=waits',
        'STATUS=works READY=0 [1m',
        'WATCHDOG=1',
        'EXTEND_TIMEOUT_USEC=1501000',
        'STOPPING=1\nSTATUS=ends',
      ],
    );
    t.ok(sent.every(([path]) => path === '@x'));
  });

  t.test('tries again what must arrive where the supervisor is behind, in its order', async (t) => {
    const sent: string[] = [];
    let behind = 3;
    const send = (_path: string, text: string): void => {
      if (behind-- > 0) throw systemError('EAGAIN');
      sent.push(text.split('\n')[0] ?? '');
    };
    const notifier = new Notifier({ socket: '/x', send, log: (message) => t.fail(message) });
    notifier.ready('a');
    notifier.status('b');
    notifier.alive();
    notifier.stopping('c');
    t.same(sent, []);
    while (sent.length < 2) await setTimeout(20);
    t.same(sent, ['READY=1', 'STOPPING=1']);
  });

  t.test('never throws, and complains once for each reason', async (t) => {
    const log: string[] = [];
    let code = 'ECONNREFUSED';
    const send = (): void => {
      throw systemError(code);
    };
    const notifier = new Notifier({ socket: '/x', send, log: (message) => log.push(message) });
    notifier.ready('a');
    notifier.alive();
    notifier.status('b');
    code = 'EPERM';
    notifier.alive();
    notifier.alive();
    t.equal(log.length, 2);
    t.match(log, [/cannot be notified: ECONNREFUSED/, /EPERM/]);
  });

  t.test('says ready by systemd-notify where the addon is not built, and expects no watchdog', async (t) => {
    const dir = t.testdir({
      'systemd-notify': `#!/bin/sh\necho "$NOTIFY_SOCKET $*" > ${t.testdirName}/said\n`,
    });
    execFileSync('chmod', ['+x', `${dir}/systemd-notify`]);
    const { PATH } = process.env;
    process.env['PATH'] = `${dir}:${PATH}`;
    t.teardown(() => void (process.env['PATH'] = PATH));
    const log: string[] = [];
    const notifier = new Notifier({ socket: '/n', watchdog: 10, send: null, log: (line) => log.push(line) });
    t.equal(notifier.watchdog, null);
    notifier.ready('a');
    notifier.alive();
    notifier.status('b');
    for (let left = 500; left > 0 && !existsSync(`${dir}/said`); left--) await setTimeout(10);
    await setTimeout(20);
    t.equal(execFileSync('cat', [`${dir}/said`]).toString(), '/n --ready WATCHDOG_USEC=0\n');
    t.match(log, [/watchdog and status of systemd are disabled/]);
    t.equal(log.length, 1);
  });
  t.end();
});

t.test('the watchdog', (t) => {
  t.test('is fed at half its time from the event loop, also after a stall of it', async (t) => {
    const signs: number[] = [];
    const watchdog = new Watchdog(
      800,
      () => signs.push(performance.now()),
      () => true,
      silent,
    );
    t.equal(signs.length, 1, 'at once');
    await setTimeout(450);
    const until = performance.now() + 100;
    while (performance.now() < until);
    await setTimeout(1100);
    watchdog.close();
    const count = signs.length;
    t.ok(count >= 4, `${count} signs in 1.65 seconds`);
    const gaps = signs.slice(1).map((at, index) => at - (signs[index] ?? 0));
    t.ok(Math.max(...gaps) < 800, `gaps of ${gaps.map(Math.round).join(', ')} ms`);
    await setTimeout(500);
    t.equal(signs.length, count, 'and not after its end');
  });

  t.test('is not fed while nothing moves, which is said once', async (t) => {
    let signs = 0;
    let alive = false;
    const log: string[] = [];
    const watchdog = new Watchdog(
      40,
      () => signs++,
      () => alive,
      (line) => log.push(line),
    );
    await setTimeout(150);
    t.equal(signs, 0);
    alive = true;
    await setTimeout(150);
    watchdog.close();
    t.ok(signs > 0);
    t.match(log, [/makes no progress/, /makes progress again/]);
    t.equal(log.length, 2);
  });

  t.test('takes a job as stuck that shows nothing for long, and nothing else', (t) => {
    const events = new EventHub();
    const service = { events, busy: false, waiting: false };
    let now = 0;
    const moves = progressCheck(service, 1000, () => now);
    const at = (time: number): boolean => {
      now = time;
      return moves();
    };
    t.ok(at(0));
    t.ok(at(50_000), 'idle for long');
    service.busy = true;
    t.ok(at(50_900));
    t.notOk(at(51_100));
    events.publish('progress', {});
    t.ok(at(60_000), 'it has come back');
    t.ok(at(60_999));
    t.notOk(at(61_000));
    service.waiting = true;
    t.ok(at(80_000), 'the job waits for its client');
    service.waiting = false;
    t.ok(at(80_999));
    t.notOk(at(81_000));
    service.busy = false;
    t.ok(at(99_000));
    t.end();
  });
  t.end();
});

t.test('the status line says how far a job is', (t) => {
  const job: JobState = {
    id: '1',
    kind: 'update',
    from: { via: 'http', peer: null, user: null },
    only: null,
    phase: 'receiving',
    percent: 74,
    received: 3 * 2 ** 20,
    total: 4 * 2 ** 20 + 1,
    rate: 2 ** 20,
    secondsLeft: 2,
    partitions: { kernel: { blocks: 8, done: 8 }, rofs: { blocks: 12, done: 5 } },
  };
  t.equal(jobLine(null), 'waiting for an update');
  t.equal(jobLine(job), 'update: receiving, 74 %, rofs 5 of 12 blocks, 1.0 MiB/s, 2 s left');
  t.equal(
    jobLine({
      ...job,
      kind: 'check',
      percent: null,
      total: null,
      rate: 0,
      secondsLeft: null,
      partitions: {},
    }),
    'check: receiving, 3.0 MiB received',
  );
  t.end();
});

t.test('without a supervisor there is nothing to tell and no end', async (t) => {
  const { NOTIFY_SOCKET } = process.env;
  delete process.env['NOTIFY_SOCKET'];
  t.teardown(() => {
    if (NOTIFY_SOCKET !== undefined) process.env['NOTIFY_SOCKET'] = NOTIFY_SOCKET;
  });
  const service = { events: new EventHub(), busy: false, waiting: false, job: null };
  const supervision = await Supervision.begin({ service, listeners: [], idleExit: null, log: silent });
  t.equal(service.events.listeners, 0);
  await supervision.stop(Promise.resolve());
});
