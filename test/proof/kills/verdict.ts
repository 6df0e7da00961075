/** What must hold of a board after a program was killed on it, and after the next one has finished the update. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Receipt } from '../../../src/core/update/report/receipt.js';
import { BLOCK, LAYOUT, range, sha256 } from '../../system/board.js';
import type { Bundle, Site } from './site.js';

/** An update as it is asked for. */
export interface Wanted {
  readonly bundle: Bundle;
  readonly only: readonly string[] | null;
  readonly policy: 'before-erase' | 'before-commit' | 'unsigned';
}

/** How far a killed session had come, as the chip tells. */
export type Landing = 'before flash' | 'in flash' | 'opening gates' | 'complete';

export const partitionsOf = ({ bundle, only }: Wanted): readonly string[] =>
  [...bundle.images.keys()].filter((name) => only?.includes(name) ?? true);

const blocksOf = (bundle: Bundle, name: string): number =>
  Math.ceil((bundle.images.get(name) as Buffer).length / BLOCK);

const blockAt = (chip: Buffer, at: number): Buffer => chip.subarray(at, at + BLOCK);
const isErased = (block: Buffer): boolean => block.every((byte) => byte === 0xff);

/** The journal of a board: its text, and the fields that are compared; null when there is none. */
export interface JournalSeen {
  readonly text: string;
  readonly bundle: string;
  readonly attempt: number;
  readonly at: number;
  /** Blocks by partition. */
  readonly windows: ReadonlyMap<string, readonly number[]>;
}

export function journalPath(site: Site): string | null {
  const kept = readdirSync(site.state).filter((name) => /^journal-.*[0-9a-f]$/.test(name));
  const paths = kept.map((name) => join(site.state, name));
  const beside = `${site.chip}.journal`;
  if (existsSync(beside)) paths.push(beside);
  if (paths.length > 1) throw new Error(`there are several journals: ${paths.join(', ')}`);
  return paths[0] ?? null;
}

/** Reads a journal by docs/formats.md, not by the code that is tested. */
export function seeJournal(site: Site): JournalSeen | null {
  const path = journalPath(site);
  if (path === null) return null;
  const text = readFileSync(path, 'latin1');
  const [, body = '', check] = /^([^]*\n)end ([0-9a-f]{16})\n$/.exec(text) ?? [];
  if (sha256(Buffer.from(body, 'latin1')).slice(0, 16) !== check)
    throw new Error(`the journal is damaged: ${text}`);
  const field = (name: string): string => new RegExp(`^${name} (.*)$`, 'm').exec(body)?.[1] ?? '';
  const [attempt, , at] = field('attempt').split(' ');
  const windows = new Map<string, number[]>();
  let list: number[] = [];
  for (const line of body.split('\n')) {
    const [word, value = ''] = line.split(' ');
    if (word === 'window') windows.set(value, (list = []));
    else if (/^\d+$/.test(word ?? '')) list.push(Number(word));
  }
  return { text, bundle: field('bundle'), attempt: Number(attempt), at: Number(at), windows };
}

/** What is wrong on a board after a session was killed; empty when nothing is. */
export function faultsAfterKill(
  site: Site,
  before: Buffer,
  after: Buffer,
  wanted: Wanted,
): { readonly faults: string[]; readonly landing: Landing } {
  const faults: string[] = [];
  const chip = site.bytes();
  const journal = seeJournal(site);
  const names = partitionsOf(wanted);
  const covered = new Set<number>();
  const torn: string[] = [];
  let behindRight = true;
  for (const name of names) {
    const { offset } = range(name);
    for (let block = 0; block < blocksOf(wanted.bundle, name); block++) {
      const at = offset + block * BLOCK;
      covered.add(at);
      const now = blockAt(chip, at);
      const right = now.equals(blockAt(after, at));
      if (block > 0) behindRight &&= right;
      if (right || now.equals(blockAt(before, at)) || isErased(now)) continue;
      torn.push(`${name} ${block}`);
      if (journal?.windows.get(name)?.includes(block) !== true) {
        faults.push(`${name}: block ${block} is torn, and the journal does not name it`);
      }
    }
  }
  if (torn.length > 1) faults.push(`several blocks are torn: ${torn.join(', ')}`);
  for (let at = 0; at < chip.length; at += BLOCK) {
    if (!covered.has(at) && !blockAt(chip, at).equals(blockAt(before, at))) {
      faults.push(`the block at ${at} was not to be touched`);
    }
  }
  let opening = false;
  for (const name of names) {
    const { offset } = range(name);
    const [now, old, right] = [chip, before, after].map((bytes) => blockAt(bytes, offset)) as [
      Buffer,
      Buffer,
      Buffer,
    ];
    const rest = Array.from(
      { length: blocksOf(wanted.bundle, name) - 1 },
      (_, index) => offset + (index + 1) * BLOCK,
    );
    const changed = rest.some((at) => !blockAt(chip, at).equals(blockAt(before, at)));
    const shut =
      wanted.policy === 'before-erase' ? now.equals(old) : isErased(now) || (now.equals(old) && !changed);
    if (shut) continue;
    // Without proof ahead the gate is erased at once, which is seen as shut.
    opening = true;
    if (!behindRight) {
      const how = now.equals(right) ? 'is open' : 'is being opened';
      faults.push(`${name}: the gate ${how}, and blocks behind gates are not right`);
    }
  }
  const complete = chip.equals(after);
  const changed = !chip.equals(before);
  if (changed && !complete && journal === null) faults.push('the chip was changed, and there is no journal');
  const landing =
    complete && changed ? 'complete' : opening ? 'opening gates' : changed ? 'in flash' : 'before flash';
  return { faults, landing };
}

