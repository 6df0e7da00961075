/**
 * The way through an HSM, which keeps its keys to itself: what is to be signed is written out, and the packer is
 * called again with the signatures.
 *
 * @packageDocumentation
 */
import { FULL_LIST } from '../../core/bundle/image-name.js';
import { FULL_SIGNATURE } from '../../core/bundle/members.js';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { SluiceError } from '../../core/errors.js';
import { output, writeAll } from './bundle-file.js';
import { copyImages } from './copy-images.js';
import { prepare, type PackOptions } from './pack.js';
import type { Role, Unsigned } from './signatures.js';

/** The list of what is to be signed: a line each of file, key, scheme and digest. Written last. */
export const LIST = 'to-sign.txt';

/** What was written out. */
export interface ToSignReport {
  readonly folder: string;
  /** In the order of the list. */
  readonly files: readonly {
    readonly file: string;
    readonly key: Role;
    readonly scheme: string;
    readonly digest: string;
  }[];
  /** Whether image-full will be there in the next round only, as it is made of signatures that are missing. */
  readonly again: boolean;
}

/**
 * Writes everything that has no signature yet into a new folder, and the list; if writing fails, the folder is empty.
 * The signatures that exist are checked first.
 *
 * @throws SluiceError as `prepare`, ERR_USAGE_EXISTS for a folder that is not empty, ERR_USAGE_OUTPUT
 */
export async function writeToSign(options: PackOptions, folder: string): Promise<ToSignReport> {
  const { survey, signatures } = await prepare(options, false);
  const { unsigned, all } = signatures;
  const files = unsigned.map(({ member, role, scheme, digest }) => ({
    file: member,
    key: role,
    scheme: scheme.name,
    digest,
  }));
  const list = files.map(({ file, key, scheme, digest }) => `${file} ${key} ${scheme} ${digest}\n`).join('');
  emptyFolder(folder);
  // Moved only when all files are complete, so that no truncated file is signed.
  const temporary = output(folder, () => mkdtempSync(join(folder, '.to-sign-')));
  try {
    await writeImages(options, temporary, unsigned, survey.images);
    for (const { member, bytes } of unsigned) {
      const path = join(temporary, member);
      if (bytes !== null) output(path, () => writeFileSync(path, bytes, { flush: true }));
    }
    output(folder, () => writeFileSync(join(temporary, LIST), list, { flush: true }));
    for (const name of [...unsigned.map(({ member }) => member), LIST]) {
      output(folder, () => renameSync(join(temporary, name), join(folder, name)));
    }
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  const full = all.has(FULL_SIGNATURE) || unsigned.some(({ member }) => member === FULL_LIST);
  return { folder, files, again: !full };
}

async function writeImages(
  options: PackOptions,
  folder: string,
  unsigned: readonly Unsigned[],
  images: ReadonlyMap<string, { readonly index: { readonly size: number } }>,
): Promise<void> {
  const files = new Map<string, number>();
  try {
    const sizes = new Map<string, number>();
    for (const { member, bytes } of unsigned) {
      const size = images.get(member)?.index.size;
      if (bytes !== null || size === undefined) continue;
      const path = join(folder, member);
      files.set(
        member,
        output(path, () => openSync(path, 'wx')),
      );
      sizes.set(member, size);
    }
    if (sizes.size === 0) return;
    const put = (image: string, at: number, bytes: Uint8Array): void =>
      output(join(folder, image), () => writeAll(files.get(image) as number, bytes, at));
    await copyImages(options.material, sizes, put, options.signal);
    for (const [image, fd] of files) output(join(folder, image), () => fsyncSync(fd));
  } finally {
    for (const fd of files.values()) closeSync(fd);
  }
}

/** A folder with something in it could be one that is being signed right now. */
function emptyFolder(folder: string): void {
  const entries = output(folder, () => {
    mkdirSync(folder, { recursive: true });
    return readdirSync(folder);
  });
  if (entries.length === 0) return;
  throw new SluiceError('ERR_USAGE_EXISTS', `${folder} is not empty: it has ${entries[0]}`);
}
