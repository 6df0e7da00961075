import { createHash } from 'node:crypto';
import { assert, property, uint8Array } from 'fast-check';
import t from 'tap';
import { SluiceError } from '../../../../../src/core/errors.js';
import {
  formatJournal,
  parseJournal,
  type JournalRecord,
} from '../../../../../src/core/update/resume/journal-record.js';
import { MAX_RECORD } from '../../../../../src/core/update/resume/journal-store.js';
import { platform } from '../../../../kit/update-kit.js';

const record: JournalRecord = {
  bundle: `sha256:${'0a'.repeat(32)}`,
  partitions: ['kernel', 'mtdram test device'],
  proven: 'before-erase index',
  attempt: 2,
  at: 60,
  stalled: 1,
  kind: 0x0123456789abcdefn,
  windows: [
    { partition: 'rofs', blocks: [10, 11, 13].map((block) => ({ block, print: BigInt(block) })) },
    { partition: 'mtdram test device', blocks: [{ block: 0, print: 2n ** 64n - 1n }] },
  ],
  suspects: [
    { partition: 'kernel', blocks: [1, 2, 3, 7] },
    { partition: 'u-boot', blocks: null },
  ],
};
const bytes = formatJournal(platform, record);
const text = Buffer.from(bytes).toString('latin1');

t.test('a record is lines of text', async (t) => {
  t.same(text.split('\n').slice(0, -2), [
    'sluice-journal 1',
    `bundle sha256:${'0a'.repeat(32)}`,
    'proven before-erase index',
    'attempt 2 at 60 stalled 1',
    'kind 0123456789abcdef',
    'partition kernel',
    'partition mtdram%20test%20device',
    'suspect kernel 1-3,7',
    'suspect u-boot all',
    'window rofs',
    '10 000000000000000a',
    '11 000000000000000b',
    '13 000000000000000d',
    'window mtdram%20test%20device',
    '0 ffffffffffffffff',
  ]);
  t.match(text, /\nend [0-9a-f]{16}\n$/);
});

t.test('what is written is read', async (t) => {
  t.same(parseJournal(platform, bytes), record);
  const none = { ...record, bundle: null, partitions: [], windows: [], suspects: [] };
  t.same(parseJournal(platform, formatJournal(platform, none)), none);
});

t.test('any damage is seen', async (t) => {
  for (let at = 0; at < bytes.length; at++) {
    const damaged = bytes.slice();
    damaged[at] = (damaged[at] as number) ^ (1 << (at % 8));
    let read: JournalRecord | null = null;
    try {
      read = parseJournal(platform, damaged);
    } catch (thrown) {
      t.equal(
        (thrown as SluiceError).code,
        'ERR_SESSION_JOURNAL',
        'the number of the format may become larger',
      );
    }
    t.equal(read, null, `byte ${at}`);
    t.equal(parseJournal(platform, bytes.subarray(0, at)), null, `the first ${at} bytes`);
  }
});

t.test('what a later version has made is refused', async (t) => {
  const later = Buffer.from(text.replace('sluice-journal 1', 'sluice-journal 2'), 'latin1');
  t.throws(() => parseJournal(platform, later), { code: 'ERR_SESSION_JOURNAL' });
});

t.test('what does not get into a record is told by whole partitions', async (t) => {
  const blocks = Array.from({ length: 2000 }, (_, k) => k * 2);
  const large = formatJournal(platform, { ...record, suspects: [{ partition: 'rofs', blocks }] });
  t.ok(large.length <= MAX_RECORD);
  t.same(parseJournal(platform, large)?.suspects, [{ partition: 'rofs', blocks: null }]);
});

/** With a check that is right, whatever it says. */
function sealed(body: string): Uint8Array {
  const check = createHash('sha256').update(body, 'latin1').digest('hex').slice(0, 16);
  return Buffer.from(`${body}end ${check}\n`, 'latin1');
}
const body = text.slice(0, text.indexOf('end '));
/** Up to the lists. */
const head = body.slice(0, body.indexOf('partition '));
const readOf = (lines: string): JournalRecord | null => parseJournal(platform, sealed(`${head}${lines}\n`));

t.test('a check that is right does not make nonsense a record', async (t) => {
  t.same(parseJournal(platform, sealed(body)), record);
  for (const line of [
    'suspect kernel',
    'suspect kernel 3-1',
    'suspect kernel 1,,2',
    'suspect kernel 1-2x',
    'suspect kernel x1-2',
    'suspect kernel 0-99999999',
    'suspect %zz 1',
    'partition a b',
    'window a b',
    '12 0000000000000001',
    'window rofs\n12 1',
    'window rofs\n12 000000000000000g',
    'window rofs\n12 00000000000000000',
    'window rofs\n12 0000000000000001 2',
    'window rofs\n1234567890 0000000000000001',
    'nothing',
    '',
  ]) {
    t.equal(readOf(line), null, JSON.stringify(line));
  }
});

