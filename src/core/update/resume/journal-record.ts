import { fromLatin1, toHex, toLatin1 } from '../../bytes.js';
import { SluiceError } from '../../errors.js';
import type { Platform } from '../../platform.js';
import { MAX_RECORD } from './journal-store.js';

/** An erase block that may be touched next, and what it held before. */
export interface WindowBlock {
  /** Counted from the start of the partition. */
  readonly block: number;
  /** See BlockPrinter. */
  readonly print: bigint;
}

/** Blocks of one partition that may be touched, in the order in which they are. */
export interface JournalWindow {
  readonly partition: string;
  readonly blocks: readonly WindowBlock[];
}

/** Blocks that are to be erased when they come, whatever they read like. */
export interface Suspects {
  readonly partition: string;
  /** Counted from the start of the partition, ascending; null for all of them. */
  readonly blocks: readonly number[] | null;
}

/** What an interrupted session leaves behind. */
export interface JournalRecord {
  /** Identity of the bundle, null if it is not known before its end. */
  readonly bundle: string | null;
  /** Partitions that the session writes. */
  readonly partitions: readonly string[];
  /** How the blocks are proven: policy, proof and key in words. */
  readonly proven: string;
  /** Sessions with this bundle so far that changed something. */
  readonly attempt: number;
  /** Blocks that had been found right, or written, when this session changed its first one. */
  readonly at: number;
  /** Sessions in a row that came no further than the one before. */
  readonly stalled: number;
  /** BlockPrinter.kind of the prints. */
  readonly kind: bigint;
  /** Of the session under way; the next block to be touched is in them. None when it came to rest. */
  readonly windows: readonly JournalWindow[];
  /** Left by sessions before it. */
  readonly suspects: readonly Suspects[];
}

/** The format that is written. A later one may say what this one does not know of. */
const VERSION = 1;

/** Blocks that the suspects of a record may name together: honest ones name hundreds, a line of 12 bytes can name millions. */
const MAX_SUSPECT_BLOCKS = 1 << 16;

/** Digits of SHA-256 that guard the record against damage of its medium. */
const CHECK_DIGITS = 16;

/**
 * The text of a record (docs/formats.md). If it does not fit into MAX_RECORD bytes, what earlier
 * sessions left is listed by whole partitions: that is more than is needed, and safe.
 */
export function formatJournal(platform: Platform, record: JournalRecord): Uint8Array {
  const bytes = format(platform, record);
  if (bytes.length <= MAX_RECORD) return bytes;
  const names = new Set(record.suspects.map(({ partition }) => partition));
  return format(platform, {
    ...record,
    suspects: [...names].map((partition) => ({ partition, blocks: null })),
  });
}

function format(platform: Platform, record: JournalRecord): Uint8Array {
  const lines = [
    `sluice-journal ${VERSION}`,
    `bundle ${record.bundle ?? '-'}`,
    `proven ${record.proven}`,
    `attempt ${record.attempt} at ${record.at} stalled ${record.stalled}`,
    `kind ${hex64(record.kind)}`,
    ...record.partitions.map((name) => `partition ${encodeURIComponent(name)}`),
    ...record.suspects.map(
      ({ partition, blocks }) =>
        `suspect ${encodeURIComponent(partition)} ${blocks === null ? 'all' : formatRuns(blocks)}`,
    ),
    ...record.windows.flatMap(({ partition, blocks }) => [
      `window ${encodeURIComponent(partition)}`,
      ...blocks.map(({ block, print }) => `${block} ${hex64(print)}`),
    ]),
  ];
  const text = `${lines.join('\n')}\n`;
  return fromLatin1(`${text}end ${checkOf(platform, text)}\n`);
}

/**
 * Reads a record.
 * @returns null when it is damaged
 * @throws SluiceError ERR_SESSION_JOURNAL when a later version of sluice has made it
 */
