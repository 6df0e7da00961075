import { once } from 'node:events';
import { chmodSync, chownSync, lstatSync, readFileSync, statSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { errnoOf } from '../core/errors.js';
import { socketPath } from '../host/node/systemd/socket-path.js';
import { systemFailure } from '../core/system-reason.js';
import { refusal, type Address } from './addresses.js';

type UnixAddress = Extract<Address, { kind: 'unix' }>;

/** The umask until the socket has its own permissions: excludes all other users. */
const PRIVATE = 0o177;

/** Mode bits: writable by group or others; and sticky, which lets users remove only their own files. */
const WRITABLE = 0o022;
const STICKY = 0o1000;

/**
 * Listens on a unix socket. Removes the socket of an earlier run if no process listens on it.
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

/** Bit of a mode: every user may connect (unix(7)). */
const OPEN_TO_ALL = 0o002;

/**
 * Refuses an inherited unix socket to which every user may connect: permission to connect is permission to write the
 * flash, and SocketMode= is 0666 if the unit does not say otherwise.
 * @throws SluiceError ERR_USAGE_LISTEN
 */
export function requireGuarded(fd: number): void {
  const path = socketPath(fd);
  const found = path === null ? undefined : statSync(path, { throwIfNoEntry: false });
  if (found?.isSocket() !== true)
    throw refusal(`the permissions of the unix socket that systemd passes as descriptor ${fd} are not known`);
  if ((found.mode & OPEN_TO_ALL) === 0) return;
  throw refusal(
    `every user may connect to unix:${path}; give its unit SocketMode=0660, and SocketGroup= for the clients`,
  );
}

/**
 * A user who can rename files in the folder could replace the socket by another file, whose owner and mode would then
 * be changed.
 */
function requireSafeFolder(path: string): void {
  const folder = dirname(path);
  const mode = statSync(folder, { throwIfNoEntry: false })?.mode ?? 0;
  if ((mode & WRITABLE) === 0 || (mode & STICKY) !== 0) return;
  throw refusal(
    `cannot listen on unix:${path}: other users can write to ${folder}; run chmod go-w ${folder}`,
  );
}

async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw refusal(`${path} exists and is not a socket`);
  const socket = connect(path);
  try {
    await once(socket, 'connect');
  } catch (thrown) {
    if (errnoOf(thrown) === 'ECONNREFUSED') return unlinkSync(path);
    throw systemFailure('ERR_USAGE_LISTEN', `cannot listen on unix:${path}`, thrown);
  } finally {
    socket.destroy();
  }
  throw refusal(`another process listens on unix:${path}`);
}

/** Number of a group. Node has no function for it, and boards do not use other NSS sources. */
function gidOf(name: string): number {
  if (/^\d{1,9}$/.test(name)) return Number(name);
  let groups = '';
  try {
    groups = readFileSync('/etc/group', 'utf8');
  } catch {
    // Reported below as an unknown group.
  }
  for (const line of groups.split('\n')) {
    const [known, , gid] = line.split(':');
    if (known === name && gid !== undefined) return Number(gid);
  }
  throw refusal(`group ${name} does not exist`);
}
