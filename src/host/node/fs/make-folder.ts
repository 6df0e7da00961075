import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, SluiceError } from '../../../core/errors.js';
import { systemFailure } from '../../../core/system-reason.js';

/** Mode bits: writable by others than the owner. They could put a journal there that stops every update. */
const WRITABLE = 0o022;

/**
 * Makes a folder for the state, and those above it, for this user alone.
 * @throws SluiceError ERR_USAGE_STATE
 */
export function makeFolder(path: string): void {
  try {
    make(path);
    if ((statSync(path).mode & WRITABLE) !== 0)
      throw new SluiceError('ERR_USAGE_STATE', `other users can write to ${path}; run chmod go-w ${path}`);
  } catch (cause) {
    throw systemFailure('ERR_USAGE_STATE', `cannot use ${path}`, cause);
  }
}

/** mkdir of Node with `recursive` never returns for a path in which no folder can be made, such as /proc/x. */
function make(path: string): void {
  const above = dirname(path);
  if (above !== path && statSync(above, { throwIfNoEntry: false }) === undefined) make(above);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (thrown) {
    // For a folder that exists, a read-only file system also fails with EEXIST, not EROFS.
    if (errnoOf(thrown) !== 'EEXIST' || !statSync(path).isDirectory()) throw thrown;
  }
}
