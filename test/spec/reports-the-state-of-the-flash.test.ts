/**
 * Reports the state of the flash: never better than it is, and the same everywhere.
 *
 * | promised | shown by |
 * |---|---|
 * | what is not finished is not complete, whatever reports it | "${policy}: stopped before any operation, every report says what the chip has" |
 * |  | "a commit beside a partition that may be incomplete is not complete, and names it" |
 * | a damaged journal ends | "a damaged journal ends when every image of a board was written, and not before" |
 * |  | "after a damaged journal, a partition that cannot be read stays unfinished" |
 * | what is committed was all there | "a block that changes after it was compared keeps the gates shut" |
 */
import t from 'tap';
import { SluiceError } from '../../src/core/errors.js';
import { unfinishedIn } from '../../src/core/update/resume/unfinished.js';
import { makeBundle } from '../kit/bundle-maker.js';
import { noise } from '../kit/noise.js';
import { DeviceWrapper } from '../kit/device-wrapper.js';
import { MemoryJournal } from '../kit/memory-journal.js';
import {
  ERASE,
  layoutOf,
  nor,
  oldContent,
  partitionIn,
  quickChain,
  quickPlatform,
  recorder,
  same,
  sessionOf,
  SMALL,
  through,
  update,
  written,
} from '../kit/update-kit.js';
import { sameBytes } from '../kit/same-bytes.js';

const images = { kernel: noise(3 * ERASE - 9, 1), rofs: noise(4 * ERASE + 1, 2) };
const bundle = makeBundle({ images, kind: 'proven' }).bytes;
const before = oldContent();
const after = written(before, SMALL, images);
const quick = () => ({ trust: quickChain(), platform: quickPlatform });

for (const policy of ['before-erase', 'before-commit'] as const) {
  t.test(`${policy}: stopped before any operation, every report says what the chip has`, async (t) => {
    const states = new Set<string>();
    for (let stop = 1; ; stop++) {
      const { changes, onOperation } = recorder();
      const signal = { aborted: false, addEventListener: () => {}, removeEventListener: () => {} };
      const target = nor({
        onOperation: (operation) => {
          onOperation(operation);
          if (changes.length >= stop) signal.aborted = true;
        },
      });
      const journal = new MemoryJournal();
      const { receipt, error } = await update(target, bundle, { ...quick(), policy, journal, signal });
      const unfinished = await unfinishedIn(journal, quickPlatform, target);
      const truth = same(target.bytes, after)
        ? 'complete'
        : same(target.bytes, before)
          ? 'untouched'
          : 'partial';
      states.add(receipt.flash);
      if (receipt.flash !== truth) t.equal(receipt.flash, truth, `after ${stop} changes`);
      if (error !== null) t.equal(error.flash, truth);
      t.equal(unfinished.length > 0, truth === 'partial', `after ${stop} changes: ${unfinished.join()}`);
      // A session that is refused before its first image knows what the other has left.
      const next = await sessionOf(target, { ...quick(), journal }).abort(new Error('no source'));
      t.equal(next.flash === 'partial', truth === 'partial');
      if (changes.length < stop) break;
    }
    t.ok(states.has('partial') && states.has('complete'));
  });
}

t.test('a commit beside a partition that may be incomplete is not complete, and names it', async (t) => {
  const { changes, onOperation } = recorder();
  const signal = { aborted: false, addEventListener: () => {}, removeEventListener: () => {} };
  const target = nor({
    onOperation: (operation) => {
      onOperation(operation);
      if (changes.length === 2) signal.aborted = true;
    },
  });
  const journal = new MemoryJournal();
  const cut = { ...quick(), policy: 'before-commit', journal, signal, only: ['kernel'] } as const;
  t.match((await update(target, bundle, cut)).receipt, { outcome: 'interrupted', flash: 'partial' });
  const { receipt } = await update(target, bundle, { ...quick(), journal, only: ['rofs'] });
  t.match(receipt, { outcome: 'committed', flash: 'partial', message: /kernel may be incomplete/ });
  t.same(await unfinishedIn(journal, quickPlatform, target), ['kernel']);
  t.match((await update(target, bundle, { ...quick(), journal })).receipt, {
    outcome: 'committed',
    flash: 'complete',
  });
  t.same(await unfinishedIn(journal, quickPlatform, target), []);
  sameBytes(t, target.bytes, after);
});

t.test('a block that changes after it was compared keeps the gates shut', async (t) => {
  // All of kernel is in place, and rofs differs.
  const content = after.slice();
  const rofs = partitionIn(SMALL, 'rofs').offset;
  content.fill(0, rofs + ERASE, rofs + 2 * ERASE);
  const target = nor({ content });
  const session = sessionOf(target, quick());
  await session.write(bundle);
  target.bytes.fill(
    0,
    partitionIn(SMALL, 'kernel').offset + ERASE,
    partitionIn(SMALL, 'kernel').offset + ERASE + 1,
  );
  t.match(await session.end(), {
    outcome: 'failed',
    code: 'ERR_FLASH_CHANGED',
    flash: 'partial',
  });
});

t.test('a damaged journal ends when every image of a board was written, and not before', async (t) => {
  const parts = { ...images, 'u-boot': noise(ERASE, 3), rwfs: noise(ERASE, 4) };
  const whole = makeBundle({ images: parts, kind: 'proven' }).bytes;
  const layout = layoutOf({ 'u-boot': 2, env: 1, kernel: 4, rofs: 6, rwfs: 4 });
  const journal = new MemoryJournal(Buffer.from('junk'));
  const target = nor({ layout });
  const warnings: string[] = [];
  const options = () => ({
    ...quick(),
    journal,
    observer: { warn: (text: string) => void warnings.push(text) },
  });
  const partial = await update(target, bundle, options());
  t.match(partial.receipt, {
    outcome: 'committed',
    flash: 'partial',
    message: /u-boot, env, rwfs may be incomplete/,
  });
  t.same((await unfinishedIn(journal, quickPlatform, target)).toSorted(), ['env', 'rwfs', 'u-boot']);
  t.match((await update(target, whole, options())).receipt, { outcome: 'committed', flash: 'complete' });
  t.same(await unfinishedIn(journal, quickPlatform, target), []);
  t.match(warnings.at(-1), /env is readable, and is taken as it is/);
});

t.test('after a damaged journal, a partition that cannot be read stays unfinished', async (t) => {
  const parts = { ...images, 'u-boot': noise(ERASE, 3), rwfs: noise(ERASE, 4) };
  const whole = makeBundle({ images: parts, kind: 'proven' }).bytes;
  const layout = layoutOf({ 'u-boot': 2, env: 1, kernel: 4, rofs: 6, rwfs: 4 });
  const journal = new MemoryJournal(Buffer.from('junk'));
  const target = nor({ layout });
  class Unreadable extends DeviceWrapper {
    override read(offset: number, into: Uint8Array): Promise<void> {
      if (Math.floor(offset / ERASE) === 2) throw new SluiceError('ERR_FLASH_READ', 'no ECC fits');
      return super.read(offset, into);
    }
  }
  const { receipt } = await update(through(target, new Unreadable(target.chip)), whole, {
    ...quick(),
    journal,
  });
  t.match(receipt, { outcome: 'committed', flash: 'partial', message: /env may be incomplete/ });
});
