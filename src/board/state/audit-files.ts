import {
  constants,
  fchownSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  closeSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf, SluiceError } from '../../errors.js';

/** A file of the log; no more than this is read of one. */
const LARGEST = 16 * 1024 * 1024;

const OLD = /^audit\.(\d{12})\.log$/;

export const auditFile = (folder: string): string => join(folder, 'audit.log');

/** What a file is called when it is full: by the number of its first line. */
export function oldAuditFile(folder: string, first: number): string {
  return join(folder, `audit.${String(first).padStart(12, '0')}.log`);
}

/** The full files in a folder, oldest first. */
export function oldAuditFiles(folder: string): { readonly path: string; readonly first: number }[] {
  return readdirSync(folder)
    .flatMap((name) => {
      const first = OLD.exec(name)?.[1];
      return first === undefined ? [] : [{ path: join(folder, name), first: Number(first) }];
    })
    .sort((a, b) => a.first - b.first);
}

/**
 * What a file of the log holds; null when it is not there.
 * @throws SluiceError ERR_AUDIT_BROKEN when it is no file of a log; system errors as they come
 */
export function readAuditFile(path: string): Buffer | null {
  // Neither waits for a pipe of that name nor follows a link.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  let fd: number;
  try {
    fd = openSync(path, flags);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return null;
    throw thrown;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > LARGEST) {
      throw new SluiceError('ERR_AUDIT_BROKEN', `${path} is no file of an audit log`);
    }
    const bytes = Buffer.alloc(stat.size);
    let length = 0;
    while (length < bytes.length) {
      const read = readSync(fd, bytes, length, bytes.length - length, length);
      if (read === 0) break;
      length += read;
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}

/** What root makes in the folder of a service belongs to the user of the service, which could not go on with it else. */
export function giveToFolderSync(fd: number, path: string): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(path));
  if (uid === 0 && gid === 0) return;
  try {
    fchownSync(fd, uid, gid);
  } catch {
    // Where it may not be, it stays root's.
  }
}
