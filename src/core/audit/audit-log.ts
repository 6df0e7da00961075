import { SluiceError } from '../errors.js';
import { concat } from '../bytes.js';
import type { Receipt } from '../update/report/receipt.js';
import { auditFile, oldAuditFile, oldAuditFiles, readAuditFile } from './audit-files.js';
import {
  formatLine,
  formatRepair,
  LINE_FEED,
  parseLine,
  hashOf,
  type AuditHost,
  type AuditHead,
  type Origin,
} from './audit-line.js';
import { systemFailure } from '../system-reason.js';

/** Bytes of a file, and full files that are kept: 256 KiB or some 150 receipts, little beside a firmware. */
const DEFAULT_FILE_BYTES = 64 * 1024;
const DEFAULT_KEPT_FILES = 3;

/** Milliseconds to wait for another process that writes a line. */
const PATIENCE = 5000;

/** How an audit log is bounded. */
export interface AuditLimits {
  /** @default 64 KiB */
  readonly fileBytes?: number;
  /** Full files that are kept beside the one that is written. @default 3 */
  readonly keptFiles?: number;
}

/** The end of the log. */
interface Tail {
  readonly head: AuditHead | null;
  /** Number of the first line in audit.log; null when it has none. */
  readonly first: number | null;
  /** Bytes of audit.log. */
  readonly size: number;
  /** The torn line at the end; empty if there is none. */
  readonly torn: Uint8Array;
  /** Whether only the line feed of the last line is missing. */
  readonly open: boolean;
}

/**
 * The audit log in a state folder: `audit.log`, and full files that are named by their first line. Lines are only ever
 * appended, so the file can have the append-only attribute (chattr +a), except that a full file is renamed.
 */
export class AuditLog {
  readonly #host: AuditHost;
  readonly #folder: string;
  readonly #fileBytes: number;
  readonly #keptFiles: number;

  constructor(
    host: AuditHost,
    folder: string,
    { fileBytes = DEFAULT_FILE_BYTES, keptFiles = DEFAULT_KEPT_FILES }: AuditLimits = {},
  ) {
    this.#host = host;
    this.#folder = folder;
    this.#fileBytes = fileBytes;
    this.#keptFiles = keptFiles;
  }

  /**
   * Appends a receipt; durable when it returns. A line that a power cut has torn is completed first, by an entry
   * `mended`.
   * @throws SluiceError ERR_AUDIT_APPEND
   */
  append(from: Origin, receipt: Receipt, at: string = new Date().toISOString()): AuditHead {
    const path = auditFile(this.#folder);
    try {
      const lock = this.#host.files.lock(path, PATIENCE);
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
    const { files } = this.#host;
    const parts: Uint8Array[] = [];
    let { head, first } = tail;
    let fresh = first === null;
    const add = (bytes: Uint8Array, line = bytes): void => {
      parts.push(bytes);
      head = { sequence: (head?.sequence ?? 0) + 1, hash: hashOf(this.#host, line) };
      first ??= head.sequence;
    };
    if (tail.open) parts.push(Uint8Array.of(LINE_FEED));
    else if (tail.torn.length > 0) {
      const rest = formatRepair(this.#host, head, at, tail.torn);
      add(rest, concat([tail.torn, rest]));
    }
    const entry = { kind: 'receipt', from, receipt } as const;
    const length = formatLine(head, at, entry).length;
    if (first !== null && parts.length === 0 && tail.size + length > this.#fileBytes) {
      files.rename(path, oldAuditFile(this.#folder, first));
      fresh = true;
    }
    const old = fresh ? this.#dropped() : null;
    if (fresh) add(formatLine(head, at, { kind: 'begin', oldest: old?.oldest ?? (head?.sequence ?? 0) + 1 }));
    add(formatLine(head, at, entry));
    files.append(path, concat(parts));
    // Only after the line that records their removal is durable.
    for (const each of old?.dropped ?? []) files.discard(each);
    return head as unknown as AuditHead;
  }

  /** The full files to remove, and the number of the oldest line after that. */
  #dropped(): { oldest: number | undefined; dropped: string[] } {
    const old = oldAuditFiles(this.#host.files, this.#folder);
    const dropped = old.splice(0, Math.max(0, old.length - this.#keptFiles));
    return { oldest: old[0]?.first, dropped: dropped.map(({ path }) => path) };
  }

  #tail(path: string): Tail {
    const bytes = readAuditFile(this.#host.files, path);
    if (bytes !== null && bytes.length > 0) {
      const end = bytes.lastIndexOf(LINE_FEED) + 1;
      const before = end === 0 ? this.#headOfOld() : headOf(this.#host, bytes.subarray(0, end));
      const torn = bytes.subarray(end);
      const line = torn.length === 0 ? null : parseLine(this.#host, torn);
      const open =
        line !== null && line.seq === (before?.sequence ?? 0) + 1 && line.prev === (before?.hash ?? null);
      const head = open
        ? { sequence: line.seq, hash: hashOf(this.#host, concat([torn, Uint8Array.of(LINE_FEED)])) }
        : before;
      const first = end === 0 ? (open ? line.seq : null) : firstOf(this.#host, bytes);
      return { head, first, size: bytes.length, torn, open };
    }
    return { head: this.#headOfOld(), first: null, size: 0, torn: new Uint8Array(0), open: false };
  }

  #headOfOld(): AuditHead | null {
    const last = oldAuditFiles(this.#host.files, this.#folder).at(-1);
    const bytes = last === undefined ? null : readAuditFile(this.#host.files, last.path);
    return bytes === null ? null : headOf(this.#host, bytes);
  }
}

/** Number and hash of the last line. Altered lines are counted, so that the next line continues the numbers. */
function headOf(host: AuditHost, bytes: Uint8Array): AuditHead | null {
  let hash: string | null = null;
  let beyond = 0;
  for (let end = bytes.lastIndexOf(LINE_FEED) + 1; end > 0; beyond++) {
    const start = bytes.lastIndexOf(LINE_FEED, end - 2) + 1;
    // A negative start of `lastIndexOf` counts from the end.
    const line = bytes.subarray(end < 2 ? 0 : start, end);
    hash ??= hashOf(host, line);
    const parsed = parseLine(host, line);
    if (parsed !== null) return { sequence: parsed.seq + beyond, hash };
    end -= line.length;
  }
  return hash === null ? null : { sequence: beyond, hash };
}

/** Number of the first line; 1 if the line is altered. */
function firstOf(host: AuditHost, bytes: Uint8Array): number {
  return parseLine(host, bytes.subarray(0, bytes.indexOf(LINE_FEED) + 1))?.seq ?? 1;
}
