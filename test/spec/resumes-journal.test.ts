/**
 * Resumes: the journal names a block before it changes, and costs little.
 *
 * | promised | shown by |
 * |---|---|
 * | no block changes before it is recorded | "a block is in the journal before it is touched" |
 * |  | "a journal that cannot be saved stops the session before the block is touched" |
 * |  | "the journal of a later version is left alone" |
 * | few records, and none at the end | "a whole update takes a handful of records and leaves none" |
 * |  | "changes that are far apart have a record each, and no other block is read for it" |
 * |  | "if nothing changes, nothing is recorded" |
 * | a stop leaves no suspect block | "a session that was stopped between two operations leaves no suspect block" |
 * |  | "a signal while the first record is written leaves the flash untouched, and the receipt says so" |
 * | the scan ahead and the resume have an end | "${type}: a block that cannot be read as the journal looks ahead does not stop it" |
 * |  | "an update that makes no progress is given up" |
 */
import t from 'tap';
import { SluiceError } from '../../src/core/errors.js';
import { parseJournal } from '../../src/core/update/resume/journal-record.js';
import { makeBundle } from '../kit/bundle-maker.js';
import { BLOCKS, bundle, chip, erasesOf, inRofs, kernel, layout, rofs } from '../kit/journal-kit.js';
import { MemoryJournal } from '../kit/memory-journal.js';
import { ERASE, nand, nor, platform, update } from '../kit/update-kit.js';
import { sameBytes } from '../kit/same-bytes.js';
import { noise } from '../kit/noise.js';

const byNumber = (a: number, b: number): number => a - b;

t.test('a whole update takes a handful of records and leaves none', async (t) => {
  const journal = new MemoryJournal();
  const { receipt } = await update(chip(), bundle, { journal });
  t.equal(receipt.outcome, 'committed');
  t.equal(journal.record, null);
  // Two windows of the kernel, seven of rofs, each twice as large as the one before, and one of the gates.
  t.equal(journal.saved.length, 10);
  t.same(receipt.session, {
    resumedFrom: null,
    attempt: 1,
    journal: { writes: 11, bytes: journal.saved.join('').length },
  });
  const record = parseJournal(platform, Buffer.from(journal.saved[0] as string, 'latin1'));
  t.equal(record?.bundle, receipt.bundle.identity);
  t.match(record, { attempt: 1, at: 0, stalled: 0, proven: 'before-erase index', partitions: ['kernel'] });
});

t.test('changes that are far apart have a record each, and no other block is read for it', async (t) => {
  const changed = rofs.slice();
  const blocks = [10, 30, 50, 70, 90, 110, 130];
  for (const block of blocks) changed.set(noise(ERASE, 50 + block), block * ERASE);
  const sparse = makeBundle({ images: { kernel, rofs: changed }, kind: 'proven' }).bytes;
  const bytesRead = async (journal: MemoryJournal | null): Promise<number> => {
    const target = chip();
    await update(target, bundle);
    const again = await target.reopen();
    t.equal((await update(again, sparse, { journal })).receipt.partitions['rofs']?.erased, blocks.length);
    return again.chip.stats().bytesRead;
  };
  const journal = new MemoryJournal();
  t.equal(await bytesRead(journal), (await bytesRead(null)) + blocks.length * ERASE);
  t.equal(journal.saved.length, blocks.length);
});

t.test('if nothing changes, nothing is recorded', async (t) => {
  const target = chip();
  await update(target, bundle);
  const journal = new MemoryJournal();
  const { receipt } = await update(target, bundle, { journal });
  t.equal(receipt.outcome, 'committed');
  t.same(journal.wear, { writes: 0, bytes: 0 });
});

t.test('a block is in the journal before it is touched', async (t) => {
  const journal = new MemoryJournal();
  const touched: string[] = [];
  const target = nor({
    layout,
    onOperation: (operation) => {
      if (operation.kind !== 'erase') return;
      const record = parseJournal(platform, journal.record as Uint8Array);
      const named = record?.windows.some(({ partition, blocks }) =>
        blocks.some(({ block }) => block + (partition === 'rofs' ? 4 : 0) === operation.block),
      );
      if (named !== true) touched.push(`${operation.block}`);
    },
  });
  t.equal((await update(target, bundle, { journal })).receipt.outcome, 'committed');
  t.same(touched, []);
});

