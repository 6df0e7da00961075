/** A journal in reserved flash, with the power cut at every operation: the old record or the new one is there. */
import t from 'tap';
import { FlashJournal } from '../../src/core/update/resume/flash-journal.js';
import type { Partition } from '../../src/core/flash/device.js';
import {
  memoryTarget,
  parseFault,
  type Layout,
  type MemoryTarget,
  type MemoryTargetOptions,
} from '../../src/core/sim/index.js';
import { sameBytes } from '../kit/same-bytes.js';
import { noise } from '../kit/noise.js';

const ROOM = 48 * 1024;

/** What lies beside the journal must not be touched. */
const layoutOf = (size: number): Layout => ({
  name: 'reserved',
  size: 3 * ROOM,
  partitions: [
    { name: 'before', offset: 0, size: ROOM },
    { name: 'journal', offset: ROOM, size },
    { name: 'behind', offset: 2 * ROOM, size: ROOM },
  ],
});
const layout = layoutOf(ROOM);
/** Two banks for NOR, and three for NAND, of which one is bad: as tight as it goes. */
const tight = ({ type }: MemoryTargetOptions): Layout => (type === 'nand' ? layout : layoutOf(32 * 1024));

const beside = noise(ROOM, 5);
function content(): Uint8Array {
  const bytes = new Uint8Array(layout.size).fill(0xff);
  bytes.set(beside, 0);
  bytes.set(beside, 2 * ROOM);
  return bytes;
}

const chips: Record<string, MemoryTargetOptions> = {
  'NOR, blocks of 16 KiB': { eraseSize: 16 * 1024 },
  'NOR, blocks of 4 KiB': { eraseSize: 4096 },
  'NAND, blocks of 16 KiB, the first one bad': {
    type: 'nand',
    eraseSize: 16 * 1024,
    writeSize: 2048,
    factoryBad: [3],
  },
};

const journalOf = ({ partitions }: MemoryTarget): Promise<FlashJournal> =>
  FlashJournal.open(partitions.get('journal') as Partition);

const record = (length: number, seed: number): Uint8Array => noise(length, seed);
const sizes = [1500, 1500, 40, 4096, 1, 0, 900];
/** Three sessions of seven records each, every one cleared but the second. */
const SESSIONS = 3;

/** What may be found: the last record that was saved and, after a cut, the one that was being saved. */
interface Held {
  sure: Uint8Array | null;
  perhaps: Uint8Array | null;
}

/** One session; throws when the power goes. */
async function session(target: MemoryTarget, number: number, held: Held): Promise<void> {
  const journal = await journalOf(target);
  for (const [step, size] of sizes.entries()) {
    held.perhaps = record(size, number * 100 + step);
    await journal.save(held.perhaps);
    held.sure = held.perhaps;
  }
  if (number === 1) return;
  held.perhaps = null;
  await journal.clear();
  held.sure = null;
}

const same = (a: Uint8Array | null, b: Uint8Array | null): boolean =>
  a === null || b === null ? a === b : Buffer.compare(a, b) === 0;

async function expectHeld(target: MemoryTarget, held: Held): Promise<boolean> {
  const found = await (await journalOf(target)).load();
  return same(found, held.sure) || same(found, held.perhaps);
}

/** Runs all sessions, each cut restarting the one that it hit; every cut is checked. */
async function run(options: MemoryTargetOptions, faults: readonly string[][]): Promise<string[]> {
  const broken: string[] = [];
  const left = faults.slice();
  const held: Held = { sure: null, perhaps: null };
  let target = memoryTarget(tight(options), {
    ...options,
    content: content(),
    faults: (left.shift() ?? []).map(parseFault),
  });
  for (let number = 0; number < SESSIONS;) {
    let cut = false;
    await session(target, number, held).catch((thrown: { code?: string }) => {
      if (thrown.code !== 'ERR_FLASH_POWER_CUT') broken.push(`${faults.join(' ')}: ${String(thrown)}`);
      cut = true;
    });
    target = await target.reopen({
      faults: cut ? (left.shift() ?? []).map(parseFault) : target.chip.state().faults.slice(),
    });
    if (broken.length > 0) return broken;
    if (!cut) number++;
    else if (left.length === 0 && !(await expectHeld(target, held)))
      broken.push(`${faults.join(' ')}: wrong record`);
    held.perhaps = held.sure;
    if (!cut) continue;
    // What was found counts from now on.
    const found = await journalOf(target).then(
      (journal) => journal.load(),
      () => null,
    );
    held.sure = found;
    held.perhaps = found;
  }
  const found = await (await journalOf(target)).load();
  if (found !== null) broken.push(`${faults.join(' ')}: ${found.length} bytes at the end`);
  const bytes = target.bytes;
  if (!same(bytes.slice(0, ROOM), beside) || !same(bytes.slice(2 * ROOM), beside))
    broken.push('a neighbour changed');
  return broken;
}

