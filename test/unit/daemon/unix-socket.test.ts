/** Unix sockets whose permissions let every user in. */
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { addressOf } from '../../../src/daemon/addresses.js';
import { requireGuarded } from '../../../src/daemon/unix-socket.js';

const code = 'ERR_USAGE_LISTEN';

t.test('an inherited socket that every user may connect to is refused', async (t) => {
  // The path of a socket is short.
  const folder = mkdtempSync(join(tmpdir(), 'sluice-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'x.sock');
  const fdOf = async (name: string): Promise<number> => {
    const server = createServer().listen(name);
    t.teardown(() => server.close());
    await once(server, 'listening');
    return (server as unknown as { _handle: { fd: number } })._handle.fd;
  };
  const fd = await fdOf(path);
  for (const mode of [0o600, 0o660]) {
    chmodSync(path, mode);
    requireGuarded(fd);
  }
  for (const mode of [0o666, 0o777, 0o662]) {
    chmodSync(path, mode);
    t.throws(() => requireGuarded(fd), { code, message: /every user may connect to .*SocketMode=0660/ });
  }
  const abstract = await fdOf(`\0sluice-test-${process.pid}`);
  t.throws(() => requireGuarded(abstract), { code, message: /are not known/ });
});

t.test('a socket of our own that lets every user in needs a role in so many words', async (t) => {
  const unix = '/run/x.sock';
  t.throws(() => addressOf({ unix, mode: '0666' }, false), { code, message: /"role"/ });
  t.match(addressOf({ unix, mode: '0666', role: 'none' }, false), { role: null });
  t.match(addressOf({ unix, mode: '0660' }, false), { role: 'Operator' });
});
