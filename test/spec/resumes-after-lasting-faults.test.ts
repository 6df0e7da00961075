/**
 * Resumes: faults that last, and faults beside the flash. The next session, on a board that is well, finishes.
 *
 * | promised | shown by |
 * |---|---|
 * | a controller that dies at any operation | "${on}: from any operation on everything fails; the next session finishes" |
 * | a journal that cannot be read or written | "${on}: a journal that cannot be written, at any of its changes" |
 * |  | "a journal that cannot be read stops the session before anything is touched" |
 * | a clock that jumps | "a clock that jumps changes nothing but the reported times" |
 * | stuck bits | "stuck bits anywhere in what is written are found, on NAND the block is replaced" |
 */
import t from 'tap';
import { SluiceError } from '../../src/core/errors.js';
import type { MemoryTarget } from '../../src/core/sim/index.js';
import { makeBundle } from '../kit/bundle-maker.js';
import { MemoryJournal } from '../kit/memory-journal.js';
import {
  ERASE,
  nand,
  nor,
  oldContent,
  padded,
  quickChain,
  quickPlatform,
  same,
  skipping,
  SMALL,
  update,
  written,
  type Result,
  type UpdateOptions,
} from '../kit/update-kit.js';
import { sameBytes } from '../kit/same-bytes.js';
import { noise } from '../kit/noise.js';

const images = { kernel: noise(3 * ERASE - 9, 1), rofs: noise(4 * ERASE + 1, 2), 'u-boot': noise(ERASE, 3) };
const after = written(oldContent(), SMALL, images);
const ways: readonly [name: string, bytes: Uint8Array, policy: 'before-erase' | 'before-commit'][] = [
  ['before-erase', makeBundle({ images, kind: 'proven' }).bytes, 'before-erase'],
  ['before-commit', makeBundle({ images, kind: 'stock' }).bytes, 'before-commit'],
];

const run = (target: MemoryTarget, way: (typeof ways)[number], more: UpdateOptions): Promise<Result> =>
  update(target, way[1], { platform: quickPlatform, trust: quickChain(), policy: way[2], ...more });

/** What is wrong with a chip on which the update was finished. */
async function unfinished(target: MemoryTarget): Promise<string[]> {
  const wrong: string[] = [];
  const bad = new Set([...target.chip.state().factoryBad, ...target.chip.state().grownBad]);
  for (const [name, image] of Object.entries(images)) {
    const whole = padded(image);
    if (!same((await skipping(target, name)).subarray(0, whole.length), whole))
      wrong.push(`${name} is wrong`);
  }
  for (const { block } of target.chip.state().torn) if (!bad.has(block)) wrong.push(`block ${block} is torn`);
  return wrong;
}

for (const way of ways) {
  for (const chip of [nor, nand]) {
    const on = `${way[0]}, ${chip === nor ? 'NOR' : 'NAND'}`;

    t.test(`${on}: from any operation on everything fails; the next session finishes`, async (t) => {
      let operations = 0;
      await run(chip({ onOperation: () => operations++ }), way, { journal: new MemoryJournal() });
      const wrong: string[] = [];
      for (const kind of ['change', 'any']) {
        for (let nth = 1; nth <= operations; nth++) {
          const say = (what: string): void => void wrong.push(`${kind} ${nth}: ${what}`);
          const journal = new MemoryJournal();
          const target = chip({ faults: [`fail:${kind}:${nth}:ever`] });
          const { receipt, error } = await run(target, way, { journal });
          if (error === null && target.chip.state().faults.length > 0) {
            // The fault did not come: there are fewer of its kind.
            if (!same(target.bytes, after)) say('another chip');
            break;
          }
          if (error?.exit !== 5) say(`it ended in ${error?.code}`);
          if (receipt.outcome !== 'failed' || receipt.flash === 'complete') say(`it was ${receipt.outcome}`);
          const bad = target.chip.state().grownBad;
          if (bad.length > 3) say(`${bad.length} blocks were marked bad`);
          const again = await target.reopen({ faults: [] });
          const second = await run(again, way, { journal });
          // A controller that fails may use up the spare blocks of a small chip.
          if (second.error?.code === 'ERR_FLASH_BAD_BLOCKS' && bad.length > 0) continue;
          if (second.error !== null) say(`the second run: ${second.error.message}`);
          for (const each of await unfinished(again)) say(each);
        }
      }
      t.same(wrong.slice(0, 5), [], `${operations} operations`);
    });

    t.test(`${on}: a journal that cannot be written, at any of its changes`, async (t) => {
      for (const [errno, lasting] of [
        ['ENOSPC', true],
        ['ENOSPC', false],
        ['EIO', true],
        ['EIO', false],
      ] as const) {
        for (let nth = 1; ; nth++) {
          const journal = new FailingJournal(errno, nth, lasting);
          let changes = 0;
          const target = chip({
            onOperation: ({ kind }) => {
              if (journal.failed > 0 && kind !== 'read' && lasting) changes++;
            },
          });
          const warnings: string[] = [];
          const observer = { warn: (message: string): void => void warnings.push(message) };
          const { receipt, error } = await run(target, way, { journal, observer });
          if (journal.failed === 0) break;
          if (error === null) {
            t.equal(
              receipt.outcome,
              'committed',
              'what is left to do for the journal does not undo an update',
            );
            t.match(warnings.join(), /journal/);
            sameBytes(t, target.bytes, after);
          } else {
            t.match(error, { code: 'ERR_SESSION_JOURNAL', exit: 7 });
            t.match(receipt, { outcome: 'interrupted', flash: nth === 1 ? 'untouched' : 'partial' });
            t.equal(changes, 0, 'no block is touched that the journal does not know of');
            if (nth === 1) sameBytes(t, target.bytes, oldContent());
          }
          const again = await target.reopen();
          const second = await run(again, way, { journal: journal.mended() });
          t.equal(second.error, null);
          t.same(await unfinished(again), [], `${errno} ${nth}`);
        }
      }
    });
  }
}

