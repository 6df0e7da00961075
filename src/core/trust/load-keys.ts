/**
 * Loads the system keys of a directory such as /etc/activationdata of OpenBMC: `<KeyType>/publickey` and
 * `<KeyType>/hashfunc`.
 *
 * @packageDocumentation
 */
import { toLatin1 } from '../bytes.js';
import { type ErrorCode, SluiceError } from '../errors.js';
import { folderOf, joinPath } from '../paths.js';
import type { Platform } from '../platform.js';
import type { FolderEntry, SystemFiles } from '../system-files.js';
import { KeyStore, type SystemKey, systemKey } from './key-store.js';

/** Bytes. A PEM of the largest RSA key has 1.5 KiB, hashfunc one line. */
export const MAX_KEY_FILE_BYTES = 16 * 1024;

/** Each key is tried on each bundle; a board has one or two. */
const MAX_KEYS = 64;

const HASH_TYPE = 'HashType=';

/**
 * Reads the key store. An entry that is not a complete key is an error and is not skipped: an operator who installs a
 * damaged key must see that it is not in use.
 *
 * @throws SluiceError ERR_TRUST_NO_KEYS if the directory is missing or empty; ERR_TRUST_KEY, ERR_TRUST_HASH
 */
export async function loadKeys(files: SystemFiles, dir: string, platform: Platform): Promise<KeyStore> {
  const names = listEntries(files, dir);
  const keys: SystemKey[] = [];
  for (const name of names) keys.push(await loadKey(files, joinPath(dir, name), name, platform));
  return new KeyStore(keys);
}

/** Names of the key directories, sorted, so that the first key is always the same. */
function listEntries(files: SystemFiles, dir: string): string[] {
  let entries: readonly FolderEntry[];
  try {
    entries = files.list(dir);
  } catch (cause) {
    throw new SluiceError('ERR_TRUST_NO_KEYS', `key directory ${dir} cannot be read`, { cause });
  }
  if (entries.length === 0) throw new SluiceError('ERR_TRUST_NO_KEYS', `key directory ${dir} is empty`);
  if (entries.length > MAX_KEYS) {
    throw new SluiceError(
      'ERR_TRUST_KEY',
      `key directory ${dir} has ${entries.length} entries; the maximum is ${MAX_KEYS}`,
    );
  }
  const stray = entries.find((entry) => entry.kind !== 'folder');
  if (stray !== undefined) {
    throw new SluiceError(
      'ERR_TRUST_KEY',
      ['publickey', 'hashfunc'].includes(stray.name)
        ? `${dir} is the directory of one key; use its parent ${folderOf(dir)}`
        : `${joinPath(dir, stray.name)} is not a directory with publickey and hashfunc`,
    );
  }
  return entries.map((entry) => entry.name).sort();
}

async function loadKey(
  files: SystemFiles,
  dir: string,
  type: string,
  platform: Platform,
): Promise<SystemKey> {
  const pem = readSmall(files, joinPath(dir, 'publickey'), 'ERR_TRUST_KEY');
  const path = joinPath(dir, 'hashfunc');
  const hashType = hashTypeOf(toLatin1(readSmall(files, path, 'ERR_TRUST_HASH')), path);
  try {
    return await systemKey(platform, type, pem, hashType);
  } catch (cause) {
    if (!(cause instanceof SluiceError)) throw cause;
    throw new SluiceError(cause.code, `${dir}: ${cause.message}`, { cause });
  }
}

/**
 * The value of the one HashType= line of a hashfunc (upstream: Version::getValue, which drops a trailing CR).
 * @param path - for messages
 * @throws SluiceError ERR_TRUST_HASH
 */
export function hashTypeOf(text: string, path: string): string {
  const values = text
    .split('\n')
    .filter((line) => line.startsWith(HASH_TYPE))
    .map((line) => line.slice(HASH_TYPE.length).replace(/\r$/, ''));
  const [value] = values;
  if (value === undefined || values.length > 1) {
    throw new SluiceError(
      'ERR_TRUST_HASH',
      `${path} must have one line with ${HASH_TYPE}, not ${values.length}`,
    );
  }
  return value;
}

function readSmall(files: SystemFiles, path: string, code: ErrorCode): Uint8Array {
  let found: ReturnType<SystemFiles['readSmall']>;
  try {
    found = files.readSmall(path, MAX_KEY_FILE_BYTES);
  } catch (cause) {
    throw new SluiceError(code, `${path} cannot be read`, { cause });
  }
  if (found === 'irregular') throw new SluiceError(code, `${path} is not a regular file`);
  if (found === 'large') throw new SluiceError(code, `${path} has more than ${MAX_KEY_FILE_BYTES} bytes`);
  return found;
}
