import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { giveToFolder, syncFolderSync } from './folder.js';

/**
 * Appends bytes to a regular file, durably; the file is made if it is missing.
 * @throws system errors as they come
 */
export function append(path: string, bytes: Uint8Array): void {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
  try {
    const { size } = fstatSync(fd);
    if (size === 0) giveToFolder(fd, path);
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
  // Even if it was there: whoever made it may have been killed before this.
  syncFolderSync(dirname(path));
}

/** Part of the bytes, as a full disk leaves them. */
function takeBack(fd: number, size: number): void {
  try {
    ftruncateSync(fd, size);
  } catch {
    // Append-only.
  }
}
