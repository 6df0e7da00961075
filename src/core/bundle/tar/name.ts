import { SluiceError } from '../../errors.js';
import { quote } from '../../text.js';

/**
 * The name of a member, from the name that stands in the tarball (characters 0 to 255). One leading `./` is
 * stripped, as `tar -C DIR -cf X.tar .` puts it there. A bundle is flat but for folders of other signatures
 * (`MLDSA/image-kernel.sig`).
 *
 * @throws SluiceError ERR_BUNDLE_TAR_NAME
 */
export function memberName(raw: string, limit: number): string {
  const name = raw.startsWith('./') ? raw.slice(2) : raw;
  const fault = faultOf(name, limit);
  if (fault !== null) throw new SluiceError('ERR_BUNDLE_TAR_NAME', `the member name ${quote(raw)} ${fault}`);
  return name;
}

/** Members in folders: none of these can be confused with an image or with a member that sluice verifies. */
const IN_FOLDER = /^[A-Za-z0-9][A-Za-z0-9_.+-]*\/(?:publickey|[^/]+\.sig)$/;

/** Whether a directory entry is that of the packed folder or of a folder in it. Such entries are ignored. */
export function isFolder(raw: string): boolean {
  return /^(?:\.\/?|(?:\.\/)?[A-Za-z0-9][A-Za-z0-9_.+-]*\/)$/.test(raw);
}

function faultOf(name: string, limit: number): string | null {
  if (name === '') return 'is empty';
  if (name.length > limit) return `has ${name.length} characters; at most ${limit} are allowed`;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return `has the byte 0x${code.toString(16).padStart(2, '0')}`;
  }
  if (name.startsWith('/')) return 'is absolute';
  if (name.split('/').some((part) => part === '.' || part === '..')) return 'has a . or .. in its path';
  if (name.includes('/') && !IN_FOLDER.test(name)) return 'has a slash; a folder may have signatures only';
  return null;
}
