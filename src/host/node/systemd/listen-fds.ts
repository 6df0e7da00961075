import { fstatSync } from 'node:fs';
import { SluiceError } from '../../../core/errors.js';

/** A listening socket passed by systemd (sd_listen_fds(3)). */
export interface InheritedSocket {
  readonly fd: number;
  /** FileDescriptorName= of the socket unit; default `sluice.socket`. */
  readonly name: string;
}

const SD_LISTEN_FDS_START = 3;

const MAX_DESCRIPTORS = 64;

/**
 * The sockets that this process inherited. Removes LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES from `env`, so that child
 * processes do not use them; a second call returns none.
 * @param pid - of this process: with another LISTEN_PID the sockets belong to the parent
 * @throws SluiceError ERR_USAGE_LISTEN if a descriptor is not open or not a socket
 */
export function inheritedSockets(env: NodeJS.ProcessEnv, pid: number): readonly InheritedSocket[] {
  const { LISTEN_FDS: said, LISTEN_PID: whose, LISTEN_FDNAMES: names = '' } = env;
  for (const key of ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES']) delete env[key];
  if (said === undefined || whose !== String(pid)) return [];
  const count = /^\d+$/.test(said) ? Number(said) : Number.NaN;
  if (!(count <= MAX_DESCRIPTORS))
    throw listenError(`LISTEN_FDS is ${said.slice(0, 40)}, not a number from 0 to ${MAX_DESCRIPTORS}`);
  const labels = names.split(':');
  return Array.from({ length: count }, (_, at) => {
    const fd = SD_LISTEN_FDS_START + at;
    requireSocket(fd);
    return { fd, name: labels[at] || 'unknown' };
  });
}

function requireSocket(fd: number): void {
  let is = false;
  try {
    is = fstatSync(fd).isSocket();
  } catch (cause) {
    throw listenError(`inherited descriptor ${fd} is not open`, cause);
  }
  if (!is) throw listenError(`inherited descriptor ${fd} is not a socket`);
}

const listenError = (message: string, cause?: unknown): SluiceError =>
  new SluiceError('ERR_USAGE_LISTEN', message, { cause });
