import { closeSync, constants, fchownSync, fsyncSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Makes what was made, renamed or removed in a folder durable. */
export function syncFolderSync(folder: string): void {
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** A file that root makes in the folder of a service goes to the user of the service, which could not use it else. */
export function giveToFolder(fd: number, path: string): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(path));
  if (uid === 0 && gid === 0) return;
  try {
    fchownSync(fd, uid, gid);
  } catch {
    // If the file system refuses, the file stays root's.
  }
}
