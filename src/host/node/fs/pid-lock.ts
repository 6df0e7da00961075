import { hash, randomBytes } from 'node:crypto';
import { linkSync, lstatSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { asSluiceError, errnoOf, SluiceError } from '../../../core/errors.js';
import { isOwner, livingOwner, ownerText } from './lock-owner.js';

/** A lock file without an owner is left alone for so long: a file system without links fills it after it is made. */
const UNFINISHED_MS = 2000;
/** How often a lock is tried that others make and remove meanwhile. */
const ATTEMPTS = 8;
/** Pause before a lock is tried again. */
const STEP_MS = 10;

/** What link(2) says on a file system without hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** Files beside a lock: those that become one, and the right to remove a stale one. */
const BESIDE = /^(?:\.[0-9a-f]{12})+$/;

/**
 * The lock of a chip file: PATH.lock with its owner (see ownerText). The file appears with its content, by link(2).
 *
 * A stale lock is removed only under a lock of its own, PATH.lock.ID with the ID made from its content. The content of a
 * stale lock never comes again, so whoever has that right and finds the content cannot remove a fresh lock, however
 * long it has been held up.
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
   * Takes the lock; that of a process which is gone is taken over.
   * @throws SluiceError ERR_BUSY_FLASH when a living process has it, or one that cannot be seen; system errors as they
   *   come
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
        if (contentOf(path) === found) rmSync(path, { force: true });
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
   * For those who only read: whoever has the lock changes what they would see.
   * @throws SluiceError ERR_BUSY_FLASH when a living process has it; system errors as they come
   */
  static requireFree(chipPath: string): void {
    const path = `${chipPath}.lock`;
    const found = contentOf(path);
    if (found !== null) refuseHeld(chipPath, path, found);
  }

  /** Removes the lock file, unless someone has put another one in its place. Idempotent. */
  release(): void {
    if (!this.#held) return;
    this.#held = false;
    if (contentOf(this.#path) === this.#owner) rmSync(this.#path, { force: true });
  }
}

/** @returns false if the file is there already */
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

/** Who holds the lock, or null when nobody does any more. */
function holderOf(path: string, content: string): string | null {
  if (isOwner(content)) return livingOwner(content);
  // The clock may have been set back since: then the file seems to be from days to come.
  const age = Math.abs(Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -Infinity));
  return age < UNFINISHED_MS ? 'a process that is just starting' : null;
}

/** Removes what processes have left beside the lock that were ended while they took it. */
function sweep(path: string): void {
  const name = basename(path);
  for (const entry of readdirSync(dirname(path))) {
    if (!entry.startsWith(name) || !BESIDE.test(entry.slice(name.length))) continue;
    const beside = join(dirname(path), entry);
    const content = contentOf(beside);
    if (content !== null && holderOf(beside, content) === null) rmSync(beside, { force: true });
  }
}

function contentOf(path: string): string | null {
  try {
    // A FIFO of that name would be waited for.
    if (!lstatSync(path).isFile()) {
      throw new SluiceError('ERR_BUSY_FLASH', `${path} is in the way of the lock; remove it`);
    }
    return readFileSync(path, 'latin1').slice(0, 128);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return null;
    throw thrown;
  }
}
