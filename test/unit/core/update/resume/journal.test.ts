/** The journal by itself: what it makes of the record of a session before, and what it writes for the next one. */
import t from 'tap';
import { SluiceError } from '../../../../../src/core/errors.js';
import type { FlashDevice, FlashTarget, Partition } from '../../../../../src/core/flash/device.js';
import { BlockPrinter } from '../../../../../src/core/update/resume/fingerprint.js';
import { Journal, type JournalFacts } from '../../../../../src/core/update/resume/journal.js';
import {
  formatJournal,
  parseJournal,
  type JournalRecord,
  type JournalWindow,
  type WindowBlock,
} from '../../../../../src/core/update/resume/journal-record.js';
import type { Observer } from '../../../../../src/core/update/report/observer.js';
import { MemoryJournal } from '../../../../kit/memory-journal.js';
import { ERASE, layoutOf, nand, nor, platform } from '../../../../kit/update-kit.js';
import { DeviceWrapper } from '../../../../kit/device-wrapper.js';

const BUNDLE = `sha256:${'1'.repeat(64)}`;
const OTHER = `sha256:${'2'.repeat(64)}`;
const facts: JournalFacts = { bundle: BUNDLE, proven: 'before-erase index' };
const printer = new BlockPrinter(platform);
/** Of blocks that have changed since. */
const OTHERWISE = 1n;

/** First blocks of the partitions of the small chip. */
const FIRST: Readonly<Record<string, number>> = { 'u-boot': 0, kernel: 2, rofs: 6, rwfs: 12 };

const part = (target: FlashTarget, name: string): Partition => target.partitions.get(name) as Partition;
/** Block of the device. */
const at = (name: string, block: number): number => (FIRST[name] as number) + block;

/** A window over blocks of a partition: those that have changed since it was written, and those that have not. */
async function windowOf(
  target: FlashTarget,
  name: string,
  blocks: Readonly<Record<number, 'changed' | 'same'>>,
): Promise<JournalWindow> {
  const { device } = part(target, name);
  const prints: WindowBlock[] = [];
  for (const [block, how] of Object.entries(blocks)) {
    const print = how === 'same' ? await printer.print(device, at(name, Number(block))) : OTHERWISE;
    prints.push({ block: Number(block), print });
  }
  return { partition: name, blocks: prints };
}

const recordOf = (given: Partial<JournalRecord>): JournalRecord => ({
  bundle: BUNDLE,
  partitions: ['rofs'],
  proven: 'before-erase index',
  attempt: 1,
  at: 3,
  stalled: 0,
  kind: printer.kind,
  windows: [],
  suspects: [],
  ...given,
});

interface Opened {
  readonly journal: Journal;
  readonly store: MemoryJournal;
  /** What is recorded now. */
  readonly now: () => JournalRecord | null;
}

async function open(
  target: FlashTarget,
  last: Partial<JournalRecord> | null = null,
  given: { facts?: JournalFacts; observer?: Observer; resumeLimit?: number } = {},
): Promise<Opened> {
  const store = new MemoryJournal(last === null ? null : formatJournal(platform, recordOf(last)));
  const { observer = {}, resumeLimit } = given;
  const journal = await Journal.open(
    { store, platform, target, observer, resumeLimit },
    given.facts ?? facts,
  );
  return {
    journal,
    store,
    now: () => (store.record === null ? null : parseJournal(platform, store.record)),
  };
}

/** Blocks of a partition that cannot be trusted, counted from its start. */
function doubtful({ journal }: Opened, target: FlashTarget, name: string): number[] {
  const { size } = part(target, name);
  return Array.from({ length: size / ERASE }, (_, block) => block).filter(
    (block) => !journal.trustsErased(part(target, name), at(name, block)),
  );
}

const bytes = new Uint8Array(ERASE).fill(0x42);

