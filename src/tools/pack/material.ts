/**
 * What a bundle is packed from: the members of a tarball, or the files of a folder.
 *
 * @packageDocumentation
 */
import { FULL_LIST, imageOf, looksLikeImage } from '../../core/bundle/image-name.js';
import { closeSync, fstatSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkMember, FULL_SIGNATURE, memberKind, signedBy } from '../../core/bundle/members.js';
import type { BundleHandler } from '../../core/bundle/bundle-reader.js';
import { MemberDispatch } from '../../core/bundle/member-dispatch.js';
import { openBundleReader } from '../../core/bundle/open-bundle-reader.js';
import { SluiceError } from '../../core/errors.js';
import { systemFailure } from '../../core/system-reason.js';
import { FileSource } from '../../host/node/sources/file-source.js';
import type { Source } from '../../host/node/sources/source.js';
import type { Abort, Platform } from '../../core/platform.js';

/** Members that can be gone through again and again; each time they must be the same. */
export interface Material {
  /** For messages. */
  readonly name: string;
  /** Whether it comes as one bundle, not as the files that a build has left. */
  readonly isBundle: boolean;
  /**
   * Hands every member to `handler`, in constant memory.
   * @throws SluiceError ERR_SOURCE_*, ERR_BUNDLE_*, ERR_SESSION_INTERRUPTED, and what the handler throws
   */
  each(handler: BundleHandler, signal?: Abort): Promise<void>;
  close(): void;
}

/** A tarball, plain or gzip, out of a source that can be read again. */
export class TarMaterial implements Material {
  readonly name: string;
  readonly isBundle = true;
  readonly #source: Source;
  readonly #platform: Platform;

  /** @throws SluiceError ERR_SOURCE_UNREADABLE when the source can be read only once */
  constructor(source: Source, platform: Platform) {
    if (!source.rereadable) {
      throw new SluiceError(
        'ERR_SOURCE_UNREADABLE',
        `${source.name} can be read only once; pack needs a file, as it puts the signatures ahead of the images`,
      );
    }
    this.name = source.name;
    this.#source = source;
    this.#platform = platform;
  }

  async each(handler: BundleHandler, signal?: Abort): Promise<void> {
    const reader = openBundleReader(this.#platform, handler);
    await this.#source.pump(interruptible((bytes) => reader.write(bytes), signal));
    await reader.end();
  }

  close(): void {
    this.#source.close();
  }
}

/** A member that is a file, or bytes that take the place of one. */
interface Piece {
  readonly member: string;
  readonly source: FileSource | null;
  readonly bytes: Uint8Array;
}

/** The parts of a bundle as files of one folder, as an unpacked tarball has them. */
export class FolderMaterial implements Material {
  readonly name: string;
  readonly isBundle = false;
  readonly #pieces: Piece[] = [];

  /**
   * Opens all files of the folder that have a place in a bundle: images, signatures, MANIFEST, publickey. BLOCKS
   * and its signature are passed over, as they are made of the rest.
   *
   * @param texts - MANIFEST and publickey from elsewhere, in place of the folder's
   * @param options.publickey - the publickey where there is none
   * @param options.only - partitions whose images are taken; null for all
   * @throws SluiceError ERR_SOURCE_UNREADABLE, ERR_BUNDLE_MEMBER for an image-* that is no image,
   * ERR_BUNDLE_MEMBER_MISSING for a partition without an image
   */
  constructor(
    folder: string,
    texts: ReadonlyMap<string, Uint8Array>,
    { publickey, only = null }: { publickey?: Uint8Array | undefined; only?: readonly string[] | null } = {},
  ) {
    this.name = folder;
    for (const [member, bytes] of texts) this.#pieces.push({ member, source: null, bytes });
    const all = listFolder(folder).filter((name) => belongs(name) && !texts.has(name));
    const names = only === null ? all : chosen(all, only, folder);
    if (publickey !== undefined && !texts.has('publickey') && !names.includes('publickey')) {
      this.#pieces.push({ member: 'publickey', source: null, bytes: publickey });
    }
    for (const member of names.sort()) {
      memberKind(member);
      this.#pieces.push({ member, source: openFile(join(folder, member)), bytes: new Uint8Array(0) });
    }
  }

