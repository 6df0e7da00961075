import { once } from 'node:events';
import { chmodSync, chownSync, lstatSync, readFileSync, statSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { errnoOf } from '../core/errors.js';
import { systemFailure } from '../core/system-reason.js';
import { refusal, type Address } from './addresses.js';

type UnixAddress = Extract<Address, { kind: 'unix' }>;

/** Keeps everybody else out until the socket has its own permissions. */
const PRIVATE = 0o177;

/** Bits of a mode: somebody else may write; and each may only take away what is their own. */
const WRITABLE = 0o022;
const STICKY = 0o1000;

/**
 * Listens on a unix socket. What an earlier run has left behind is taken away when nobody listens on it any more.
 * @throws SluiceError ERR_USAGE_LISTEN
 */
export async function listenUnix(server: Server, { path, mode, group }: UnixAddress): Promise<void> {
  requireSafeFolder(path);
  await removeStale(path);
  const gid = group === null ? null : gidOf(group);
  try {
    const before = process.umask(PRIVATE);
    try {
      server.listen({ path });
    } finally {
      process.umask(before);
    }
    await once(server, 'listening');
    if (gid !== null) chownSync(path, process.getuid?.() ?? 0, gid);
    chmodSync(path, mode);
  } catch (cause) {
    server.close();
    throw systemFailure('ERR_USAGE_LISTEN', `cannot listen on unix:${path}`, cause);
  }
}

/**
 * Who can rename what is in a folder can put something else in the place of the socket, and would have its owner and
 * mode changed.
 */
function requireSafeFolder(path: string): void {
  const folder = dirname(path);
  const mode = statSync(folder, { throwIfNoEntry: false })?.mode ?? 0;
  if ((mode & WRITABLE) === 0 || (mode & STICKY) !== 0) return;
  throw refusal(`cannot listen on unix:${path}: others may write in ${folder}; chmod go-w ${folder}`);
}

async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw refusal(`${path} is there already, and is no socket`);
  const socket = connect(path);
  try {
    await once(socket, 'connect');
  } catch (thrown) {
    if (errnoOf(thrown) === 'ECONNREFUSED') return unlinkSync(path);
    throw systemFailure('ERR_USAGE_LISTEN', `cannot listen on unix:${path}`, thrown);
  } finally {
    socket.destroy();
  }
  throw refusal(`another program listens on unix:${path}`);
}

/** Number of a group. Node has no call for it; the files that NSS would ask besides are not for a board. */
function gidOf(name: string): number {
  if (/^\d{1,9}$/.test(name)) return Number(name);
  let groups = '';
  try {
    groups = readFileSync('/etc/group', 'utf8');
  } catch {
    // Then there is no such group.
  }
  for (const line of groups.split('\n')) {
    const [known, , gid] = line.split(':');
    if (known === name && gid !== undefined) return Number(gid);
  }
  throw refusal(`there is no group ${name}`);
}