t.test('without a record nothing is in doubt, and the first change is told before it is made', async (t) => {
  const target = nor();
  const opened = await open(target);
  const { journal, store, now } = opened;
  t.equal(journal.hasPrevious, false);
  t.equal(journal.attempt, 1);
  t.equal(journal.resumedFrom, null);
  t.notOk(journal.trustsErased(part(target, 'rofs'), at('rofs', 0)), 'no session has erased it');
  for (const change of ['none', 'program', 'erase'] as const)
    t.equal(journal.decide(part(target, 'rofs'), at('rofs', 0), change, bytes), change);

  const print = await printer.print(part(target, 'rofs').device, at('rofs', 0));
  await journal.beforeChange(
    part(target, 'rofs'),
    at('rofs', 0),
    [0, 1, 2].map((k) => at('rofs', k)),
  );
  t.same(
    now(),
    recordOf({ at: 0, windows: [{ partition: 'rofs', blocks: [{ block: 0, print }] }] }),
    'with what it holds now',
  );
  t.same(journal.wear, store.wear);
  t.equal(journal.wear.writes, 1);
  await journal.beforeChange(part(target, 'rofs'), at('rofs', 0), [at('rofs', 0)]);
  t.equal(journal.wear.writes, 1, 'once');
  await journal.beforeChange(part(target, 'kernel'), at('kernel', 1), [at('kernel', 1)]);
  t.match(now(), {
    partitions: ['rofs', 'kernel'],
    windows: [{ partition: 'kernel', blocks: [{ block: 1 }] }],
  });
  for (const name of ['rofs', 'kernel']) journal.settleImage(part(target, name));
  await journal.done(false);
  t.equal(now(), null, 'nothing is left of a session that ended well');
});

t.test('what a session before has left goes with a commit that changed nothing', async (t) => {
  const target = nor();
  const { journal, now } = await open(target, {});
  journal.settleImage(part(target, 'rofs'));
  await journal.done(false);
  t.equal(now(), null);
});

t.test(
  'what a session before has not finished stays on record beside a commit of something else',
  async (t) => {
    const target = nor();
    const warnings: string[] = [];
    const observer = { warn: (message: string) => void warnings.push(message) };
    const { journal, now } = await open(target, {}, { observer });
    t.equal(journal.hasPrevious, true);
    await journal.beforeChange(part(target, 'kernel'), at('kernel', 0), [at('kernel', 0)]);
    journal.settle(part(target, 'kernel'), at('kernel', 0));
    journal.settleImage(part(target, 'kernel'));
    await journal.done(false);
    t.match(now(), { bundle: null, partitions: ['rofs'], windows: [] });
    t.same(warnings, ['not finished since an update was interrupted: rofs']);

    const later = await open(target, now() as JournalRecord);
    later.journal.settleImage(part(target, 'rofs'));
    await later.journal.done(false);
    t.equal(later.now(), null);
  },
);

t.test('a session that has told of its first change and not made it takes its record back', async (t) => {
  const target = nor();
  const { journal, now } = await open(target);
  await journal.beforeChange(part(target, 'rofs'), at('rofs', 0), [at('rofs', 0)]);
  await journal.checkpoint({ changed: false });
  t.equal(now(), null);
});

t.test('a record covers few blocks where the bundle is not known before its end', async (t) => {
  const target = nor({ layout: layoutOf({ rofs: 200, rwfs: 1 }) });
  const rofs = part(target, 'rofs');
  for (const [bundle, most] of [
    [BUNDLE, 64],
    [null, 8],
  ] as const) {
    const { journal, now } = await open(target, null, { facts: { ...facts, bundle } });
    let largest = 0;
    for (let block = 0; block < 200; block++) {
      await journal.beforeChange(
        rofs,
        block,
        Array.from({ length: 200 - block }, (_, k) => block + k),
      );
      largest = Math.max(largest, now()?.windows[0]?.blocks.length ?? 0);
    }
    t.equal(largest, most);
  }
});

t.test('a session that changed nothing writes nothing, at its end neither', async (t) => {
  const { journal, store } = await open(nor());
  await journal.recordBeforeGates([]);
  await journal.checkpoint({ changed: true });
  await journal.done(false);
  t.equal(store.wear.writes, 0);
});

t.test(
  'the last block of the window that has changed may be torn; those before it are finished',
  async (t) => {
    const target = nor();
    const window = await windowOf(target, 'rofs', { 1: 'changed', 2: 'changed', 3: 'same', 4: 'same' });
    const opened = await open(target, { windows: [window], attempt: 4 });
    const { journal } = opened;
    t.equal(journal.hasPrevious, true);
    t.equal(journal.attempt, 5);
    t.equal(journal.resumedFrom, 0);
    t.same(doubtful(opened, target, 'rofs'), [2, 3, 4]);
    const rofs = part(target, 'rofs');
    t.equal(journal.decide(rofs, at('rofs', 1), 'none', bytes), 'none');
    t.equal(journal.decide(rofs, at('rofs', 2), 'none', bytes), 'erase', 'whatever it reads like');
    t.equal(journal.decide(rofs, at('rofs', 2), 'program', bytes), 'erase');
    await journal.beforeChange(rofs, at('rofs', 1), [at('rofs', 1)]);
    t.match(opened.now()?.windows, [{ partition: 'rofs', blocks: [{ block: 1 }] }], 'they are not covered');
  },
);