t.test('a session that was stopped between two operations leaves no suspect block', async (t) => {
  const journal = new MemoryJournal();
  const signal = { aborted: false };
  const target = nor({
    layout,
    onOperation: ({ kind, block }) => {
      if (kind === 'erase' && block === inRofs(100)) signal.aborted = true;
    },
  });
  const { error } = await update(target, bundle, { journal, signal });
  t.equal(error?.code, 'ERR_SESSION_INTERRUPTED');
  t.match(parseJournal(platform, journal.record as Uint8Array), { windows: [], suspects: [], attempt: 1 });
  const { erased, receipt } = await erasesOf(target, bundle, journal);
  t.equal(erased[0], inRofs(101), 'block 100 was erased, and needs no other erase');
  t.equal(receipt.partitions['rofs']?.programmedWithoutErase, 1);
  t.equal(receipt.session.attempt, 2);
});

t.test('a journal that cannot be saved stops the session before the block is touched', async (t) => {
  for (const nth of [1, 2, 4, 5]) {
    const journal = new MemoryJournal();
    journal.failing = { nth, error: new SluiceError('ERR_SESSION_JOURNAL', 'no room') };
    const changed: number[] = [];
    const target = nor({
      layout,
      onOperation: ({ kind, block }) => kind !== 'read' && changed.push(block),
    });
    const { error, receipt } = await update(target, bundle, { journal });
    t.equal(error?.code, 'ERR_SESSION_JOURNAL');
    t.equal(receipt.outcome, 'interrupted');
    t.equal(receipt.flash, nth === 1 ? 'untouched' : 'partial');
    const named = journal.saved.flatMap((text) =>
      (parseJournal(platform, Buffer.from(text, 'latin1'))?.windows ?? []).flatMap(({ partition, blocks }) =>
        blocks.map(({ block }) => (partition === 'rofs' ? inRofs(block) : block)),
      ),
    );
    t.ok(named.length >= nth - 1);
    t.same(
      [...new Set(changed)].sort(byNumber),
      named.sort(byNumber),
      'all that was named, and nothing else',
    );
    t.notOk(changed.includes(0), 'no gate was opened');
  }
});

t.test('an update that makes no progress is given up', async (t) => {
  let target = chip();
  const journal = new MemoryJournal();
  const codes: unknown[] = [];
  for (let run = 0; run < 5; run++) {
    target = await target.reopen({ faults: [{ kind: 'cut', when: 'torn', on: 'erase', nth: 1, seed: run }] });
    codes.push((await update(target, bundle, { journal, resumeLimit: 3 })).error?.code);
  }
  t.same(
    codes.slice(0, 3),
    Array.from({ length: 3 }, () => 'ERR_FLASH_POWER_CUT'),
  );
  t.same(codes.slice(3), ['ERR_SESSION_STUCK', 'ERR_SESSION_STUCK']);
  const again = await target.reopen({ faults: [] });
  t.equal((await update(again, bundle, { journal, resumeLimit: 0 })).receipt.outcome, 'committed');
});

t.test('the journal of a later version is left alone', async (t) => {
  const record = Buffer.from('sluice-journal 2\nend\n', 'latin1');
  const journal = new MemoryJournal(record);
  const { error, receipt } = await update(chip(), bundle, { journal });
  t.equal(error?.code, 'ERR_SESSION_JOURNAL');
  t.equal(receipt.flash, 'untouched');
  t.equal(journal.record, record);
});

/** As many as the attempts at a block (core/update/write/block-writer.ts), at each of which the journal looks ahead. */
const FAILURES = 3;

for (const [type, make] of [
  ['NOR', nor],
  ['NAND', nand],
] as const) {
  t.test(`${type}: a block that cannot be read as the journal looks ahead does not stop it`, async (t) => {
    const journal = new MemoryJournal();
    const target = make({ layout, faults: [`fail:read@${inRofs(40)}:1:${FAILURES}`] });
    const { receipt, error } = await update(target, bundle, { journal });
    t.equal(error, null);
    t.equal(receipt.outcome, 'committed');
    t.equal(journal.record, null);
    sameBytes(t, target.bytes.subarray(inRofs(0) * ERASE, inRofs(BLOCKS) * ERASE), rofs);
  });
}

t.test(
  'a signal while the first record is written leaves the flash untouched, and the receipt says so',
  async (t) => {
    const journal = new MemoryJournal();
    const signal = { aborted: false };
    const save = journal.save.bind(journal);
    journal.save = async (record) => {
      await save(record);
      signal.aborted = true;
    };
    const target = chip();
    const before = target.bytes.slice();
    const { receipt } = await update(target, bundle, { journal, signal });
    t.match(receipt, { outcome: 'interrupted', flash: 'untouched' });
    sameBytes(t, target.bytes, before);
  },
);
