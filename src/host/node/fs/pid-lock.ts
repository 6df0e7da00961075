import {
  closeSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { asSluiceError, errnoOf, SluiceError } from '../../../core/errors.js';

/** A lock file is written at once after it is made; one that is still empty by then was left by a crash. */
const UNFINISHED_MS = 2000;
/** How often a lock is tried that others make and remove meanwhile. */
const ATTEMPTS = 8;
/** Pause before a lock is tried again. */
const STEP_MS = 10;

/**
 * The lock of a chip file: PATH.lock, made with O_EXCL, with the process and the time of its start, so that a
 * process number that is used again is not taken for the owner.
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
   * @throws SluiceError ERR_BUSY_FLASH when a living process has it; system errors as they come
   */
  static take(chipPath: string): PidLock {
    const path = `${chipPath}.lock`;
    const owner = `${process.pid} ${startOf(process.pid) ?? '0'}\n`;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        const fd = openSync(path, 'wx', 0o644);
        try {
          writeSync(fd, owner);
        } finally {
          closeSync(fd);
        }
        sweepAside(path);
        return new PidLock(path, owner);
      } catch (thrown) {
        if (errnoOf(thrown) !== 'EEXIST') throw thrown;
      }
      const found = contentOf(path);
      if (found === null) continue;
      refuseHeld(chipPath, path, found);
      removeStale(path, found);
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
    if (contentOf(this.#path) === this.#owner) unlinkSync(this.#path);
  }
}

function refuseHeld(chipPath: string, path: string, content: string): void {
  const holder = livingHolder(path, content);
  if (holder === null) return;
  throw new SluiceError('ERR_BUSY_FLASH', `${chipPath} is in use by ${holder}; its lock is ${path}`);
}

/** Who holds the lock, or null when nobody does any more. */
function livingHolder(path: string, content: string): string | null {
  const [, pid, start] = /^([1-9][0-9]{0,9}) ([0-9]+)\n$/.exec(content) ?? [];
  if (pid === undefined || start === undefined) {
    let age = Infinity;
    try {
      age = Date.now() - statSync(path).mtimeMs;
    } catch (thrown) {
      if (errnoOf(thrown) !== 'ENOENT') throw thrown;
    }
    // The clock may have been set back since: then the file seems to be from days to come.
    return Math.abs(age) < UNFINISHED_MS ? 'a process that is just starting' : null;
  }
  return startOf(Number(pid)) === start ? `process ${pid}` : null;
}

/**
 * Moves a stale lock away before it is removed: of two that found the same stale lock, the slower one would
 * otherwise remove the fresh lock of the faster.
 */
function removeStale(path: string, stale: string): void {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return;
    throw thrown;
  }
  if (contentOf(aside) !== stale) {
    try {
      linkSync(aside, path);
    } catch (thrown) {
      if (errnoOf(thrown) !== 'EEXIST') throw thrown;
    }
  }
  unlinkSync(aside);
}

/** Removes what a process has left that was ended right after it had moved a stale lock away. */
function sweepAside(path: string): void {
  const prefix = `${basename(path)}.`;
  for (const name of readdirSync(dirname(path))) {
    if (!name.startsWith(prefix)) continue;
    const [, pid] = /^([1-9]\d{0,9})$/.exec(name.slice(prefix.length)) ?? [];
    if (pid === undefined || startOf(Number(pid)) !== undefined) continue;
    rmSync(join(dirname(path), name), { force: true });
  }
}

function contentOf(path: string): string | null {
  try {
    // A FIFO of that name would be waited for.
    if (!lstatSync(path).isFile()) {
      throw new SluiceError('ERR_BUSY_FLASH', `${path} is in the way of the lock; remove it`);
    }
    return readFileSync(path, 'latin1').slice(0, 64);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return null;
    throw thrown;
  }
}

/** Start of a process in clock ticks since boot (proc(5), field 22 of stat); undefined when it is gone. */
function startOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The name, field 2, is in brackets and may hold anything; field 3, the state, is the first after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie holds nothing any more.
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}