t.test('a journal that cannot be read stops the session before anything is touched', async (t) => {
  const target = nor();
  const journal = new MemoryJournal();
  journal.load = () => Promise.reject(new SluiceError('ERR_SESSION_JOURNAL', 'EIO, read'));
  const { receipt, error } = await run(target, ways[0]!, { journal });
  t.match(error, { code: 'ERR_SESSION_JOURNAL', exit: 7 });
  t.match(receipt, { outcome: 'interrupted', flash: 'untouched' });
  sameBytes(t, target.bytes, oldContent());
});

t.test('a clock that jumps changes nothing but the reported times', async (t) => {
  const HOUR = 3_600_000;
  const clocks: Record<string, (tick: number) => number> = {
    'goes back': (tick) => 10 * HOUR - tick * 1000,
    'leaps ahead': (tick) => tick * HOUR * 24 * 365,
    'goes to and fro': (tick) => (tick % 2 === 0 ? HOUR : -HOUR),
    'stands still': () => 0,
    'falls back to 1970 and is set later': (tick) => (tick < 40 ? 0 : 1.7e12),
  };
  for (const way of ways) {
    for (const [name, clock] of Object.entries(clocks)) {
      for (const chip of [nor, nand]) {
        let tick = 0;
        const platform = { ...quickPlatform, now: () => clock(tick++) };
        const faults = ['fail:program:3:2', 'cut:torn:erase:6'];
        const journal = new MemoryJournal();
        const target = chip({ faults });
        const cut = await run(target, way, { journal, platform });
        t.equal(cut.error?.code, 'ERR_FLASH_POWER_CUT', name);
        const again = await target.reopen();
        const { receipt, error } = await run(again, way, { journal, platform });
        t.equal(error, null, `the clock ${name}`);
        t.ok(tick > 40 && Number.isFinite(receipt.times.wall) && Number.isFinite(receipt.times.flash));
        t.same(await unfinished(again), []);
      }
    }
  }
});

t.test('stuck bits anywhere in what is written are found, on NAND the block is replaced', async (t) => {
  for (const way of ways) {
    for (let block = 2; block < 11; block++) {
      const at = block * ERASE + 321;
      const value = ((after[at] as number) & 4) === 0 ? 1 : 0;
      if (same(after.subarray(block * ERASE, (block + 1) * ERASE), oldBlock(block))) continue;
      const onNor = nor({ faults: [`stuck:${at}:4:${value}`] });
      const { error, receipt } = await run(onNor, way, { journal: new MemoryJournal() });
      t.match(error, { code: 'ERR_FLASH_READ_BACK', exit: 5 }, `block ${block}`);
      t.equal(receipt.outcome, 'failed');
      const journal = new MemoryJournal();
      let target = nand({ faults: [`stuck:${at}:4:${value}`] });
      const first = await run(target, way, { journal });
      target = await target.reopen();
      if (first.error !== null) {
        t.equal(first.error.code, 'ERR_FLASH_GATE', `block ${block}`);
        t.equal((await run(target, way, { journal })).error, null);
      }
      t.same(await unfinished(target), []);
      t.same(target.chip.state().grownBad, [block]);
    }
  }
});

const oldBlock = (block: number): Uint8Array => oldContent().subarray(block * ERASE, (block + 1) * ERASE);

/** A journal whose medium fails at its n-th change; where the fault lasts, at all behind it, too. */
class FailingJournal extends MemoryJournal {
  failed = 0;
  #changes = 0;

  constructor(
    readonly errno: string,
    readonly nth: number,
    readonly lasting: boolean,
  ) {
    super();
  }

  override async save(record: Uint8Array): Promise<void> {
    this.#maybeFail();
    await super.save(record);
  }

  override async clear(): Promise<void> {
    this.#maybeFail();
    await super.clear();
  }

  /** Its record in a medium that is well. */
  mended(): MemoryJournal {
    const journal = new MemoryJournal();
    journal.record = this.record;
    return journal;
  }

  #maybeFail(): void {
    this.#changes++;
    if (this.#changes !== this.nth && !(this.lasting && this.#changes > this.nth)) return;
    this.failed++;
    throw new SluiceError('ERR_SESSION_JOURNAL', `the journal could not be written: ${this.errno}`);
  }
}
