import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { asSluiceError, errnoOf, SluiceError } from '../../../core/errors.js';
import { giveToFolder, syncFolderSync } from '../fs/folder.js';
import { PidLock } from '../fs/pid-lock.js';
import type { Receipt } from '../../../core/update/report/receipt.js';
import { auditFile, oldAuditFile, oldAuditFiles, readAuditFile } from './audit-files.js';
import {
  formatLine,
  formatMended,
  LINE_FEED,
  parseLine,
  sha256,
  type AuditHead,
  type Origin,
} from './audit-line.js';
import { systemFailure } from '../../../core/system-reason.js';

/** Bytes of a file, and full files that are kept: 256 KiB or some 150 receipts, little beside a firmware. */
const DEFAULT_FILE_BYTES = 64 * 1024;
const DEFAULT_KEPT_FILES = 3;

/** Milliseconds for which another process may be writing its line. */
const PATIENCE = 5000;
const STEP = 10;

/** How an audit log is bounded. */
export interface AuditLimits {
  /** @default 64 KiB */
  readonly fileBytes?: number;
  /** Full files that are kept beside the one that is written. @default 3 */
  readonly keptFiles?: number;
}

/** What stands at the end of the log. */
interface Tail {
  readonly head: AuditHead | null;
  /** Number of the first line in audit.log; null when it has none. */
  readonly first: number | null;
  /** Bytes of audit.log. */
  readonly size: number;
  /** What a power cut has left of a line. */
  readonly torn: Buffer;
  /** All of the last line is there but its line feed. */
  readonly open: boolean;
}

/**
 * The audit log in a state folder: `audit.log`, and full files that are named by their first line. Lines are only ever
 * appended, so that the file system may be told to allow nothing else (chattr +a, but for the turn of files).
 */
export class AuditLog {
  readonly #folder: string;
  readonly #fileBytes: number;
  readonly #keptFiles: number;

  constructor(
    folder: string,
    { fileBytes = DEFAULT_FILE_BYTES, keptFiles = DEFAULT_KEPT_FILES }: AuditLimits = {},
  ) {
    this.#folder = folder;
    this.#fileBytes = fileBytes;
    this.#keptFiles = keptFiles;
  }