t.test('a block behind it counts as right only when it held the same before', async (t) => {
  const target = nor();
  const { journal } = await open(target, {
    windows: [await windowOf(target, 'rofs', { 2: 'changed', 3: 'same' })],
  });
  const rofs = part(target, 'rofs');
  const held = target.bytes.slice(at('rofs', 3) * ERASE, at('rofs', 4) * ERASE);
  t.equal(journal.decide(rofs, at('rofs', 3), 'none', held), 'none');
  t.equal(journal.decide(rofs, at('rofs', 3), 'none', bytes), 'erase', 'it reads right, and did not before');
  t.equal(journal.decide(rofs, at('rofs', 3), 'program', bytes), 'erase');
  t.equal(journal.decide(rofs, at('rofs', 3), 'program', held), 'erase');
  t.equal(journal.decide(rofs, at('rofs', 3), 'erase', bytes), 'erase');
});

t.test('where nothing of the window has changed its first may be the one', async (t) => {
  const target = nor();
  const windows = [await windowOf(target, 'rofs', { 2: 'same', 3: 'same' })];
  const opened = await open(target, { windows });
  t.same(doubtful(opened, target, 'rofs'), [2, 3]);
  const { journal, now } = opened;
  await journal.beforeChange(part(target, 'rofs'), at('rofs', 2), [at('rofs', 2)]);
  t.same(now()?.windows, windows, 'it says of them what the last one said');
  t.same(now()?.suspects, [], 'and covers the first');
});

t.test(
  'while a session stays in the windows of the last one it hands on what is behind the torn one',
  async (t) => {
    const target = nor();
    const kernel = await windowOf(target, 'kernel', { 0: 'changed', 1: 'changed' });
    const rofs = await windowOf(target, 'rofs', { 1: 'changed', 2: 'same', 3: 'same' });
    const { journal, now } = await open(target, { windows: [kernel, rofs] });
    await journal.beforeChange(part(target, 'rofs'), at('rofs', 1), [at('rofs', 1)]);
    t.same(now()?.windows, [{ partition: 'rofs', blocks: rofs.blocks.slice(1) }]);
    t.same(now()?.suspects, [{ partition: 'rofs', blocks: [1] }], 'the one that is erased again is named');
    journal.settle(part(target, 'rofs'), at('rofs', 1));
    await journal.beforeChange(part(target, 'rofs'), at('rofs', 2), [at('rofs', 2)]);
    t.same(now()?.suspects, [], 'and is not any more when it is right');
    t.same(now()?.windows, [{ partition: 'rofs', blocks: rofs.blocks.slice(1) }]);
  },
);

t.test('windows of two partitions, torn in the first: all of the second is handed on', async (t) => {
  const target = nor();
  const kernel = await windowOf(target, 'kernel', { 0: 'changed', 1: 'same' });
  const rofs = await windowOf(target, 'rofs', { 1: 'same', 2: 'same' });
  const { journal, now } = await open(target, { windows: [kernel, rofs] });
  await journal.beforeChange(part(target, 'kernel'), at('kernel', 0), [at('kernel', 0)]);
  t.same(now()?.windows, [{ partition: 'kernel', blocks: kernel.blocks.slice(1) }, rofs]);
});

t.test(
  'another bundle, or prints of another kind, does not go on: all that may be torn is named',
  async (t) => {
    const target = nor();
    const windows = [await windowOf(target, 'rofs', { 1: 'changed', 2: 'changed', 3: 'same' })];
    const rofs = part(target, 'rofs');
    for (const [what, last, given, names] of [
      ['another bundle', {}, { bundle: OTHER }, [2, 3]],
      ['no identity yet', {}, { bundle: null }, [2, 3]],
      ['none, as the last one', { bundle: null }, { bundle: null }, [2, 3]],
      ['prints of another kind', { kind: 5n }, {}, [1, 2, 3]],
    ] as const) {
      const opened = await open(target, { windows, ...last }, { facts: { ...facts, ...given } });
      const { journal, now } = opened;
      const resumes = what === 'prints of another kind';
      t.equal(journal.hasPrevious, true, what);
      t.equal(journal.attempt, resumes ? 2 : 1);
      t.equal(journal.resumedFrom, resumes ? 0 : null);
      t.same(doubtful(opened, target, 'rofs'), names);
      t.equal(journal.decide(rofs, at('rofs', 3), 'none', bytes), 'erase');
      await journal.beforeChange(rofs, at('rofs', 2), [at('rofs', 2)]);
      t.same(now()?.suspects, [{ partition: 'rofs', blocks: names }]);
      const print = await printer.print(rofs.device, at('rofs', 2));
      t.same(
        now()?.windows,
        [{ partition: 'rofs', blocks: [{ block: 2, print }] }],
        'the old windows are over',
      );
      t.equal(now()?.bundle, { ...facts, ...given }.bundle);
    }
  },
);

