import { close, fstatSync, open } from 'node:fs';
import { SluiceError } from '../../../core/errors.js';
import { FileSource } from './file-source.js';
import { PipeSource } from './pipe-source.js';
import { openerOf, SCHEME_NAMES, schemeOf } from './schemes.js';
import type { Source } from './source.js';
import { systemFailure } from '../../../core/system-reason.js';
import { wakeReader } from './wake-reader.js';

/** The thread to wake may not wait yet, so it is woken repeatedly. */
const WAKE_INTERVAL_MS = 10;

/**
 * Opens a source: `-` for standard input, a URL of a scheme in schemes.ts, or a path.
 *
 * @param signal - ends the wait for a FIFO that has no sender yet, and for a pipe that is silent
 * @throws SluiceError ERR_SOURCE_UNREADABLE, ERR_SESSION_INTERRUPTED
 */
export async function openSource(text: string, signal?: AbortSignal): Promise<Source> {
  if (text === '-') return standardInput(signal);
  const scheme = schemeOf(text);
  if (scheme !== null) {
    const open = openerOf(scheme);
    if (open !== null) return open(text);
    const known = SCHEME_NAMES.join(' or ');
    throw new SluiceError('ERR_SOURCE_UNREADABLE', `URL scheme ${scheme} is not supported; use ${known}`);
  }
  const fd = await openPath(text, signal);
  const stat = fstatSync(fd);
  if (stat.isFile()) return new FileSource(fd, text, stat.size);
  if (stat.isDirectory()) {
    close(fd, () => {});
    throw new SluiceError(
      'ERR_SOURCE_UNREADABLE',
      `${text} is a directory, not a bundle; make a bundle with \`sluice pack --images DIR\``,
    );
  }
  signal?.addEventListener('abort', () => wakeReader(text), { once: true });
  return new PipeSource(fd, text);
}

/** Loads node:tty and node:net on demand: node:net takes much of the start time. */
async function standardInput(signal: AbortSignal | undefined): Promise<Source> {
  const stat = fstatSync(0);
  if (stat.isCharacterDevice() && (await import('node:tty')).isatty(0)) {
    throw new SluiceError(
      'ERR_SOURCE_UNREADABLE',
      'standard input is a terminal; pipe a bundle into sluice: curl -sf URL | sluice write - ...',
    );
  }
  if (stat.isSocket()) {
    const { SocketSource } = await import('./socket-source.js');
    return new SocketSource(0, 'standard input');
  }
  signal?.addEventListener('abort', () => wakeReader('/proc/self/fd/0'), { once: true });
  return new PipeSource(0, 'standard input');
}

/** Asynchronous: opening a FIFO waits for its sender, and signals must be handled meanwhile. */
function openPath(path: string, signal: AbortSignal | undefined): Promise<number> {
  const stopped = () =>
    new SluiceError('ERR_SESSION_INTERRUPTED', `interrupted while waiting for the sender of ${path}`);
  if (signal?.aborted === true) return Promise.reject(stopped());
  return new Promise((resolve, reject) => {
    let waking: NodeJS.Timeout | undefined;
    const stop = () => {
      waking = setInterval(() => wakeReader(path), WAKE_INTERVAL_MS);
    };
    signal?.addEventListener('abort', stop, { once: true });
    open(path, 'r', (cause, fd) => {
      signal?.removeEventListener('abort', stop);
      clearInterval(waking);
      if (cause !== null) {
        return reject(systemFailure('ERR_SOURCE_UNREADABLE', `${path} cannot be opened`, cause));
      }
      if (signal?.aborted !== true) return resolve(fd);
      close(fd, () => {});
      return reject(stopped());
    });
  });
}