export function parseJournal(platform: Platform, bytes: Uint8Array): JournalRecord | null {
  if (bytes.length > MAX_RECORD) return null;
  const text = toLatin1(bytes);
  const version = /^sluice-journal ([1-9]\d{0,8})\n/.exec(text)?.[1];
  if (version !== undefined && Number(version) > VERSION) {
    throw new SluiceError(
      'ERR_SESSION_JOURNAL',
      `the journal has format ${version}, and this version of sluice knows ${VERSION}`,
    );
  }
  const end = text.lastIndexOf('\nend ') + 1;
  const body = text.slice(0, end);
  if (version === undefined || end === 0 || text.slice(end) !== `end ${checkOf(platform, body)}\n`)
    return null;
  return parseBody(body.split('\n').slice(1, -1));
}

function parseBody(lines: readonly string[]): JournalRecord | null {
  const [bundle, proven, counts, kind, ...rest] = lines;
  const identity = /^bundle (-|sha256:[0-9a-f]{64})$/.exec(bundle ?? '')?.[1];
  const how = /^proven (\S.*)$/.exec(proven ?? '')?.[1];
  const numbers = /^attempt (\d{1,9}) at (\d{1,9}) stalled (\d{1,9})$/.exec(counts ?? '');
  const kindOf = /^kind ([0-9a-f]{16})$/.exec(kind ?? '')?.[1];
  if (identity === undefined || how === undefined || numbers === null || kindOf === undefined) return null;
  const lists = parseLists(rest);
  if (lists === null) return null;
  return {
    bundle: identity === '-' ? null : identity,
    proven: how,
    attempt: Number(numbers[1]),
    at: Number(numbers[2]),
    stalled: Number(numbers[3]),
    kind: BigInt(`0x${kindOf}`),
    ...lists,
  };
}

function parseLists(
  lines: readonly string[],
): Pick<JournalRecord, 'partitions' | 'suspects' | 'windows'> | null {
  const partitions: string[] = [];
  const suspects: Suspects[] = [];
  const windows: { partition: string; blocks: WindowBlock[] }[] = [];
  let room = MAX_SUSPECT_BLOCKS;
  for (const line of lines) {
    const [, word = '', first = '', more] =
      /^(partition|suspect|window|\d{1,9}) (\S+)(?: (\S+))?$/.exec(line) ?? [];
    if (/^\d/.test(word)) {
      const blocks = windows.at(-1)?.blocks;
      if (blocks === undefined || more !== undefined || !/^[0-9a-f]{16}$/.test(first)) return null;
      blocks.push({ block: Number(word), print: BigInt(`0x${first}`) });
      continue;
    }
    const partition = nameOf(first);
    if (partition === null || (more === undefined) === (word === 'suspect')) return null;
    if (word === 'partition') partitions.push(partition);
    else if (word === 'window') windows.push({ partition, blocks: [] });
    else if (word === 'suspect') {
      const blocks = more === 'all' ? null : parseRuns(more ?? '', room);
      if (blocks === undefined) return null;
      room -= blocks?.length ?? 0;
      suspects.push({ partition, blocks });
    } else return null;
  }
  return { partitions, suspects, windows };
}

function nameOf(word: string): string | null {
  try {
    return decodeURIComponent(word);
  } catch {
    return null;
  }
}

/** `3,7-12` for ascending numbers. */
function formatRuns(blocks: readonly number[]): string {
  const runs: string[] = [];
  for (let from = 0; from < blocks.length;) {
    let to = from;
    while (blocks[to + 1] === (blocks[to] as number) + 1) to++;
    runs.push(from === to ? `${blocks[from]}` : `${blocks[from]}-${blocks[to]}`);
    from = to + 1;
  }
  return runs.join(',');
}

/** Undefined when it is no such list, or one of more than `most` blocks. */
function parseRuns(text: string, most: number): number[] | undefined {
  const blocks: number[] = [];
  for (const run of text.split(',')) {
    const [, first, last = first] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(run) ?? [];
    if (first === undefined || Number(last) < Number(first)) return undefined;
    if (Number(last) - Number(first) + blocks.length >= most) return undefined;
    for (let block = Number(first); block <= Number(last); block++) blocks.push(block);
  }
  return blocks;
}

function hex64(value: bigint): string {
  return value.toString(16).padStart(16, '0');
}

function checkOf(platform: Platform, text: string): string {
  const hasher = platform.hasher('sha256');
  hasher.update(fromLatin1(text));
  return toHex(hasher.digest()).slice(0, CHECK_DIGITS);
}
