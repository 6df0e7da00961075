import { errnoOf, SluiceError } from '../errors.js';
import { joinPath } from '../paths.js';
import type { SystemFiles } from '../system-files.js';

/** Largest file of a log. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

const OLD = /^audit\.(\d{12})\.log$/;

export const auditFile = (folder: string): string => joinPath(folder, 'audit.log');

/** Path of a full file, named by the number of its first line. */
export function oldAuditFile(folder: string, first: number): string {
  return joinPath(folder, `audit.${String(first).padStart(12, '0')}.log`);
}

/** The full files in a folder, oldest first. */
export function oldAuditFiles(
  files: SystemFiles,
  folder: string,
): { readonly path: string; readonly first: number }[] {
  return files
    .list(folder)
    .flatMap(({ name }) => {
      const first = OLD.exec(name)?.[1];
      return first === undefined ? [] : [{ path: joinPath(folder, name), first: Number(first) }];
    })
    .sort((a, b) => a.first - b.first);
}

/**
 * The bytes of a file of the log; null if there is no such file.
 * @throws SluiceError ERR_AUDIT_BROKEN if it is not a regular file or too large; system errors as they come
 */
export function readAuditFile(files: SystemFiles, path: string): Uint8Array | null {
  let found: ReturnType<SystemFiles['readSmall']>;
  try {
    found = files.readSmall(path, MAX_FILE_BYTES);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return null;
    throw thrown;
  }
  if (typeof found === 'string')
    throw new SluiceError('ERR_AUDIT_BROKEN', `${path} is no file of an audit log`);
  return found;
}
