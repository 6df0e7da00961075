import { assert, property, uint8Array } from 'fast-check';
import t from 'tap';
import { SluiceError } from '../../src/errors.js';
import { formatJournal, parseJournal, type JournalRecord } from '../../src/update/journal-record.js';
import { MAX_RECORD } from '../../src/update/journal-store.js';
import { platform } from '../kit/update-kit.js';

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

t.test('a check that is right does not make nonsense a record', async (t) => {
  const { createHash } = await import('node:crypto');
  const sealed = (body: string): Uint8Array => {
    const check = createHash('sha256').update(body, 'latin1').digest('hex').slice(0, 16);
    return Buffer.from(`${body}end ${check}\n`, 'latin1');
  };
  const body = text.slice(0, text.indexOf('end '));
  t.same(parseJournal(platform, sealed(body)), record);
  const head = body.slice(0, body.indexOf('partition '));
  for (const line of [
    'suspect kernel',
    'suspect kernel 3-1',
    'suspect kernel 1,,2',
    'suspect kernel 0-99999999',
    'suspect %zz 1',
    'partition a b',
    'window a b',
    '12 0000000000000001',
    'window rofs\n12 1',
    'window rofs\n12 000000000000000g',
    'nothing',
    '',
  ]) {
    t.equal(parseJournal(platform, sealed(`${head}${line}\n`)), null, JSON.stringify(line));
  }
  t.equal(parseJournal(platform, sealed(head.replace('attempt 2', 'attempt -2'))), null);
  t.equal(parseJournal(platform, sealed(head.replace('sha256:', 'sha257:'))), null);
});

t.test('any bytes are a record, null or refused', async (t) => {
  assert(
    property(uint8Array({ maxLength: 300 }), (any) => {
      t.equal(parseJournal(platform, any), null);
    }),
    { numRuns: 200 },
  );
});