/** What the next session must say of what it found. */
export interface Expected {
  /** Null where nothing is expected of it. */
  readonly attempt: number | null;
  readonly resumed: boolean | null;
  /** Erases beyond the blocks that were not right. */
  readonly slack: number;
}

/** What is wrong on a board, or with the receipt, when a session has finished the update. */
export function faultsAtEnd(
  site: Site,
  before: Buffer,
  after: Buffer,
  wanted: Wanted,
  receipt: Receipt,
  expected: Expected,
): string[] {
  const faults: string[] = [];
  const check = (holds: boolean, what: string): void => {
    if (!holds) faults.push(what);
  };
  const chip = site.bytes();
  for (const { name, offset, size } of LAYOUT.partitions.slice(1)) {
    const same = chip.subarray(offset, offset + size).equals(after.subarray(offset, offset + size));
    check(same, `${name} is not what it should be`);
  }
  check(
    receipt.outcome === 'committed' && receipt.flash === 'complete',
    `the receipt says ${receipt.outcome}`,
  );
  const names = partitionsOf(wanted);
  const rows = Object.keys(receipt.partitions).sort().join();
  check(rows === [...names].sort().join(), `the receipt has rows for ${rows}`);
  let erased = 0;
  let wrong = 0;
  for (const name of names) {
    const row = receipt.partitions[name];
    const image = wanted.bundle.images.get(name) as Buffer;
    const blocks = blocksOf(wanted.bundle, name);
    if (row === undefined) continue;
    erased += row.erased;
    const { offset } = range(name);
    for (let at = offset; at < offset + blocks * BLOCK; at += BLOCK) {
      if (!blockAt(before, at).equals(blockAt(after, at))) wrong++;
    }
    check(row.blocks === blocks, `${name}: ${row.blocks} blocks, ${blocks} expected`);
    check(row.bytes === image.length && row.sha256 === sha256(image), `${name}: bytes or SHA-256 are wrong`);
    const written = row.programmed + row.programmedWithoutErase;
    check(
      row.skipped + written === blocks,
      `${name}: ${row.skipped} skipped and ${written} written of ${blocks}`,
    );
    check(row.readBack === written, `${name}: ${row.readBack} read back of ${written} written`);
    check(row.retried === 0 && row.bad === 0, `${name}: ${row.retried} retried, ${row.bad} bad`);
  }
  check(erased <= wrong + expected.slack, `${erased} blocks were erased where ${wrong} were not right`);
  const { attempt, resumedFrom } = receipt.session;
  if (expected.attempt !== null)
    check(attempt === expected.attempt, `attempt ${attempt}, not ${expected.attempt}`);
  if (expected.resumed !== null) {
    check(
      (resumedFrom !== null) === expected.resumed,
      `resumed from ${resumedFrom}, expected: ${expected.resumed}`,
    );
  }
  return [...faults, ...leftovers(site)];
}

/** Files that nobody should have left behind. */
export function leftovers(
  site: Site,
  allowed: RegExp = /^(audit\.log|token|installed\.json|service\.lock|receipts|receipts\/\d+\.json|refused|refused\/audit\.log)$/,
): string[] {
  const left = listFiles(site.state).filter(
    (name) => !allowed.test(name) && !/^audit\.\d{12}\.log$/.test(name),
  );
  const beside = readdirSync(dirname(site.chip)).filter(
    (name) => !['chip.bin', 'chip.bin.json'].includes(name),
  );
  return [
    ...left.map((name) => `left in the state folder: ${name}`),
    ...beside.map((name) => `left beside the chip: ${name}`),
  ];
}

function listFiles(folder: string, prefix = ''): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? [`${prefix}${entry.name}`, ...listFiles(join(folder, entry.name), `${prefix}${entry.name}/`)]
      : [`${prefix}${entry.name}`],
  );
}

/** The receipts in an audit log; throws where its chain does not hold. Reads it by docs, not by the code that is tested. */
export function auditReceipts(site: Site): Receipt[] {
  const path = join(site.state, 'audit.log');
  if (!existsSync(path)) return [];
  const old = readdirSync(site.state)
    .filter((name) => /^audit\.\d{12}\.log$/.test(name))
    .sort();
  const receipts: Receipt[] = [];
  let prev: string | null = null;
  for (const name of [...old, 'audit.log']) {
    const lines = readFileSync(join(site.state, name)).toString('latin1').split('\n');
    lines.pop();
    for (const line of lines) {
      // What a cut has torn stays ahead of a record separator.
      const entry = JSON.parse(line.slice(line.lastIndexOf('\x1e') + 1)) as {
        prev: string | null;
        receipt?: Receipt;
      };
      if (prev !== null && entry.prev !== prev)
        throw new Error(`a line of the audit log does not follow: ${line.slice(0, 80)}`);
      prev = createHash('sha256')
        .update(Buffer.from(`${line}\n`, 'latin1'))
        .digest('hex');
      if (entry.receipt !== undefined) receipts.push(entry.receipt);
    }
  }
  return receipts;
}
