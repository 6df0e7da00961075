/** The addon node-systemd on real sockets. */
import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { loadSend } from '../../src/host/node/systemd/addon.js';
import { Notifier } from '../../src/host/node/systemd/notify.js';
import { until } from '../system/start.js';
import { scratch } from '../system/stock-bundle.js';
import { compiler } from './addon.js';

const canBuild = process.platform === 'linux' && compiler() !== null;
if (loadSend() === null && canBuild) {
  const script = fileURLToPath(new URL('../../native-shims/node-systemd/build.mjs', import.meta.url));
  execFileSync(process.execPath, [script], { stdio: ['ignore', 'ignore', 'inherit'] });
}
const send = loadSend();
// Built and not found is a failure.
const skip = send === null && !canBuild && 'the addon is not built, and there is no C compiler';

/** Prints each datagram as a line of JSON; an abstract name is given with @, as NOTIFY_SOCKET has it. */
const RECEIVER = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace('@', '\\0', 1))
print('ready', flush=True)
while True: print(json.dumps(s.recv(8192).decode()), flush=True)
`;

const noPython = ((): string | false => {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'there is no python3 to receive with';
  }
})();

async function receiver(t: Test, path: string): Promise<() => string[]> {
  const child = spawn('python3', ['-c', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => void child.kill());
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  await until(() => said.startsWith('ready\n'), 'somebody receives');
  return () =>
    said
      .split('\n')
      .slice(1, -1)
      .map((line) => JSON.parse(line) as string);
}

t.test(
  'a text arrives as one datagram, at a path and at an abstract name',
  { skip: skip || noPython },
  async (t) => {
    const longest = 'x'.repeat(4096);
    for (const path of [join(scratch(t), 'n'), `@sluice-${process.pid}`]) {
      const received = await receiver(t, path);
      send?.(path, 'READY=1\nSTATUS=grün ✓');
      send?.(path, longest);
      send?.(path, '');
      await until(() => received().length === 3, 'all have come');
      t.same(received(), ['READY=1\nSTATUS=grün ✓', longest, '']);
    }
  },
);

t.test('what cannot be sent is an error with its errno', { skip }, async (t) => {
  const dir = scratch(t);
  writeFileSync(join(dir, 'file'), '');
  const fails = (path: string, code: string): void => {
    t.throws(() => send?.(path, 'x'), { code, syscall: 'sendto', path }, `${path.slice(0, 40)}: ${code}`);
  };
  fails(join(dir, 'none'), 'ENOENT');
  fails(join(dir, 'file'), 'ECONNREFUSED');
  fails(`@sluice-nobody-${process.pid}`, 'ECONNREFUSED');
  fails(`@${'x'.repeat(107)}`, 'ECONNREFUSED');
  const stream = createServer().listen(join(dir, 'stream'));
  t.teardown(() => stream.close());
  await new Promise((resolve) => stream.once('listening', resolve));
  fails(join(dir, 'stream'), 'EPROTOTYPE');
});

t.test('wrong arguments are refused before anything is sent', { skip }, (t) => {
  const call = send as unknown as (...args: unknown[]) => void;
  const long = 'x'.repeat(108);
  for (const path of [undefined, 7, '', '/', '@', 'relative', '/a\0b', `/${long}`, `@${long}`]) {
    t.throws(() => call(path, 'x'), { code: 'ERR_INVALID_ARG_TYPE', message: /argument 1/ });
  }
  for (const text of [undefined, 7, 'x'.repeat(4097), 'ü'.repeat(2049)]) {
    t.throws(() => call('/x', text), { code: 'ERR_INVALID_ARG_TYPE', message: /argument 2/ });
  }
  t.end();
});

t.test('a receiver that is behind holds nobody up', { skip: skip || noPython }, async (t) => {
  const path = join(scratch(t), 'n');
  const script = `import socket, sys, time\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\ntime.sleep(60)`;
  const child = spawn('python3', ['-c', script, path], { stdio: 'ignore' });
  t.teardown(() => void child.kill());
  await until(() => existsSync(path), 'it is bound');
  const began = performance.now();
  t.throws(
    () => {
      for (let n = 0; n < 100_000; n++) send?.(path, 'WATCHDOG=1');
    },
    { code: 'EAGAIN' },
  );
  t.ok(performance.now() - began < 5000);
  const notifier = new Notifier({ socket: path, log: (message) => t.fail(message) });
  notifier.status('not even a complaint');
});

t.test('Node has no such sockets itself, which is why there is an addon', (t) => {
  t.throws(() => createSocket('unix_dgram' as 'udp4'), { code: 'ERR_SOCKET_BAD_TYPE' });
  t.end();
});
