/**
 * Resumes: after a cut, only the blocks that may be torn are written again.
 *
 * | promised | shown by |
 * |---|---|
 * | at most the last block is erased again | "after a cut the last finished block is erased again, and none of those before it" |
 * |  | "an update that is cut in the block that it erases again goes no further back" |
 * |  | "a gate that is unchanged and was never shut is not written, whatever was cut" |
 * | a block that may be torn is written anew, however it reads | "a block that reads as before when the session begins and as new a moment later is torn" |
 * |  | "a block whose program may have begun is erased, even if clearing bits were enough" |
 * |  | "a block that could not be read when the session began is the one that may be torn" |
 * |  | "another bundle starts anew, and writes each block that may be torn" |
 * | gates are known by their fingerprints | "a cut at the gates names the one that may be torn" |
 * |  | "a gate that may be torn keeps the fingerprint that it had before, whatever it reads as now" |
 * |  | "an update of another partition alone keeps the record of a gate that may be torn" |
 * |  | "fingerprints that were made in another way prove nothing" |
 * | suspect blocks are kept until they are written | "a bundle for another partition leaves the suspect blocks recorded" |
 * |  | "a session on a part of the flash keeps the suspect blocks of the rest" |
 * |  | "the same bundle for a part of the flash keeps the suspect blocks of the rest" |
 * |  | "a record for a block that may be torn says nothing of other partitions" |
 * | a damaged journal costs erases and never bytes | "after a damaged journal every block is written anew" |
 * |  | "after a damaged journal, flash with two names is suspect until it is written by either name" |
 *
 * More: `test/spec/resumes-journal.test.ts`, `test/spec/resumes-after-lasting-faults.test.ts`.
 */
import t from 'tap';
import { parseFault } from '../../src/core/sim/index.js';
import type { MemoryTarget } from '../../src/core/sim/index.js';
import type { Partition } from '../../src/core/flash/device.js';
import { Journal } from '../../src/core/update/resume/journal.js';
import { parseJournal } from '../../src/core/update/resume/journal-record.js';
import { makeBundle } from '../kit/bundle-maker.js';
import {
  BLOCKS,
  bundle,
  chip,
  cutAt,
  erasesOf,
  inRofs,
  kernel,
  layout,
  other,
  rofs,
} from '../kit/journal-kit.js';
import { MemoryJournal } from '../kit/memory-journal.js';
import { ERASE, layoutOf, nor, platform, update } from '../kit/update-kit.js';
import { sameBytes } from '../kit/same-bytes.js';
import { noise } from '../kit/noise.js';

t.test('after a cut the last finished block is erased again, and none of those before it', async (t) => {
  const { journal, target } = await cutAt(t, 100);
  const { receipt, erased, target: after } = await erasesOf(target, bundle, journal);
  t.equal(receipt.outcome, 'committed');
  t.same(erased.slice(0, 3), [inRofs(99), inRofs(100), inRofs(101)]);
  // The kernel but for its gate, 99 of rofs; the gate of rofs is held too.
  t.match(receipt.session, { resumedFrom: 2 + 98, attempt: 2 });
  const clean = chip();
  await update(clean, bundle);
  sameBytes(t, after.bytes, clean.bytes);
  t.equal(journal.record, null);
});

t.test('another bundle starts anew, and writes each block that may be torn', async (t) => {
  const { journal, target } = await cutAt(t, 100);
  const { receipt, erased } = await erasesOf(target, other, journal);
  t.match(receipt.session, { resumedFrom: null, attempt: 1 });
  t.ok(erased.includes(inRofs(100)));
  t.equal(journal.record, null);
});

t.test('a bundle for another partition leaves the suspect blocks recorded', async (t) => {
  const { journal, target } = await cutAt(t, 100);
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

t.test('after a damaged journal every block is written anew', async (t) => {
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

t.test(
  'after a damaged journal, flash with two names is suspect until it is written by either name',
  async (t) => {
    const target = chip();
    const named = target.partitions.get('rofs') as Partition;
    const twin = { ...named, name: 'twin' };
    const two = { ...target, partitions: new Map([...target.partitions, ['twin', twin]]) };
    for (const written of [named, twin]) {
      const store = new MemoryJournal(new Uint8Array([1, 2, 3]));
      const journal = await Journal.open(
        { store, platform, target: two, observer: {} },
        { bundle: null, proven: 'unsigned' },
      );
      t.notOk(journal.trustsErased(named, inRofs(0)));
      t.notOk(journal.trustsErased(twin, inRofs(BLOCKS - 1)));
      journal.settleImage(written);
      t.ok(journal.trustsErased(named, inRofs(0)), written.name);
      t.ok(journal.trustsErased(twin, inRofs(BLOCKS - 1)), written.name);
      t.notOk(journal.trustsErased(target.partitions.get('kernel') as Partition, 0));
    }
  },
);

t.test('fingerprints that were made in another way prove nothing', async (t) => {
  const { journal, target } = await cutAt(t, 100);
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

t.test('an update that is cut in the block that it erases again goes no further back', async (t) => {
  const { journal, target } = await cutAt(t, 100);
  let chip = target;
  for (let run = 0; run < 4; run++) {
    chip = await chip.reopen({ faults: [{ kind: 'cut', when: 'torn', on: 'erase', nth: 1, seed: run }] });
    t.equal((await update(chip, bundle, { journal })).error?.code, 'ERR_FLASH_POWER_CUT');
  }
  const { erased, receipt } = await erasesOf(await chip.reopen({ faults: [] }), bundle, journal);
  t.equal(receipt.outcome, 'committed');
  t.same(erased.slice(0, 3), [inRofs(99), inRofs(100), inRofs(101)]);
});

t.test('a gate that is unchanged and was never shut is not written, whatever was cut', async (t) => {
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

t.test('a session on a part of the flash keeps the suspect blocks of the rest', async (t) => {
  const { journal, target } = await cutAt(t, 100);
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

t.test(
  'a block that reads as before when the session begins and as new a moment later is torn',
  async (t) => {
    const { journal, target } = await cutAt(t, 100);
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
  },
);

t.test('the same bundle for a part of the flash keeps the suspect blocks of the rest', async (t) => {
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
  'a gate that may be torn keeps the fingerprint that it had before, whatever it reads as now',
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

t.test('an update of another partition alone keeps the record of a gate that may be torn', async (t) => {
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

t.test('a block whose program may have begun is erased, even if clearing bits were enough', async (t) => {
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
  const { journal, target } = await cutAt(t, 100);
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

t.test('a record for a block that may be torn says nothing of other partitions', async (t) => {
  const order: number[] = [];
  await update(
    await chip().reopen({ onOperation: ({ kind, block }) => kind === 'erase' && order.push(block) }),
    bundle,
  );
  const [gate, last] = order.slice(-2) as [number, number];
  const store = new MemoryJournal();
  const target = chip([`cut:before:erase@${gate}:1`]);
  t.equal((await update(target, bundle, { journal: store })).error?.code, 'ERR_FLASH_POWER_CUT');
  const again = await target.reopen({ faults: [] });
  const record = parseJournal(platform, store.record as Uint8Array);
  const journal = await Journal.open(
    { store, platform, target: again, observer: {} },
    { bundle: record?.bundle ?? null, proven: record?.proven ?? '' },
  );
  const of = (block: number): Partition =>
    again.partitions.get(block < inRofs(0) ? 'kernel' : 'rofs') as Partition;
  await journal.beforeChange(of(last), last, [last]);
  journal.settle(of(last), last);
  t.ok(journal.trustsErased(of(last), last));
  t.notOk(journal.trustsErased(of(gate), gate));
});