  async each(handler: BundleHandler, signal?: Abort): Promise<void> {
    const members = new MemberDispatch(handler);
    const take = interruptible(async (bytes: Uint8Array) => members.data(bytes), signal);
    for (const { member, source, bytes } of this.#pieces) {
      const size = source?.size ?? bytes.length;
      await members.begin({ name: member, size });
      let taken = 0;
      const counted = async (part: Uint8Array): Promise<void> => {
        taken += part.length;
        if (taken > size) throw changed(member);
        await take(part);
      };
      if (source === null) await counted(bytes);
      else await source.pump(counted);
      if (taken !== size) throw changed(member);
      await members.finish();
    }
  }

  close(): void {
    for (const { source } of this.#pieces) source?.close();
  }
}

/** The signatures (.sig) in a folder, by member name. */
export async function readSignatures(folder: string): Promise<Map<string, Uint8Array>> {
  const signatures = new Map<string, Uint8Array>();
  for (const member of listFolder(folder)
    .filter((name) => signedBy(name) !== null)
    .sort()) {
    memberKind(member);
    const file = openFile(join(folder, member));
    try {
      checkMember(member, file.size);
      const bytes = new Uint8Array(file.size);
      let at = 0;
      await file.pump(async (part) => {
        if (at + part.length > bytes.length) throw changed(member);
        bytes.set(part, at);
        at += part.length;
      });
      if (at !== bytes.length) throw changed(member);
      signatures.set(member, bytes);
    } finally {
      file.close();
    }
  }
  return signatures;
}

/** Everything else in a folder is none of ours; but what is called image-* was meant to be one. */
function belongs(name: string): boolean {
  if (name === 'MANIFEST' || name === 'publickey') return true;
  // The OpenBMC build leaves what image-full.sig signs beside it.
  if (name === FULL_LIST) return false;
  const signed = signedBy(name) ?? name;
  return looksLikeImage(name) || signed === 'MANIFEST' || signed === 'publickey';
}

/** The files without the images that are left out, and without the signature over those of all images. */
function chosen(names: readonly string[], only: readonly string[], folder: string): string[] {
  const wanted = only.map(imageOf);
  const missing = wanted.find((name) => !names.includes(name));
  if (missing !== undefined) {
    throw new SluiceError('ERR_BUNDLE_MEMBER_MISSING', `${folder} has no ${missing}`, { member: missing });
  }
  const isLeftOut = (name: string): boolean =>
    looksLikeImage(name) && !wanted.includes(signedBy(name) ?? name);
  const isWhole = !names.some((name) => isLeftOut(name) && name !== FULL_SIGNATURE);
  return isWhole ? [...names] : names.filter((name) => !isLeftOut(name));
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    throw systemFailure('ERR_SOURCE_UNREADABLE', `cannot read ${folder}`, cause);
  }
}

function openFile(path: string): FileSource {
  try {
    const fd = openSync(path, 'r');
    const stat = fstatSync(fd);
    if (stat.isFile()) return new FileSource(fd, path, stat.size);
    closeSync(fd);
  } catch (cause) {
    throw systemFailure('ERR_SOURCE_UNREADABLE', `cannot open ${path}`, cause);
  }
  throw new SluiceError('ERR_SOURCE_UNREADABLE', `${path} is not a file`);
}

function interruptible(
  take: (bytes: Uint8Array) => Promise<void>,
  signal: Abort | undefined,
): (bytes: Uint8Array) => Promise<void> {
  return async (bytes) => {
    if (signal?.aborted === true) {
      throw new SluiceError('ERR_SESSION_INTERRUPTED', 'packing was stopped; nothing was left behind');
    }
    await take(bytes);
  };
}

function changed(member: string): SluiceError {
  return new SluiceError('ERR_SOURCE_CHANGED', `${member} changed its size while it was read`, { member });
}
