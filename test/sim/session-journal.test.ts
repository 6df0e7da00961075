import t from 'tap';
import { SluiceError } from '../../src/errors.js';
import { parseFault } from '../../src/flash/sim/index.js';
import type { MemoryTarget } from '../../src/flash/sim/index.js';
import { parseJournal } from '../../src/update/journal-record.js';
import { makeBundle, noise } from '../kit/bundle-maker.js';
import { MemoryJournal } from '../kit/memory-journal.js';
import { ERASE, layoutOf, nand, nor, platform, same, update } from '../kit/update-kit.js';

// More blocks than one record covers.
const BLOCKS = 150;
const layout = layoutOf({ kernel: 4, rofs: BLOCKS });
const chip = (faults: readonly string[] = []): MemoryTarget => nor({ layout, faults });
const kernel = noise(3 * ERASE, 1);
const rofs = noise(BLOCKS * ERASE, 2);
const bundle = makeBundle({ images: { kernel, rofs }, kind: 'proven' }).bytes;
const other = makeBundle({ images: { kernel, rofs: noise(BLOCKS * ERASE, 3) }, kind: 'proven' }).bytes;

/** Device block of block `n` of rofs. */
const inRofs = (n: number): number => 4 + n;

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

t.test('where changes are far apart each has its record, and no other block is read for it', async (t) => {
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

t.test('where nothing changes nothing is recorded', async (t) => {
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

const byNumber = (a: number, b: number): number => a - b;

/** Cuts an update in the erase of block `n` of rofs, so that it has the first `n` - 1 of them. */
async function cutAt(n: number, when: 'before' | 'after' = 'before') {
  const journal = new MemoryJournal();
  const target = chip([`cut:${when}:erase@${inRofs(n)}:1`]);
  const { error } = await update(target, bundle, { journal });
  t.equal(error?.code, 'ERR_FLASH_POWER_CUT');
  return { journal, target };
}

/** Blocks that an update erases, in order. */
async function erasesOf(from: MemoryTarget, bytes: Uint8Array, journal: MemoryJournal) {
  const erased: number[] = [];
  const target = await from.reopen({
    onOperation: ({ kind, block }) => kind === 'erase' && erased.push(block),
  });
  const result = await update(target, bytes, { journal });
  return { ...result, erased, target };
}

t.test('after a cut the last finished block is erased again, and none of those before it', async (t) => {
  const { journal, target } = await cutAt(100);
  const { receipt, erased, target: after } = await erasesOf(target, bundle, journal);
  t.equal(receipt.outcome, 'committed');
  t.same(erased.slice(0, 3), [inRofs(99), inRofs(100), inRofs(101)]);
  // The kernel but for its gate, 99 of rofs; the gate of rofs is held too.
  t.match(receipt.session, { resumedFrom: 2 + 98, attempt: 2 });
  const clean = chip();
  await update(clean, bundle);
  t.ok(same(after.bytes, clean.bytes));
  t.equal(journal.record, null);
});

t.test('another bundle starts anew, and trusts nothing that may be torn', async (t) => {
  const { journal, target } = await cutAt(100);
  const { receipt, erased } = await erasesOf(target, other, journal);
  t.match(receipt.session, { resumedFrom: null, attempt: 1 });
  t.ok(erased.includes(inRofs(100)));
  t.equal(journal.record, null);
});

t.test('a bundle for another partition leaves the doubt where it is', async (t) => {
  const { journal, target } = await cutAt(100);
  const only = makeBundle({ images: { kernel: noise(3 * ERASE, 9) }, kind: 'proven' }).bytes;
  const { receipt, target: after } = await erasesOf(target, only, journal);
  t.equal(receipt.outcome, 'committed');
  const left = parseJournal(platform, journal.record as Uint8Array);
  t.match(left, { bundle: null, attempt: 0, windows: [], suspects: [{ partition: 'rofs' }] });
  t.ok(left?.suspects[0]?.blocks?.includes(99) === true && left.suspects[0].blocks.includes(100));
  const { erased, receipt: last } = await erasesOf(after, bundle, journal);
  t.equal(last.outcome, 'committed');
  t.ok(erased.includes(inRofs(99)), 'it reads right and is erased all the same');
  t.equal(journal.record, null);
});

t.test('a session that was stopped between two operations leaves nothing in doubt', async (t) => {
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

t.test('an update that comes no further is given up', async (t) => {
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

t.test('a damaged journal has everything written anew', async (t) => {
  const target = chip();
  await update(target, bundle);
  const warnings: string[] = [];
  const journal = new MemoryJournal(new Uint8Array([1, 2, 3]));
  const observer = { warn: (message: string) => void warnings.push(message) };
  const again = await target.reopen();
  const { receipt } = await update(again, bundle, { journal, observer });
  t.equal(receipt.outcome, 'committed');
  t.equal(receipt.partitions['rofs']?.erased, BLOCKS);
  t.equal(receipt.partitions['kernel']?.erased, 3);
  t.equal(warnings.length, 1);
  t.equal(journal.record, null);
});

t.test('the journal of a later version is left alone', async (t) => {
  const record = Buffer.from('sluice-journal 2\nend\n', 'latin1');
  const journal = new MemoryJournal(record);
  const { error, receipt } = await update(chip(), bundle, { journal });
  t.equal(error?.code, 'ERR_SESSION_JOURNAL');
  t.equal(receipt.flash, 'untouched');
  t.equal(journal.record, record);
});

t.test('prints that were made in another way prove nothing', async (t) => {
  const { journal, target } = await cutAt(100);
  const again = await target.reopen();
  const begun = parseJournal(platform, journal.record as Uint8Array)?.windows[0]?.blocks[0]?.block as number;
  const other = { ...platform, fingerprint: (bytes: Uint8Array) => platform.fingerprint(bytes) ^ 1n };
  const { receipt } = await update(again, bundle, { journal, platform: other });
  t.equal(receipt.outcome, 'committed');
  // What was finished in the window is erased again. The gate is held: it comes on top.
  t.ok(begun > 1 && begun < 100);
  t.equal(receipt.partitions['rofs']?.erased, BLOCKS - begun + 1);
  t.equal(journal.record, null);
});

t.test('a cut at the gates names the one that may be torn', async (t) => {
  const journal = new MemoryJournal();
  const target = chip(['cut:after:program@4:1']);
  const first = await update(target, bundle, { journal });
  t.equal(first.error?.code, 'ERR_FLASH_POWER_CUT');
  const { erased, receipt } = await erasesOf(target, bundle, journal);
  t.equal(receipt.outcome, 'committed');
  t.same(erased, [inRofs(0)], 'the gate of the kernel was finished before');
});

t.test('cut in the block that it erases again, an update goes no further back', async (t) => {
  const { journal, target } = await cutAt(100);
  let chip = target;
  for (let run = 0; run < 4; run++) {
    chip = await chip.reopen({ faults: [{ kind: 'cut', when: 'torn', on: 'erase', nth: 1, seed: run }] });
    t.equal((await update(chip, bundle, { journal })).error?.code, 'ERR_FLASH_POWER_CUT');
  }
  const { erased, receipt } = await erasesOf(await chip.reopen({ faults: [] }), bundle, journal);
  t.equal(receipt.outcome, 'committed');
  t.same(erased.slice(0, 3), [inRofs(99), inRofs(100), inRofs(101)]);
});

t.test('a gate that is right and was never shut is not written, whatever was cut', async (t) => {
  const stock = makeBundle({ images: { kernel, rofs }, kind: 'stock' }).bytes;
  const options = { policy: 'before-commit' as const, only: ['kernel', 'rofs'] };
  const right = chip();
  await update(right, stock, options);
  const journal = new MemoryJournal();
  const held = await right.reopen({ faults: [] });
  const { receipt } = await update(held, stock, { ...options, journal });
  t.same(journal.saved, []);
  for (const row of Object.values(receipt.partitions)) t.equal(row.skipped, row.blocks);
});

t.test('a session on a part of the flash keeps what is in doubt in the rest', async (t) => {
  const { journal, target } = await cutAt(100);
  const kernelOnly = makeBundle({ images: { kernel: noise(3 * ERASE, 9) }, kind: 'proven' }).bytes;
  const held = await target.reopen({ faults: [] });
  // As `mtd:kernel` opens it, where the session before had `mtd:`.
  const part = { ...held, partitions: new Map([...held.partitions].filter(([name]) => name === 'kernel')) };
  t.equal((await update(part, kernelOnly, { journal })).receipt.outcome, 'committed');
  const [left, ...others] = parseJournal(platform, journal.record as Uint8Array)?.suspects ?? [];
  t.same(others, []);
  t.equal(left?.partition, 'rofs');
  t.ok(left?.blocks?.includes(99) === true && left.blocks.includes(100));
  const { erased, receipt } = await erasesOf(held, bundle, journal);
  t.equal(receipt.outcome, 'committed');
  t.ok(erased.includes(inRofs(99)), 'it reads right and is erased all the same');
  t.equal(journal.record, null);
});

/** As many as the attempts at a block (update/block-writer.ts), at each of which the journal looks ahead. */
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
    t.ok(same(target.bytes.subarray(inRofs(0) * ERASE, inRofs(BLOCKS) * ERASE), rofs));
  });
}

t.test('a block that reads as before when the session begins and right a moment later is torn', async (t) => {
  const { journal, target } = await cutAt(100);
  const block = inRofs(100);
  const image = rofs.subarray(100 * ERASE, 101 * ERASE);
  const erased: number[] = [];
  // Its erase and program were nearly done: which bits it reads differs from one reading to the next.
  const again = await target.reopen({
    faults: [],
    onOperation: (operation) => {
      if (operation.kind === 'erase') erased.push(operation.block);
      if (operation.kind === 'read' && operation.block === block && !erased.includes(block)) {
        again.bytes.set(image, block * ERASE);
      }
    },
  });
  const { receipt } = await update(again, bundle, { journal });
  t.equal(receipt.outcome, 'committed');
  t.ok(erased.includes(block));
});

t.test('the same bundle for a part of the flash keeps what is in doubt in the rest', async (t) => {
  const journal = new MemoryJournal();
  const even = layoutOf({ kernel: 20, rofs: 20 });
  const images = { kernel: noise(20 * ERASE, 4), rofs: noise(20 * ERASE, 5) };
  const both = makeBundle({ images, kind: 'proven' }).bytes;
  const target = nor({ layout: even, faults: ['cut:before:erase@35:1'] });
  t.equal((await update(target, both, { journal })).error?.code, 'ERR_FLASH_POWER_CUT');
  const held = await target.reopen({ faults: [] });
  const part = { ...held, partitions: new Map([...held.partitions].filter(([name]) => name === 'kernel')) };
  t.equal((await update(part, both, { journal, only: ['kernel'] })).receipt.outcome, 'committed');
  const [left] = parseJournal(platform, journal.record as Uint8Array)?.suspects ?? [];
  t.equal(left?.partition, 'rofs');
  t.ok(left?.blocks?.includes(15));
  const { erased, receipt } = await erasesOf(held, both, journal);
  t.equal(receipt.outcome, 'committed');
  t.ok(erased.includes(35));
  t.equal(journal.record, null);
});

t.test(
  'a gate that may be torn keeps the print that it had before, whatever it reads like by now',
  async (t) => {
    const journal = new MemoryJournal();
    const first = chip(['cut:before:erase@0:1']);
    t.equal((await update(first, bundle, { journal })).error?.code, 'ERR_FLASH_POWER_CUT');
    // Its erase and program had begun: it reads as before when the next session begins, and as the new one later.
    let reads = 0;
    const second = await first.reopen({
      faults: [{ kind: 'cut', when: 'before', on: 'erase', nth: 1, seed: 1 }],
      onOperation: ({ kind, block }) => {
        if (kind === 'read' && block === 0 && ++reads === 1) second.bytes.set(kernel.subarray(0, ERASE));
      },
    });
    t.equal((await update(second, bundle, { journal })).error?.code, 'ERR_FLASH_POWER_CUT');
    t.ok(reads > 1);
    const { erased, receipt } = await erasesOf(await second.reopen({ faults: [] }), bundle, journal);
    t.equal(receipt.outcome, 'committed');
    t.ok(erased.includes(0));
  },
);

t.test('a gate that may be torn is kept in mind by an update of the other partition alone', async (t) => {
  const erases = (target: MemoryTarget, seen: number[]) =>
    target.reopen({ faults: [], onOperation: ({ kind, block }) => kind === 'erase' && seen.push(block) });
  const order: number[] = [];
  await update(await erases(chip(), order), bundle);
  const [gate, last] = order.slice(-2) as [number, number];
  const journal = new MemoryJournal();
  const target = chip([`cut:before:erase@${gate}:1`]);
  t.equal((await update(target, bundle, { journal })).error?.code, 'ERR_FLASH_POWER_CUT');
  const only = [last < inRofs(0) ? 'kernel' : 'rofs'];
  const again: number[] = [];
  const second = await erases(target, again);
  t.equal((await update(second, bundle, { journal, only })).receipt.outcome, 'committed');
  t.ok(again.includes(last));
  // As a torn block may: it reads right when it is compared.
  const image = gate < inRofs(0) ? kernel : rofs;
  second.bytes.set(image.subarray(0, ERASE), gate * ERASE);
  const { erased, receipt } = await erasesOf(second, bundle, journal);
  t.equal(receipt.outcome, 'committed');
  t.ok(erased.includes(gate));
  t.equal(journal.record, null);
});

t.test(
  'a signal that comes while the first record is written leaves the flash untouched, and it says so',
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
    t.ok(same(target.bytes, before));
  },
);

t.test('a block whose program may have begun is erased, even where clearing bits would do', async (t) => {
  const journal = new MemoryJournal();
  const block = inRofs(20);
  const blank = new Uint8Array((4 + BLOCKS) * ERASE).fill(0xff);
  const target = nor({ layout, content: blank, faults: [`cut:before:program@${block}:1`] });
  t.equal((await update(target, bundle, { journal })).error?.code, 'ERR_FLASH_POWER_CUT');
  const { erased, receipt } = await erasesOf(await target.reopen({ faults: [] }), bundle, journal);
  t.equal(receipt.outcome, 'committed');
  t.ok(erased.includes(block));
});

t.test('a block that could not be read when the session began is the one that may be torn', async (t) => {
  const { journal, target } = await cutAt(100);
  const again = await target.reopen({ faults: [parseFault(`fail:read@${inRofs(100)}:1`)] });
  const erased: number[] = [];
  const watched = await again.reopen({
    onOperation: ({ kind, block }) => kind === 'erase' && erased.push(block),
  });
  const { receipt } = await update(watched, bundle, { journal });
  t.equal(receipt.outcome, 'committed');
  t.ok(erased.includes(inRofs(100)));
  t.notOk(erased.includes(inRofs(99)), 'the one before it is finished then');
});
