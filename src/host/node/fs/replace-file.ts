import { constants } from 'node:fs';
import { access, open, rename, rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { giveToFolder } from './folder.js';

/** Nobody else needs to read what is in the state folder. */
const MODE = 0o600;

/**
 * Gives a file new content in one step: after a power cut there is the old one or the new one. Durable when it
 * resolves.
 * @throws system errors as they come; no half-made file is left behind
 */
export async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const fresh = `${path}.new`;
  // What an earlier cut has left.
  await rm(fresh, { force: true });
  try {
    const file = await open(fresh, 'wx', MODE);
    try {
      giveToFolder(file.fd, path);
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, path);
  } catch (thrown) {
    await rm(fresh, { force: true }).catch(() => {});
    throw thrown;
  }
  await syncFolder(dirname(path));
}

/** Removes a file, durably; one that is not there is removed already. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncFolder(dirname(path));
}

/**
 * Bytes that this process may still write into a folder.
 * @throws system errors as they come, EACCES and EROFS if it must not write there
 */
export async function freeBytes(folder: string): Promise<number> {
  await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** Makes what was made, renamed or removed in a folder durable. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