t.test('a line is read from its first letter to its last, or not at all', async (t) => {
  const lines = body.split('\n').slice(0, -1);
  for (const [at, line] of lines.entries()) {
    for (const [what, wrong] of [
      ['more in front', `x ${line}`],
      ['a digit in front', `1${line}`],
      ['more behind', `${line} x`],
      ['none', ''],
      ['only its first word', line.slice(0, line.indexOf(' ') + 1)],
    ] as const) {
      const others = lines.with(at, wrong);
      // How the blocks are proven is told in words, any words; blocks have numbers of up to nine digits.
      if (what === 'more behind' && at === 2) continue;
      if (what === 'a digit in front' && /^\d/.test(line)) continue;
      t.equal(parseJournal(platform, sealed(`${others.join('\n')}\n`)), null, `${line}: ${what}`);
    }
  }
});

t.test('the head of a record has all of its lines, each as it is to be', async (t) => {
  const lines = head.split('\n').slice(0, -1);
  for (let count = 0; count < lines.length; count++) {
    const some = lines.slice(0, count).map((line) => `${line}\n`);
    t.equal(parseJournal(platform, sealed(some.join(''))), null, `${count} lines`);
  }
  for (const [from, to] of [
    ['attempt 2', 'attempt -2'],
    ['attempt 2', 'attempt 1234567890'],
    ['at 60', 'at 1234567890'],
    ['stalled 1', 'stalled 1234567890'],
    ['sha256:', 'sha257:'],
    ['0a0a', '0a0A'],
    ['0123456789abcdef', '0123456789abcde'],
    ['0123456789abcdef', '0123456789abcdeg'],
    ['proven before', 'proven  before'],
    ['proven before', 'proven b\refore'],
    ['sluice-journal 1', 'sluice-journal 01'],
  ] as const) {
    t.equal(parseJournal(platform, sealed(body.replace(from, to))), null, to);
  }
  const large = body.replace('attempt 2 at 60 stalled 1', 'attempt 123456789 at 987654321 stalled 100000000');
  t.match(parseJournal(platform, sealed(large)), { attempt: 123456789, at: 987654321, stalled: 100000000 });
});

t.test('the check is the end, and covers all before it', async (t) => {
  const good = Buffer.from(sealed(body)).toString('latin1');
  for (const wrong of [
    body,
    `${good}x`,
    good.slice(0, -1),
    `${good}${good}`,
    good.replace('\nend ', '\nEND '),
  ]) {
    t.equal(parseJournal(platform, Buffer.from(wrong, 'latin1')), null);
  }
});

t.test('suspects may name 65536 blocks together, and no more', async (t) => {
  const named = (lines: string): number | undefined =>
    readOf(lines)?.suspects.reduce((sum, { blocks }) => sum + (blocks?.length ?? 0), 0);
  t.equal(named('suspect a 0-65535'), 65536);
  t.equal(named('suspect a 0,2-65536'), 65536);
  t.equal(named('suspect a 70000-70001'), 2, 'whatever their numbers');
  t.equal(named('suspect a 0-32767\nsuspect b all\nsuspect c 0-32767'), 65536);
  t.same(readOf('suspect a 5-5')?.suspects, [{ partition: 'a', blocks: [5] }]);
  for (const lines of [
    'suspect a 0-65536',
    'suspect a 0,2-65537',
    'suspect a 0-65535\nsuspect b 1',
    'suspect a 0-32767\nsuspect b all\nsuspect c 0-32768',
  ]) {
    t.equal(readOf(lines), null, lines);
  }
});

t.test('a record of the largest size is written and read, one of a byte more is neither', async (t) => {
  const ofSize = (proven: number): JournalRecord => ({ ...record, proven: 'p'.repeat(proven) });
  const rest = formatJournal(platform, ofSize(1)).length - 1;
  const largest = ofSize(MAX_RECORD - rest);
  const full = formatJournal(platform, largest);
  t.equal(full.length, MAX_RECORD);
  t.same(parseJournal(platform, full), largest);
  const over = formatJournal(platform, ofSize(MAX_RECORD - rest + 1));
  t.notOk(Buffer.from(over).toString('latin1').includes('suspect kernel 1-3,7'), 'told by whole partitions');
  const lines = Buffer.from(full).toString('latin1').replace('proven p', 'proven pp');
  t.equal(parseJournal(platform, sealed(lines.slice(0, lines.lastIndexOf('end ')))), null);
});

t.test('any bytes are a record, null or refused', async (t) => {
  assert(
    property(uint8Array({ maxLength: 300 }), (any) => {
      t.equal(parseJournal(platform, any), null);
    }),
    { numRuns: 200 },
  );
});