for (const [name, options] of Object.entries(chips)) {
  void t.test(`${name}: a cut at any operation leaves the old record or the new one`, async (t) => {
    let operations = 0;
    const counted = memoryTarget(tight(options), {
      ...options,
      content: content(),
      onOperation: () => operations++,
    });
    const held: Held = { sure: null, perhaps: null };
    for (let number = 0; number < SESSIONS; number++) await session(counted, number, held);
    const erases = counted.chip.stats().erases;
    t.ok(operations > 50, `${operations} operations`);
    t.ok(erases > 0, 'banks were erased');
    const broken: string[] = [];
    let states = 0;
    for (let nth = 1; nth <= operations; nth++) {
      for (const moment of ['before', 'torn', 'torn', 'torn', 'after']) {
        states++;
        broken.push(...(await run(options, [[`cut:${moment}:any:${nth}:${states}`]])));
        if (states % 3 !== 0) continue;
        // And once more in the session that comes after it.
        states++;
        broken.push(
          ...(await run(options, [
            [`cut:${moment}:any:${nth}:${states}`],
            [`cut:torn:change:${1 + (states % 7)}`],
          ])),
        );
      }
    }
    t.same(broken.slice(0, 5), []);
    t.comment(`${states} states`);
  });
}

void t.test('what else a partition holds is never taken for free room', async (t) => {
  for (const at of [0, 40, 5000, 20_000]) {
    const bytes = content();
    bytes.set(noise(100, 3), ROOM + at);
    const target = memoryTarget(layout, { eraseSize: 16 * 1024, content: bytes });
    await t.rejects(journalOf(target), {
      code: 'ERR_USAGE_STATE',
      message: /holds something that is no journal/,
    });
    sameBytes(t, target.bytes, bytes, 'nothing was changed');
  }
});

void t.test('a partition with one good bank only is refused', async (t) => {
  const target = memoryTarget(layout, {
    type: 'nand',
    eraseSize: 16 * 1024,
    writeSize: 2048,
    factoryBad: [3, 5],
  });
  await t.rejects(journalOf(target), { code: 'ERR_USAGE_STATE', message: /too small/ });
});

void t.test(
  'a block that goes bad is marked and the next one is taken; what was held stays held',
  async (t) => {
    let target = memoryTarget(layout, {
      type: 'nand',
      eraseSize: 16 * 1024,
      writeSize: 2048,
      content: content(),
      faults: ['fail:program@3:3', 'fail:erase@4:1:ever'].map(parseFault),
    });
    const journal = await journalOf(target);
    await journal.save(record(100, 1));
    await journal.save(record(100, 2));
    await journal.save(record(100, 3));
    t.same(await journal.load(), record(100, 3));
    t.equal(await target.chip.isBad(4), true);
    t.equal(await target.chip.isBad(3), false, 'the bank that held the frame that counts is not given up');
    target = await target.reopen({ faults: [] });
    t.same(await (await journalOf(target)).load(), record(100, 3));
  },
);

void t.test('when no block is left, the save fails and the old record stays', async (t) => {
  const target = memoryTarget(layout, { eraseSize: 16 * 1024, content: content() });
  const journal = await journalOf(target);
  await journal.save(record(100, 1));
  const worn = await target.reopen({ faults: ['fail:program:1:ever', 'fail:erase:1:ever'].map(parseFault) });
  const again = await journalOf(worn);
  await t.rejects(again.save(record(100, 2)), { code: 'ERR_SESSION_JOURNAL', message: /no good block/ });
  t.same(await again.load(), record(100, 1));
});

void t.test('a frame of a later form is refused and left alone', async (t) => {
  const target = memoryTarget(layout, { eraseSize: 16 * 1024, content: content() });
  await (await journalOf(target)).save(record(100, 1));
  const { crc32 } = await import('../../src/host/node/crypto/crc32.js');
  const { bytes } = target;
  // The second frame: the first one says nothing.
  const head = bytes.subarray(ROOM + 64, ROOM + 96);
  head[4] = 2;
  new DataView(head.buffer, head.byteOffset, 32).setUint32(28, crc32(head.subarray(0, 28)), true);
  const before = bytes.slice();
  await t.rejects(journalOf(target), { code: 'ERR_SESSION_JOURNAL', message: /form 2/ });
  sameBytes(t, bytes, before);
});

void t.test('records are bounded and wear is counted', async (t) => {
  const target = memoryTarget(layout, { eraseSize: 16 * 1024, content: content() });
  const journal = await journalOf(target);
  await t.rejects(journal.save(new Uint8Array(4097)), { code: 'ERR_SESSION_JOURNAL', message: /4097/ });
  t.same({ ...journal.wear }, { writes: 0, bytes: 0 });
  await journal.save(record(1000, 1));
  await journal.save(record(500, 1));
  await journal.clear();
  t.same({ ...journal.wear }, { writes: 3, bytes: 1500 });
  t.equal(target.chip.stats().erases, 0, 'a session of that size costs no erase');
});

void t.test(
  'sixty sessions of eight records cost an erase each at most, and no bank more than the other',
  async (t) => {
    let target = memoryTarget({
      ...layout,
      size: 4 * 65536,
      partitions: [{ name: 'journal', offset: 0, size: 4 * 65536 }],
    });
    for (let number = 0; number < 60; number++) {
      const journal = await journalOf(target);
      for (let step = 0; step < 8; step++) await journal.save(record(1500, step));
      await journal.clear();
      target = await target.reopen();
    }
    const wear = [...target.chip.stats().wear];
    const most = Math.max(...wear);
    t.ok(wear.reduce((sum, each) => sum + each, 0) <= 60 && most - Math.min(...wear) <= 1, wear.join(' '));
  },
);
