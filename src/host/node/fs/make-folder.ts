import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from '../../../core/errors.js';
import { systemFailure } from '../../../core/system-reason.js';

/**
 * Makes a folder for the state, and those above it, for this user alone.
 * @throws SluiceError ERR_USAGE_STATE
 */
export function makeFolder(path: string): void {
  try {
    make(path);
  } catch (cause) {
    throw systemFailure('ERR_USAGE_STATE', `cannot use ${path}`, cause);
  }
}

/** Node's own (`recursive`) never comes back where a folder cannot be made for it is not a place for one: /proc/x. */
function make(path: string): void {
  const above = dirname(path);
  if (above !== path && statSync(above, { throwIfNoEntry: false }) === undefined) make(above);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (thrown) {
    // On a file system that is only read, what is there is told before that.
    if (errnoOf(thrown) !== 'EEXIST' || !statSync(path).isDirectory()) throw thrown;
  }
}
