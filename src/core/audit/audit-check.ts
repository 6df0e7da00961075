import { SluiceError } from '../errors.js';
import { auditFile, oldAuditFiles, readAuditFile } from './audit-files.js';
import {
  LINE_FEED,
  parseLine,
  hashOf,
  type AuditHead,
  type AuditHost,
  type AuditLine,
} from './audit-line.js';
import { systemFailure } from '../system-reason.js';

/** The content of a log whose chain is whole. */
export interface AuditReport {
  readonly lines: readonly AuditLine[];
  readonly head: AuditHead;
  /** Bytes of a torn line at the end of the log; 0 for none. */
  readonly torn: number;
}

/**
 * Reads the log of a folder and checks that each line follows the one before.
 * @param anchor - a head that was kept elsewhere; without one, missing lines at the end and a log written from scratch
 *   are not detected
 * @throws SluiceError ERR_USAGE_STATE if there is no log, or it cannot be read; ERR_AUDIT_BROKEN, ERR_AUDIT_HEAD
 */
export function checkAudit(host: AuditHost, folder: string, anchor: AuditHead | null = null): AuditReport {
  const files = filesOf(host, folder);
  const lines: AuditLine[] = [];
  let head: AuditHead | null = null;
  let torn = 0;
  let anchored = anchor === null;
  for (const [index, { path, first, bytes }] of files.entries()) {
    let number = 0;
    for (let at = 0; at < bytes.length; number++) {
      const end = bytes.indexOf(LINE_FEED, at) + 1;
      const place = `${path}, line ${number + 1}`;
      if (end === 0) {
        if (index < files.length - 1) throw broken(`${place} has no end`);
        torn = bytes.length - at;
        break;
      }
      const raw = bytes.subarray(at, end);
      const line = parseLine(host, raw);
      if (line === null) throw broken(`${place} is no line of an audit log: it was altered`);
      requireNext(place, line, head);
      if (number === 0 && first !== null && line.seq !== first) {
        throw broken(`${place} is number ${line.seq}, and its file is named ${first}`);
      }
      head = { sequence: line.seq, hash: hashOf(host, raw) };
      anchored ||= anchor?.sequence === head.sequence && anchor.hash === head.hash;
      lines.push(line);
      at = end;
    }
  }
  if (head === null) {
    throw broken(`${auditFile(folder)} has no line${torn > 0 ? ' but one that was cut' : ''}`);
  }
  requireBeginning(lines);
  if (!anchored) throw missesAnchor(anchor as AuditHead, head, lines[0] as AuditLine);
  return { lines, head, torn };
}

interface AuditFile {
  readonly path: string;
  /** Number of its first line, from its name; null for audit.log. */
  readonly first: number | null;
  readonly bytes: Uint8Array;
}

function filesOf({ files: system }: AuditHost, folder: string): AuditFile[] {
  const path = auditFile(folder);
  try {
    let files: AuditFile[];
    let old: ReturnType<typeof oldAuditFiles>;
    do {
      old = oldAuditFiles(system, folder);
      files = [...old, { path, first: null }].flatMap((file) => {
        const bytes = readAuditFile(system, file.path);
        return bytes === null ? [] : [{ ...file, bytes }];
      });
      // A service can have renamed a full file meanwhile, which would then be missing here.
    } while (oldAuditFiles(system, folder).at(-1)?.first !== old.at(-1)?.first);
    if (files.length > 0) return files;
  } catch (cause) {
    throw systemFailure('ERR_USAGE_STATE', `cannot read the audit log in ${folder}`, cause);
  }
  throw new SluiceError('ERR_USAGE_STATE', `there is no audit log in ${folder}`);
}

function requireNext(place: string, line: AuditLine, head: AuditHead | null): void {
  if (head === null) {
    if ((line.seq === 1) === (line.prev === null)) return;
    throw broken(
      `${place} is number ${line.seq} and ${line.prev === null ? 'names no' : 'names a'} line before it`,
    );
  }
  const expected = head.sequence + 1;
  if (line.seq > expected) {
    const missing =
      line.seq - 1 === expected ? `line ${expected} is` : `lines ${expected} to ${line.seq - 1} are`;
    throw broken(`before ${place}, ${missing} missing`);
  }
  if (line.seq < expected) throw broken(`${place} is number ${line.seq}, where ${expected} should be`);
  if (line.prev === head.hash) return;
  throw broken(
    `${place} (number ${line.seq}) does not follow number ${head.sequence}: one of the two lines was altered`,
  );
}

/** Only old files are removed, and the last `begin` says which line is the oldest that is kept. */
function requireBeginning(lines: readonly AuditLine[]): void {
  const begin = lines.findLast((line) => line.kind === 'begin');
  const first = (lines[0] as AuditLine).seq;
  const oldest = begin?.kind === 'begin' ? begin.oldest : 1;
  if (first > oldest) throw broken(`lines ${oldest} to ${first - 1} are missing at the beginning`);
}

function missesAnchor(anchor: AuditHead, head: AuditHead, first: AuditLine): SluiceError {
  const { sequence } = anchor;
  const how =
    sequence > head.sequence
      ? `the log ends at line ${head.sequence}, and line ${sequence} was there: lines at its end were removed`
      : sequence < first.seq
        ? `line ${sequence} is no longer kept, so nothing can be said; keep a newer head`
        : `line ${sequence} is another one than was there: the log was made anew from there or from before`;
  return new SluiceError('ERR_AUDIT_HEAD', how);
}

const broken = (message: string): SluiceError => new SluiceError('ERR_AUDIT_BROKEN', message);