t.test('suspects are erased when they come, and named until then', async (t) => {
  const target = nor();
  const suspects = [
    { partition: 'kernel', blocks: [0, 3] },
    { partition: 'rwfs', blocks: null },
  ];
  const opened = await open(target, { suspects });
  const { journal, now } = opened;
  t.same(doubtful(opened, target, 'kernel'), [0, 3]);
  t.same(doubtful(opened, target, 'rwfs'), [0, 1, 2, 3]);
  const kernel = part(target, 'kernel');
  t.equal(journal.decide(kernel, at('kernel', 3), 'none', bytes), 'erase');
  await journal.beforeChange(kernel, at('kernel', 0), [at('kernel', 0)]);
  t.same(now()?.suspects, suspects);
  journal.settle(kernel, at('kernel', 0));
  t.equal(journal.resumedFrom, 0, 'blocks that were right when it went on');
  await journal.beforeChange(kernel, at('kernel', 0), [at('kernel', 0)]);
  t.same(
    now()?.suspects[0],
    { partition: 'kernel', blocks: [3] },
    'a mended one is told of at the next change',
  );
  const { writes } = journal.wear;
  await journal.beforeChange(kernel, at('kernel', 0), [at('kernel', 0)]);
  t.equal(journal.wear.writes, writes, 'once');
  journal.settleImage(part(target, 'rwfs'));
  t.same(doubtful(opened, target, 'rwfs'), []);
  await journal.done(false);
  t.match(now(), { bundle: null, attempt: 0, at: 0, stalled: 0, windows: [] });
  t.same(now()?.suspects, [{ partition: 'kernel', blocks: [3] }], 'what is left outlives the commit');
});

t.test('what another bundle mends is no reason for another record', async (t) => {
  const target = nor();
  const kernel = part(target, 'kernel');
  const last = { suspects: [{ partition: 'kernel', blocks: [0, 3] }] };
  const { journal } = await open(target, last, { facts: { ...facts, bundle: OTHER } });
  await journal.beforeChange(kernel, at('kernel', 0), [at('kernel', 0)]);
  journal.settle(kernel, at('kernel', 0));
  await journal.beforeChange(kernel, at('kernel', 0), [at('kernel', 0)]);
  t.equal(journal.wear.writes, 1);
});

t.test('a block that is in doubt already says nothing of where the last session was', async (t) => {
  const target = nor();
  const suspects = [{ partition: 'rofs', blocks: [3] }];
  const opened = await open(target, {
    suspects,
    windows: [await windowOf(target, 'rofs', { 1: 'changed', 2: 'same', 3: 'changed', 4: 'same' })],
  });
  t.same(doubtful(opened, target, 'rofs'), [1, 2, 3, 4], 'of 1 and 3 the second may read other by itself');
  const { journal } = opened;
  const rofs = part(target, 'rofs');
  await journal.beforeChange(rofs, at('rofs', 3), [at('rofs', 3)]);
  journal.settle(rofs, at('rofs', 3));
  t.same(doubtful(opened, target, 'rofs'), [1, 2, 4]);
  await journal.beforeChange(rofs, at('rofs', 2), [at('rofs', 2)]);
  journal.settle(rofs, at('rofs', 2));
  t.same(doubtful(opened, target, 'rofs'), [1], 'to have come to one of the others does');
});

t.test('gates are told of together, before the first opens', async (t) => {
  const target = nor();
  const { journal, now } = await open(target);
  journal.settle(part(target, 'kernel'), at('kernel', 1));
  journal.settle(part(target, 'kernel'), at('kernel', 2));
  await journal.recordBeforeGates([
    { partition: part(target, 'kernel'), block: at('kernel', 0) },
    { partition: part(target, 'rofs'), block: at('rofs', 0) },
  ]);
  t.match(now(), {
    at: 2,
    partitions: ['kernel', 'rofs'],
    windows: [
      { partition: 'kernel', blocks: [{ block: 0 }] },
      { partition: 'rofs', blocks: [{ block: 0 }] },
    ],
  });
  await journal.recordBeforeGates([{ partition: part(target, 'rofs'), block: at('rofs', 0) }]);
  t.equal(now()?.at, 2);
  t.equal(now()?.windows.length, 1);
});

