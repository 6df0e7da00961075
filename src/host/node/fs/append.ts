import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from '../../../core/errors.js';
import { giveToFolder, syncFolderSync } from './folder.js';

/**
 * Appends bytes to a regular file, durably; the file is made if it is missing. A file with a second name is refused: the
 * user of the folder may have linked a file of another user there.
 * @throws system errors as they come, EMLINK for a file with two names
 */
export function append(path: string, bytes: Uint8Array): void {
  const fd = open(path);
  try {
    const { size, nlink } = fstatSync(fd);
    if (nlink !== 1) throw tooManyNames(path);
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
      fsyncSync(fd);
    } catch (thrown) {
      takeBack(fd, size);
      throw thrown;
    }
  } finally {
    closeSync(fd);
  }
  // Also for a file that existed: its maker may have been killed before this call.
  syncFolderSync(dirname(path));
}

function open(path: string): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;
  const flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK;
  try {
    const fd = openSync(path, flags | O_CREAT | O_EXCL, 0o600);
    // Only a file that was made here.
    giveToFolder(fd, path);
    return fd;
  } catch (thrown) {
    if (errnoOf(thrown) !== 'EEXIST') throw thrown;
    return openSync(path, flags);
  }
}

const tooManyNames = (path: string): Error =>
  Object.assign(new Error(`EMLINK: the file has other names, append '${path}'`), { code: 'EMLINK' });

/** Removes an incomplete write, as on a full disk. */
function takeBack(fd: number, size: number): void {
  try {
    ftruncateSync(fd, size);
  } catch {
    // The file may be append-only (chattr +a).
  }
}
