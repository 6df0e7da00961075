/**
 * The lines of the audit log: JSON, each with its number, the time, and the SHA-256 of the line before. The hash is
 * over all bytes of that line with its line feed, so that it can be checked by hand: `sed -n 7p audit.log | sha256sum`.
 *
 * A line that a power cut has torn is kept. The next receipt first completes it: with a record separator (0x1E, RFC
 * 7464, which JSON text never contains) and an entry `mended`, which records what was torn.
 *
 * @packageDocumentation
 */
import { concat, toHex } from '../bytes.js';
import type { SystemFiles } from '../system-files.js';
import type { Receipt } from '../update/report/receipt.js';
import { fromUtf8, toUtf8 } from '../utf8.js';

/** Where an update came from. */
export interface Origin {
  /** `cli`, `http` or `redfish`. */
  readonly via: string;
  /** Address of the sender; null for this machine or a local socket. */
  readonly peer: string | null;
  /** Authenticated name of the sender, or the user of this machine; null if no authentication is required. */
  readonly user: string | null;
}

/** The content of a line besides its number, time and the hash of the line before. */
export type AuditEntry =
  /** The first line of a file; `oldest`: number of the first line that is kept. */
  | { readonly kind: 'begin'; readonly oldest: number }
  | { readonly kind: 'receipt'; readonly from: Origin; readonly receipt: Receipt }
  | { readonly kind: 'mended'; readonly torn: { readonly bytes: number; readonly sha256: string } };

/** The end of a chain of lines. */
export interface AuditHead {
  /** Number of the last line, from 1. */
  readonly sequence: number;
  /** SHA-256 of it, hex. */
  readonly hash: string;
}

/** One line. */
export type AuditLine = AuditEntry & {
  readonly seq: number;
  /** SHA-256 of the line before, hex; null for the first one of all. */
  readonly prev: string | null;
  /** ISO 8601 in UTC, by the clock of the board, which may be wrong. */
  readonly at: string;
};

export const LINE_FEED = 0x0a;
const SEPARATOR = 0x1e;

/** What the audit log needs of its host. */
export interface AuditHost {
  readonly files: SystemFiles;
  sha256(bytes: Uint8Array): Uint8Array;
}

/** SHA-256 in hex, as lines have it. */
export const hashOf = (host: AuditHost, bytes: Uint8Array): string => toHex(host.sha256(bytes));

/** The bytes of the line that follows `head`. */
export function formatLine(head: AuditHead | null, at: string, entry: AuditEntry): Uint8Array {
  const line = { seq: (head?.sequence ?? 0) + 1, prev: head?.hash ?? null, at, ...entry };
  return toUtf8(`${JSON.stringify(line)}\n`);
}

/** The bytes that complete a torn line. */
export function formatRepair(
  host: AuditHost,
  head: AuditHead | null,
  at: string,
  torn: Uint8Array,
): Uint8Array {
  const entry = { kind: 'mended', torn: { bytes: torn.length, sha256: hashOf(host, torn) } } as const;
  return concat([Uint8Array.of(SEPARATOR), formatLine(head, at, entry)]);
}

/**
 * Reads a line.
 * @param bytes - with or without its line feed
 * @returns null if it is altered or torn
 */
export function parseLine(host: AuditHost, bytes: Uint8Array): AuditLine | null {
  const cut = bytes.lastIndexOf(SEPARATOR);
  let value: unknown;
  try {
    value = JSON.parse(fromUtf8(bytes.subarray(cut + 1)) ?? '');
  } catch {
    return null;
  }
  if (!isLine(value)) return null;
  if (value.kind !== 'mended') return cut < 0 ? value : null;
  const torn = bytes.subarray(0, Math.max(cut, 0));
  return cut >= 0 && value.torn.bytes === torn.length && value.torn.sha256 === hashOf(host, torn)
    ? value
    : null;
}

function isLine(value: unknown): value is AuditLine {
  if (typeof value !== 'object' || value === null) return false;
  const { seq, prev, at, kind, oldest, torn, receipt, from } = value as Record<string, unknown>;
  if (!Number.isSafeInteger(seq) || (seq as number) < 1 || typeof at !== 'string') return false;
  if (prev !== null && !(typeof prev === 'string' && /^[0-9a-f]{64}$/.test(prev))) return false;
  if (kind === 'begin') return Number.isSafeInteger(oldest);
  const isObject = (each: unknown): boolean => typeof each === 'object' && each !== null;
  return kind === 'receipt' ? isObject(receipt) && isObject(from) : kind === 'mended' && isObject(torn);
}

/** A head as it is kept elsewhere, `12:9f86d0...`. */
export const headText = ({ sequence, hash }: AuditHead): string => `${sequence}:${hash}`;

/** @returns null if the text is not a head */
export function parseHead(text: string): AuditHead | null {
  const [, sequence, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  return sequence === undefined || hash === undefined ? null : { sequence: Number(sequence), hash };
}