  /**
   * Appends a receipt; durable when it returns. A line that a power cut has torn is mended first, with a line that says
   * so.
   * @throws SluiceError ERR_AUDIT_APPEND
   */
  append(from: Origin, receipt: Receipt, at: string = new Date().toISOString()): AuditHead {
    const path = auditFile(this.#folder);
    try {
      const lock = takeLock(path);
      try {
        return this.#append(path, from, receipt, at);
      } finally {
        lock.release();
      }
    } catch (cause) {
      const error = systemFailure('ERR_AUDIT_APPEND', `the receipt could not be written to ${path}`, cause);
      if (error.code === 'ERR_AUDIT_APPEND') throw error;
      throw new SluiceError('ERR_AUDIT_APPEND', `the receipt could not be written: ${error.message}`, {
        cause,
      });
    }
  }

  #append(path: string, from: Origin, receipt: Receipt, at: string): AuditHead {
    const tail = this.#tail(path);
    const parts: Buffer[] = [];
    let { head, first } = tail;
    let fresh = first === null;
    const add = (bytes: Buffer, line = bytes): void => {
      parts.push(bytes);
      head = { sequence: (head?.sequence ?? 0) + 1, hash: sha256(line) };
      first ??= head.sequence;
    };
    if (tail.open) parts.push(Buffer.of(LINE_FEED));
    else if (tail.torn.length > 0) {
      const rest = formatMended(head, at, tail.torn);
      add(rest, Buffer.concat([tail.torn, rest]));
    }
    const entry = { kind: 'receipt', from, receipt } as const;
    const length = formatLine(head, at, entry).length;
    if (first !== null && parts.length === 0 && tail.size + length > this.#fileBytes) {
      renameSync(path, oldAuditFile(this.#folder, first));
      syncFolderSync(this.#folder);
      fresh = true;
    }
    const old = fresh ? this.#dropped() : null;
    if (fresh) add(formatLine(head, at, { kind: 'begin', oldest: old?.oldest ?? (head?.sequence ?? 0) + 1 }));
    add(formatLine(head, at, entry));
    appendDurably(path, Buffer.concat(parts));
    if (fresh) syncFolderSync(this.#folder);
    // Only now: as long as no line says that they are gone, they must be there.
    for (const each of old?.dropped ?? []) rmSync(each, { force: true });
    return head as unknown as AuditHead;
  }

  /** Which full files go, and which line is the oldest then. */
  #dropped(): { oldest: number | undefined; dropped: string[] } {
    const old = oldAuditFiles(this.#folder);
    const dropped = old.splice(0, Math.max(0, old.length - this.#keptFiles));
    return { oldest: old[0]?.first, dropped: dropped.map(({ path }) => path) };
  }

  #tail(path: string): Tail {
    const bytes = readAuditFile(path);
    if (bytes !== null && bytes.length > 0) {
      const end = bytes.lastIndexOf(LINE_FEED) + 1;
      const before = end === 0 ? this.#headOfOld() : headOf(bytes.subarray(0, end));
      const torn = bytes.subarray(end);
      const line = torn.length === 0 ? null : parseLine(torn);
      const open =
        line !== null && line.seq === (before?.sequence ?? 0) + 1 && line.prev === (before?.hash ?? null);
      const head = open
        ? { sequence: line.seq, hash: sha256(Buffer.concat([torn, Buffer.of(LINE_FEED)])) }
        : before;
      const first = end === 0 ? (open ? line.seq : null) : firstOf(bytes);
      return { head, first, size: bytes.length, torn, open };
    }
    return { head: this.#headOfOld(), first: null, size: 0, torn: Buffer.alloc(0), open: false };
  }

  #headOfOld(): AuditHead | null {
    const last = oldAuditFiles(this.#folder).at(-1);
    const bytes = last === undefined ? null : readAuditFile(last.path);
    return bytes === null ? null : headOf(bytes);
  }
}

/** Number and hash of the last line. One that was altered is counted: the next one goes on from what is there. */
function headOf(bytes: Buffer): AuditHead | null {
  let hash: string | null = null;
  let beyond = 0;
  for (let end = bytes.lastIndexOf(LINE_FEED) + 1; end > 0; beyond++) {
    const start = bytes.lastIndexOf(LINE_FEED, end - 2) + 1;
    // For the first line `lastIndexOf` may count from the end.
    const line = bytes.subarray(end < 2 ? 0 : start, end);
    hash ??= sha256(line);
    const parsed = parseLine(line);
    if (parsed !== null) return { sequence: parsed.seq + beyond, hash };
    end -= line.length;
  }
  return hash === null ? null : { sequence: beyond, hash };
}

/** Number of the first line; 1 for one that was altered. */
function firstOf(bytes: Buffer): number {
  return parseLine(bytes.subarray(0, bytes.indexOf(LINE_FEED) + 1))?.seq ?? 1;
}

function appendDurably(path: string, bytes: Buffer): void {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
  try {
    const { size } = fstatSync(fd);
    if (size === 0) giveToFolder(fd, path);
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
      fsyncSync(fd);
    } catch (thrown) {
      takeBack(fd, size);
      throw thrown;
    }
  } finally {
    closeSync(fd);
  }
}

/** Half a line, as a full disk leaves it; where it must stay, the next line mends it. */
function takeBack(fd: number, size: number): void {
  try {
    ftruncateSync(fd, size);
  } catch {
    // Append-only.
  }
}

/** Waits for another process that writes its line. */
function takeLock(path: string): PidLock {
  const until = performance.now() + PATIENCE;
  const nap = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    try {
      return PidLock.take(path);
    } catch (thrown) {
      if (
        errnoOf(thrown) !== undefined ||
        asSluiceError(thrown).code !== 'ERR_BUSY_FLASH' ||
        performance.now() > until
      ) {
        throw thrown;
      }
      Atomics.wait(nap, 0, 0, STEP);
    }
  }
}
