import { hash, randomBytes } from 'node:crypto';
import { linkSync, lstatSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { asSluiceError, errnoOf, SluiceError } from '../../../core/errors.js';
import { isOwner, livingOwner, ownerText } from './lock-owner.js';

/** A lock file without an owner is kept for this time: on a file system without links it is filled after it is made. */
const UNFINISHED_MS = 2000;
/** Attempts to take a lock that other processes make and remove meanwhile. */
const ATTEMPTS = 8;
/** Pause before a lock is tried again. */
const STEP_MS = 10;

/** Errors of link(2) on a file system without hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** Suffixes of files beside a lock: a lock before its link, and the lock for the removal of a stale lock. */
const BESIDE = /^(?:\.[0-9a-f]{12})+$/;

/**
 * The lock of a chip file: PATH.lock with its owner (see ownerText). The file appears with its content, by link(2).
 *
 * A stale lock is removed only under a second lock, PATH.lock.ID with the ID made from the content of the first. The owner
 * of a stale lock never makes another lock. A process that holds the second lock and finds the same owner therefore
 * cannot remove a fresh lock, however late it runs. A lock without an owner is checked for its age again.
 */
export class PidLock {
  readonly #path: string;
  readonly #owner: string;
  #held = true;

  private constructor(path: string, owner: string) {
    this.#path = path;
    this.#owner = owner;
  }

  /**
   * Takes the lock. Replaces the lock of a process that has ended.
   * @throws SluiceError ERR_BUSY_FLASH if the owner is alive or cannot be seen; system errors as they come
   */
  static take(chipPath: string): PidLock {
    return PidLock.#take(chipPath, `${chipPath}.lock`);
  }

  static #take(chipPath: string, path: string): PidLock {
    const owner = ownerText();
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (make(path, owner)) {
        sweep(path);
        return new PidLock(path, owner);
      }
      const found = contentOf(path);
      if (found === null) continue;
      refuseHeld(chipPath, path, found);
      const right = PidLock.#take(chipPath, `${path}.${idOf(found)}`);
      try {
        if (contentOf(path) === found && holderOf(path, found) === null) rmSync(path, { force: true });
      } finally {
        right.release();
      }
    }
    throw new SluiceError('ERR_BUSY_FLASH', `${chipPath}: others keep taking its lock, ${path}`);
  }

  /**
   * Takes the lock as `take` does, and waits at most `patience` milliseconds for another process that has it.
   * @throws SluiceError ERR_BUSY_FLASH when a living process still has it; system errors as they come
   */
  static wait(chipPath: string, patience: number): PidLock {
    const until = performance.now() + patience;
    const nap = new Int32Array(new SharedArrayBuffer(4));
    for (;;) {
      try {
        return PidLock.take(chipPath);
      } catch (thrown) {
        const isBusy = errnoOf(thrown) === undefined && asSluiceError(thrown).code === 'ERR_BUSY_FLASH';
        if (!isBusy || performance.now() > until) throw thrown;
        Atomics.wait(nap, 0, 0, STEP_MS);
      }
    }
  }

  /**
   * For readers: the owner of the lock may change the content.
   * @throws SluiceError ERR_BUSY_FLASH if a living process has the lock; system errors as they come
   */
  static requireFree(chipPath: string): void {
    const path = `${chipPath}.lock`;
    const found = contentOf(path);
    if (found !== null) refuseHeld(chipPath, path, found);
  }

  /** Removes the lock file, unless another file has replaced it. Idempotent. */
  release(): void {
    if (!this.#held) return;
    this.#held = false;
    if (contentOf(this.#path) === this.#owner) rmSync(this.#path, { force: true });
  }
}

/** @returns false if the file exists */
function make(path: string, owner: string): boolean {
  const fresh = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    writeFileSync(fresh, owner, { flag: 'wx', mode: 0o644 });
    try {
      linkSync(fresh, path);
    } catch (thrown) {
      if (!NO_LINKS.has(errnoOf(thrown) ?? '')) throw thrown;
      writeFileSync(path, owner, { flag: 'wx', mode: 0o644 });
    }
    return true;
  } catch (thrown) {
    if (errnoOf(thrown) === 'EEXIST') return false;
    throw thrown;
  } finally {
    rmSync(fresh, { force: true });
  }
}

const idOf = (content: string): string => hash('sha256', content, 'hex').slice(0, 12);

function refuseHeld(chipPath: string, path: string, content: string): void {
  const holder = holderOf(path, content);
  if (holder === null) return;
  throw new SluiceError('ERR_BUSY_FLASH', `${chipPath} is in use by ${holder}; its lock is ${path}`);
}

/** The process that holds the lock; null if it has ended. */
function holderOf(path: string, content: string): string | null {
  if (isOwner(content)) return livingOwner(content);
  // After the clock was set back, the time of the file is in the future.
  const age = Math.abs(Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -Infinity));
  return age < UNFINISHED_MS ? 'a process that is just starting' : null;
}

/**
 * Removes files that were left beside the lock by processes that were killed while they took it. Called by the owner of
 * the lock, who could not release it after an error: a file that cannot be removed is left.
 */
function sweep(path: string): void {
  const name = basename(path);
  try {
    for (const entry of readdirSync(dirname(path))) {
      if (!entry.startsWith(name) || !BESIDE.test(entry.slice(name.length))) continue;
      const beside = join(dirname(path), entry);
      const content = contentOf(beside);
      if (content !== null && holderOf(beside, content) === null) rmSync(beside, { force: true });
    }
  } catch {
    // Not needed for the lock.
  }
}

function contentOf(path: string): string | null {
  try {
    // The open of a FIFO would wait for its writer.
    if (!lstatSync(path).isFile()) {
      throw new SluiceError('ERR_BUSY_FLASH', `${path} is in the way of the lock; remove it`);
    }
    return readFileSync(path, 'latin1').slice(0, 128);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return null;
    throw thrown;
  }
}
