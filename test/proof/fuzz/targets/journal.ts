import { createHash } from 'node:crypto';
import {
  formatJournal,
  parseJournal,
  type JournalRecord,
} from '../../../../src/core/update/resume/journal-record.js';
import { MAX_RECORD } from '../../../../src/core/update/resume/journal-store.js';
import type { Platform } from '../../../../src/core/platform.js';
import { latin1, must, type FuzzTarget } from '../target.js';

/** As much of a platform as a record needs. */
const platform = {
  hasher: () => {
    const hash = createHash('sha256');
    return { update: (bytes: Uint8Array) => void hash.update(bytes), digest: () => hash.digest() };
  },
} as unknown as Platform;

const record: JournalRecord = {
  bundle: `sha256:${'0a'.repeat(32)}`,
  partitions: ['kernel', 'a b'],
  proven: 'before-erase index OpenBMC',
  attempt: 3,
  at: 17,
  stalled: 1,
  kind: 0x1234n,
  windows: [
    {
      partition: 'kernel',
      blocks: Array.from({ length: 5 }, (_, block) => ({ block, print: BigInt(block) })),
    },
  ],
  suspects: [
    { partition: 'kernel', blocks: [1, 2, 3, 9] },
    { partition: 'a b', blocks: null },
  ],
};

/** Gives the record its right check sum again. */
function mend(bytes: Buffer): Buffer {
  const end = bytes.lastIndexOf('\nend ') + 1;
  if (end === 0) return bytes;
  const body = bytes.subarray(0, end);
  const check = createHash('sha256').update(body).digest('hex').slice(0, 16);
  return Buffer.concat([body, latin1(`end ${check}\n`)]);
}

export const journal: FuzzTarget = {
  name: 'journal',
  codes: ['ERR_SESSION_JOURNAL'],
  seeds: [
    formatJournal(platform, record),
    formatJournal(platform, { ...record, bundle: null, windows: [], suspects: [] }),
    latin1('sluice-journal 2\nwhatever\n'),
  ],
  dictionary: [
    'suspect ',
    'window ',
    'partition ',
    ' all\n',
    '0-99',
    '%',
    '%2f',
    '\nend ',
    'sluice-journal 999999999\n',
    '-\n',
  ],
  longest: MAX_RECORD + 64,
  bound: 500,
  mend,
  run: (bytes) => {
    const before = process.memoryUsage().heapUsed;
    const parsed = parseJournal(platform, bytes);
    const grown = process.memoryUsage().heapUsed - before;
    must(grown < 64 * 1024 * 1024, `a record of ${bytes.length} bytes takes ${grown}`);
    if (parsed === null) return 'damaged';
    must(bytes.length <= MAX_RECORD, 'a record that is too long');
    for (const number of [parsed.attempt, parsed.at, parsed.stalled])
      must(Number.isSafeInteger(number) && number >= 0, `${number}`);
    for (const { blocks } of parsed.suspects)
      must(blocks === null || blocks.every(Number.isSafeInteger), 'a block that is none');
    const again = parseJournal(platform, formatJournal(platform, parsed));
    const text = (it: JournalRecord | null): string =>
      JSON.stringify(it, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value));
    // Where it does not get into a record any more, its suspects are told by whole partitions.
    must(again !== null, 'what was read cannot be written');
    const isWhole =
      again.suspects.length === parsed.suspects.length &&
      again.suspects.every(({ blocks }, at) => (blocks === null) === (parsed.suspects[at]?.blocks === null));
    must(!isWhole || text(again) === text(parsed), 'it reads back otherwise');
    return `${parsed.windows.length} ${parsed.suspects.length} ${parsed.partitions.length}`;
  },
};
