import { existsSync } from 'node:fs';
import { systemFailure } from '../../core/system-reason.js';
import { replaceFileSync } from '../../host/node/fs/replace-file-sync.js';
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
 * Replaces a file of credentials in one step. Its owner and mode stay; a new one is for its owner only.
 * @throws SluiceError ERR_USAGE_OUTPUT
 */
export function writeCredentials(path: string, document: CredentialsDocument): void {
  try {
    replaceFileSync(path, `${JSON.stringify(document, null, 2)}\n`, { keepOwner: true });
  } catch (cause) {
    throw systemFailure('ERR_USAGE_OUTPUT', `cannot write ${path}`, cause);
  }
}
