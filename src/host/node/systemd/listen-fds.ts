import { fstatSync } from 'node:fs';
import { SluiceError } from '../../../core/errors.js';

/** A socket that systemd listens on and hands over (sd_listen_fds(3)). */
export interface InheritedSocket {
  readonly fd: number;
  /** FileDescriptorName= of the socket unit; its own name (`sluice.socket`) by default. */
  readonly name: string;
}

/** The first descriptor that is handed over (SD_LISTEN_FDS_START). */
const SD_LISTEN_FDS_START = 3;

/** Sockets that anybody would hand over. */
const MAX_DESCRIPTORS = 64;

/**
 * The sockets that this process was started with. Takes LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES out of `env`, so
 * that no program that is started from here takes them for its own; a second call finds none.
 * @param pid - of this process: what is for another one, which this one was started by, is none of ours
 * @throws SluiceError ERR_USAGE_LISTEN when they are said to be there and are not
 */
export function inheritedSockets(env: NodeJS.ProcessEnv, pid: number): readonly InheritedSocket[] {
  const { LISTEN_FDS: said, LISTEN_PID: whose, LISTEN_FDNAMES: names = '' } = env;
  for (const key of ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES']) delete env[key];
  if (said === undefined || whose !== String(pid)) return [];
  const count = /^\d+$/.test(said) ? Number(said) : Number.NaN;
  if (!(count <= MAX_DESCRIPTORS))
    throw wrong(`LISTEN_FDS is ${said.slice(0, 40)}, which is no number of sockets`);
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
    throw wrong(`descriptor ${fd} was to be inherited and is not open`, cause);
  }
  if (!is) throw wrong(`descriptor ${fd} was to be an inherited socket and is none`);
}

const wrong = (message: string, cause?: unknown): SluiceError =>
  new SluiceError('ERR_USAGE_LISTEN', message, { cause });
