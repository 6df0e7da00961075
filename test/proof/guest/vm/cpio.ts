/**
 * Writes archives in the form that the kernel unpacks as an initramfs: "newc" (Documentation/driver-api/
 * early-userspace/buffer-format.rst): a header of ASCII fields, each eight hex digits, then the name and the data,
 * both padded to four bytes. The form "crc" has a sum of the data's bytes as well; swupdate asks for it.
 */

/** One entry; a name is relative and its folders come before it. */
export type CpioEntry =
  | { readonly name: string; readonly folder: true }
  | { readonly name: string; readonly file: Uint8Array; readonly executable?: boolean }
  | { readonly name: string; readonly link: string };

const FOLDER = 0o040755;
const PROGRAM = 0o100755;
const FILE = 0o100644;
const LINK = 0o120777;

export function cpio(entries: readonly CpioEntry[], form: 'newc' | 'crc' = 'newc'): Buffer {
  const parts: Buffer[] = [];
  entries.forEach((entry, index) => add(parts, form, index + 1, entry.name, modeOf(entry), dataOf(entry)));
  add(parts, form, 0, 'TRAILER!!!', 0, Buffer.alloc(0));
  return Buffer.concat(parts);
}

function modeOf(entry: CpioEntry): number {
  if ('folder' in entry) return FOLDER;
  if ('link' in entry) return LINK;
  return entry.executable === true ? PROGRAM : FILE;
}

function dataOf(entry: CpioEntry): Uint8Array {
  if ('folder' in entry) return Buffer.alloc(0);
  return 'link' in entry ? Buffer.from(entry.link) : entry.file;
}

function add(
  parts: Buffer[],
  form: 'newc' | 'crc',
  inode: number,
  name: string,
  mode: number,
  data: Uint8Array,
): void {
  const nameSize = Buffer.byteLength(name) + 1;
  const [magic, sum] = form === 'crc' ? ['070702', sumOf(data)] : ['070701', 0];
  // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  const fields = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, nameSize, sum];
  const hex = fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  const header = Buffer.from(`${magic}${hex}${name}\0`);
  parts.push(header, padding(header.length), Buffer.from(data), padding(data.length));
}

const padding = (length: number): Buffer => Buffer.alloc((4 - (length % 4)) % 4);

function sumOf(data: Uint8Array): number {
  let sum = 0;
  for (const byte of data) sum = (sum + byte) >>> 0;
  return sum;
}
