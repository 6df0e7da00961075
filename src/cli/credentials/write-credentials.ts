import { chmodSync, chownSync, existsSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { SluiceError } from '../../core/errors.js';
import { systemReason } from '../../core/system-reason.js';
import { readDocument } from '../../config/read-document.js';
import { CREDENTIALS_FILE, type CredentialsDocument } from '../../daemon/credentials-file.js';

/**
 * @param mayBeNew - whether a file that is not there yet is an empty one
 * @throws SluiceError ERR_USAGE_CREDENTIALS
 */
export function readCredentialsDocument(path: string, mayBeNew: boolean): CredentialsDocument {
  return existsSync(path) || !mayBeNew ? readDocument(path, CREDENTIALS_FILE, 'ERR_USAGE_CREDENTIALS') : {};
}

/**
 * Puts a file of credentials in the place of the one that is there, all at once. Its owner and mode stay; a new one
 * is for its owner only.
 * @throws SluiceError ERR_USAGE_OUTPUT
 */
export function writeCredentials(path: string, document: CredentialsDocument): void {
  const fresh = `${path}.${process.pid}.new`;
  try {
    const old = statSync(path, { throwIfNoEntry: false });
    rmSync(fresh, { force: true });
    writeFileSync(fresh, `${JSON.stringify(document, null, 2)}\n`, { mode: 0o600, flag: 'wx', flush: true });
    if (old !== undefined) {
      if (old.uid !== process.getuid?.() || old.gid !== process.getgid?.())
        chownSync(fresh, old.uid, old.gid);
      chmodSync(fresh, old.mode & 0o777);
    }
    renameSync(fresh, path);
  } catch (cause) {
    rmSync(fresh, { force: true });
    throw new SluiceError('ERR_USAGE_OUTPUT', `cannot write ${path}: ${systemReason(cause)}`, { cause });
  }
}
