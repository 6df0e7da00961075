import { SluiceError } from '../../errors.js';
import { quote } from '../../text.js';

/** The commoner type flags other than those of a plain file, as a reader of `tar -t` knows them. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ['1', 'a hard link'],
  ['2', 'a symbolic link'],
  ['3', 'a character device'],
  ['4', 'a block device'],
  ['5', 'a directory'],
  ['6', 'a FIFO'],
  ['S', 'a sparse file'],
]);

/**
 * Refuses every type flag but those of a plain file: `0`, and NUL for it as in tars before POSIX.
 *
 * @param raw - name of the member as it stands in the tarball
 * @throws SluiceError ERR_BUNDLE_TAR_TYPE
 */
export function requirePlainFile(type: string, raw: string): void {
  if (type === '0' || type === '\0') return;
  const what = REFUSED.get(type) ?? `of the type ${quote(type)}`;
  throw new SluiceError('ERR_BUNDLE_TAR_TYPE', `the member ${quote(raw)} is ${what}, not a plain file`);
}