t.test('flash that sees to it itself is named, without blocks', async (t) => {
  const target = nor();
  const rofs = part(target, 'rofs');
  const replaces: FlashDevice = Object.assign(new DeviceWrapper(rofs.device), {
    replace: () => Promise.resolve(),
  });
  const volume: Partition = { ...rofs, device: replaces };
  const { journal, now } = await open(target);
  await journal.beforeChange(volume, at('rofs', 0), [at('rofs', 0)]);
  t.match(now(), { partitions: ['rofs'], windows: [] });
  await journal.beforeChange(volume, at('rofs', 1), [at('rofs', 1)]);
  t.equal(journal.wear.writes, 1, 'once a session');
  await journal.recordBeforeGates([
    { partition: volume, block: at('rofs', 0) },
    { partition: part(target, 'kernel'), block: at('kernel', 0) },
  ]);
  t.match(now()?.windows, [{ partition: 'kernel', blocks: [{ block: 0 }] }]);
  t.equal(now()?.windows.length, 1);
});

t.test('at rest nothing of its own is torn; what it did not come to stays', async (t) => {
  const target = nor();
  const rofs = part(target, 'rofs');
  const fresh = await open(target);
  await fresh.journal.beforeChange(rofs, at('rofs', 0), [at('rofs', 0)]);
  await fresh.journal.checkpoint({ changed: true });
  t.match(fresh.now(), { bundle: BUNDLE, attempt: 1, windows: [], suspects: [] });
  t.equal(fresh.now()?.windows.length, 0);

  const windows = [await windowOf(target, 'rofs', { 2: 'changed', 3: 'same', 4: 'same' })];
  const again = await open(target, { windows });
  await again.journal.beforeChange(rofs, at('rofs', 2), [at('rofs', 2)]);
  await again.journal.checkpoint({ changed: true });
  t.match(again.now(), { windows: [{ partition: 'rofs', blocks: [{ block: 3 }, { block: 4 }] }] });
  t.same(again.now()?.suspects, [{ partition: 'rofs', blocks: [2] }]);
});

t.test('a session that comes no further counts, one that does begins anew', async (t) => {
  const target = nor();
  const rofs = part(target, 'rofs');
  const run = async (
    settled: number,
    last: Partial<JournalRecord>,
    resumeLimit?: number,
  ): Promise<Opened> => {
    const opened = await open(target, last, resumeLimit === undefined ? {} : { resumeLimit });
    for (let k = 0; k < settled; k++) opened.journal.settle(rofs, at('rofs', k));
    await opened.journal.beforeChange(rofs, at('rofs', 5), [at('rofs', 5)]);
    return opened;
  };
  for (const [settled, stalled] of [
    [2, 3],
    [3, 3],
    [4, 0],
  ] as const) {
    const { journal, now } = await run(settled, { at: 3, stalled: 2 });
    t.match(now(), { at: settled, stalled }, `${settled} of 3`);
    t.equal(journal.resumedFrom, settled);
  }
  t.match((await run(2, { at: 3, stalled: 8 })).now(), { stalled: 9 });
  for (const [last, limit] of [
    [{ stalled: 9 }, undefined],
    [{ stalled: 1 }, 2],
  ] as const)
    await t.rejects(run(3, last, limit), { code: 'ERR_SESSION_STUCK' });
  t.match((await run(3, { stalled: 50 }, 0)).now(), { stalled: 51 }, 'without a limit');
  t.match((await run(3, { stalled: 9, bundle: OTHER })).now(), { stalled: 0 }, 'another bundle');
  const gates = await open(target, { stalled: 9 });
  await t.rejects(gates.journal.recordBeforeGates([{ partition: rofs, block: at('rofs', 0) }]), {
    code: 'ERR_SESSION_STUCK',
  });
});

