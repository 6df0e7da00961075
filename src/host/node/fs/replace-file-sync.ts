import { chmodSync, chownSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncFolderSync } from './folder.js';

/** How a file is replaced. */
export interface ReplaceOptions {
  /** @default 0o600 */
  readonly mode?: number;
  /** A file that is there keeps its owner and mode. @default false */
  readonly keepOwner?: boolean;
}

/**
 * Gives a small file new content in one step: after a power cut there is the old content or the new one. Durable when it
 * returns. In this thread, as node:fs/promises takes longer to load than a short text to write. If it fails, nothing else
 * is left behind.
 * @throws system errors as they come
 */
export function replaceFileSync(
  path: string,
  text: string,
  { mode = 0o600, keepOwner = false }: ReplaceOptions = {},
): void {
  // One name, so that the next call removes what a crash has left.
  const fresh = `${path}.new`;
  try {
    const old = keepOwner ? statSync(path, { throwIfNoEntry: false }) : undefined;
    rmSync(fresh, { force: true });
    writeFileSync(fresh, text, { mode, flag: 'wx', flush: true });
    if (old !== undefined) {
      if (old.uid !== process.getuid?.() || old.gid !== process.getgid?.())
        chownSync(fresh, old.uid, old.gid);
      chmodSync(fresh, old.mode & 0o777);
    }
    renameSync(fresh, path);
  } catch (thrown) {
    try {
      rmSync(fresh, { force: true });
    } catch {
      // The first failure says more.
    }
    throw thrown;
  }
  syncFolderSync(dirname(path));
}
