import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { SluiceError } from '../../core/errors.js';
import { syncFolderSync } from '../../host/node/fs/folder.js';
import { systemFailure } from '../../core/system-reason.js';

/**
 * A file that is written under a temporary name in the same folder, so that readers of the final name see the old file or
 * the new file and never a part of it.
 */
export class BundleFile {
  /** Temporary name until `commit`. */
  readonly temporary: string;
  readonly #path: string;
  readonly #force: boolean;
  #fd: number | null;

  private constructor(path: string, temporary: string, fd: number, force: boolean) {
    this.#path = path;
    this.temporary = temporary;
    this.#fd = fd;
    this.#force = force;
  }

  /** @throws SluiceError ERR_USAGE_EXISTS, ERR_USAGE_OUTPUT */
  static create(path: string, force: boolean): BundleFile {
    refuseExisting(path, force);
    const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
    const fd = output(temporary, () => openSync(temporary, 'wx', 0o644));
    return new BundleFile(path, temporary, fd, force);
  }

  /** @throws SluiceError ERR_USAGE_OUTPUT */
  write(position: number, bytes: Uint8Array): void {
    const fd = this.#fd as number;
    output(this.temporary, () => writeAll(fd, bytes, position));
  }

  /** Makes what was written durable, so that the rename cannot come before it. */
  flush(): void {
    const fd = this.#fd as number;
    this.#fd = null;
    output(this.temporary, () => {
      fsyncSync(fd);
      closeSync(fd);
    });
  }

  /**
   * Puts the file, which was flushed, at its place.
   * @throws SluiceError ERR_USAGE_EXISTS, ERR_USAGE_OUTPUT
   */
  commit(): void {
    refuseExisting(this.#path, this.#force);
    output(this.#path, () => {
      renameSync(this.temporary, this.#path);
      syncFolderSync(dirname(this.#path));
    });
  }

  /** Removes the temporary file if it was not committed. */
  discard(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
    rmSync(this.temporary, { force: true });
  }
}

/** @throws SluiceError ERR_USAGE_EXISTS */
export function refuseExisting(path: string, force: boolean): void {
  if (force || !existsSync(path)) return;
  throw new SluiceError('ERR_USAGE_EXISTS', `${path} is there already`);
}

/** Writes all of `bytes`; one call of the system may take less. */
export function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length;) {
    at += writeSync(fd, bytes, at, bytes.length - at, position + at);
  }
}

/** Runs a step that makes `path`. */
export function output<T>(path: string, step: () => T): T {
  try {
    return step();
  } catch (cause) {
    throw systemFailure('ERR_USAGE_OUTPUT', `cannot write ${path}`, cause);
  }
}