t.test('a record that is damaged puts all flash in doubt, each block once', async (t) => {
  const target = nor();
  const warnings: string[] = [];
  for (const observer of [{}, { warn: (message: string) => void warnings.push(message) }]) {
    const store = new MemoryJournal(Buffer.from('nonsense'));
    const journal = await Journal.open({ store, platform, target, observer }, facts);
    t.equal(journal.hasPrevious, true);
    t.equal(journal.attempt, 1);
    for (const name of Object.keys(FIRST))
      t.notOk(journal.trustsErased(part(target, name), at(name, 1)), name);
    await journal.beforeChange(part(target, 'rofs'), at('rofs', 0), [at('rofs', 0)]);
    t.same(
      parseJournal(platform, store.record as Uint8Array)?.suspects,
      Object.keys(FIRST).map((partition) => ({ partition, blocks: null })),
    );
    for (const name of Object.keys(FIRST)) journal.settleImage(part(target, name));
    await journal.done(false);
    t.equal(store.record, null);
  }
  t.equal(warnings.length, 1);
});

t.test(
  'a record that is damaged: flash between the partitions is written anew, but for bad blocks',
  async (t) => {
    const all = nand();
    await all.chip.markBad(at('rofs', 2));
    // Without rofs its blocks are those of bmc alone.
    const partitions = new Map([...all.partitions].filter(([name]) => name !== 'rofs'));
    const target: FlashTarget = { ...all, partitions };
    const store = new MemoryJournal(Buffer.from('nonsense'));
    const journal = await Journal.open({ store, platform, target, observer: {} }, facts);
    const bmc = part(target, 'bmc');
    for (const name of ['u-boot', 'kernel', 'rwfs']) journal.settleImage(part(target, name));
    const inDoubt = Array.from({ length: 16 }, (_, block) => block).filter(
      (each) => !journal.trustsErased(bmc, each),
    );
    t.same(
      inDoubt,
      [0, 1, 3, 4, 5].map((block) => at('rofs', block)),
    );
    for (const block of inDoubt) {
      t.equal(journal.decide(bmc, block, 'none', new Uint8Array(ERASE)), 'erase');
      journal.settle(bmc, block);
    }
    await journal.done(false);
    t.equal(store.record, null);
  },
);

t.test('bad blocks are not in doubt: no image will come to them', async (t) => {
  const target = nand();
  t.equal(await target.chip.markBad(at('rofs', 1)), undefined);
  t.equal(await target.chip.markBad(at('rofs', 3)), undefined);
  const opened = await open(target, {
    suspects: [
      { partition: 'rofs', blocks: [0, 1] },
      { partition: 'kernel', blocks: null },
    ],
    windows: [await windowOf(nand(), 'rofs', { 2: 'changed', 3: 'same', 4: 'same' })],
  });
  t.same(doubtful(opened, target, 'rofs'), [0, 2, 4]);
  t.same(doubtful(opened, target, 'kernel'), [0, 1, 2, 3]);
});

t.test('a block that cannot be read has no print; any other failure stops the session', async (t) => {
  const target = nor();
  const rofs = part(target, 'rofs');
  const failing = (code: 'ERR_FLASH_READ' | 'ERR_FLASH_POWER_CUT'): Partition => ({
    ...rofs,
    device: Object.assign(new DeviceWrapper(rofs.device), {
      read: () => Promise.reject(new SluiceError(code, 'no')),
    }),
  });
  const { journal, now } = await open(target);
  await journal.beforeChange(failing('ERR_FLASH_READ'), at('rofs', 0), [at('rofs', 0)]);
  t.same(now()?.windows, [{ partition: 'rofs', blocks: [{ block: 0, print: 0n }] }]);
  const { writes } = journal.wear;
  await t.rejects(journal.beforeChange(failing('ERR_FLASH_POWER_CUT'), at('rofs', 1), [at('rofs', 1)]), {
    code: 'ERR_FLASH_POWER_CUT',
  });
  t.equal(journal.wear.writes, writes);
});

t.test('what cannot be tidied is told, and ends well all the same', async (t) => {
  const target = nor();
  const warnings: string[] = [];
  const observer = { warn: (message: string) => void warnings.push(message) };
  for (const given of [{ observer }, {}]) {
    const { journal, store } = await open(
      target,
      { suspects: [{ partition: 'kernel', blocks: [1] }] },
      given,
    );
    await journal.beforeChange(part(target, 'rofs'), at('rofs', 0), [at('rofs', 0)]);
    store.failing = { nth: 0, error: new SluiceError('ERR_SESSION_JOURNAL', 'no room') };
    await journal.checkpoint({ changed: true });
    await journal.done(false);
  }
  t.equal(warnings.filter((text) => text.includes('brought up to date')).length, 2);
});
