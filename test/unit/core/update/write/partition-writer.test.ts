/** One image into one partition, block by block, without a session around it. */
import t from 'tap';
import { toHex } from '../../../../../src/core/bytes.js';
import type { FlashTarget, Partition } from '../../../../../src/core/flash/device.js';
import type { TrustPolicy } from '../../../../../src/core/trust/trust.js';
import { Journal } from '../../../../../src/core/update/resume/journal.js';
import { NO_CHANGE_LOG } from '../../../../../src/core/update/write/change-log.js';
import {
  PartitionWriter,
  type PartitionWriterOptions,
} from '../../../../../src/core/update/write/partition-writer.js';
import { MemoryJournal } from '../../../../kit/memory-journal.js';
import { ERASE, nand, nor, oldContent, platform, SMALL } from '../../../../kit/update-kit.js';
import { DeviceWrapper } from '../../../../kit/device-wrapper.js';
import { noise } from '../../../../kit/noise.js';

/** First device block of rofs, which has six. */
const ROFS = 6;

const block = (seed: number): Uint8Array => noise(ERASE, seed);
/** What the chip holds in a block of rofs before. */
const old = (n: number): Uint8Array =>
  oldContent(SMALL.size).subarray((ROFS + n) * ERASE, (ROFS + n + 1) * ERASE);
const held = (target: { bytes: Uint8Array }, n: number): Uint8Array =>
  target.bytes.subarray((ROFS + n) * ERASE, (ROFS + n + 1) * ERASE);

interface Drawn {
  readonly writer: PartitionWriter;
  /** `STATE BLOCK` in the order in which they were drawn. */
  readonly drawn: string[];
  readonly warnings: string[];
}

async function open(
  target: FlashTarget,
  given: Partial<PartitionWriterOptions> & { blocks?: number; partition?: Partition } = {},
): Promise<Drawn> {
  const drawn: string[] = [];
  const warnings: string[] = [];
  const observer = {
    block: (name: string, n: number, state: string) => void drawn.push(`${state} ${n} of ${name}`),
    warn: (message: string) => void warnings.push(message),
  };
  const { blocks = 3, partition = target.partitions.get('rofs') as Partition, ...options } = given;
  const writer = await PartitionWriter.open(partition, blocks, {
    platform,
    policy: 'before-erase',
    observer,
    changeLog: NO_CHANGE_LOG,
    aboutToChange: () => Promise.resolve(),
    ...options,
  });
  return { writer, drawn, warnings };
}

async function put(writer: PartitionWriter, blocks: readonly Uint8Array[]): Promise<void> {
  for (const [index, bytes] of blocks.entries()) await writer.put(index, bytes.slice(), bytes.length);
}

t.test('what happens to each block is drawn where it is in the partition', async (t) => {
  const target = nor();
  const { writer, drawn } = await open(target);
  t.equal(writer.willWrite, false);
  await put(writer, [block(1), old(1), block(3)]);
  t.same(drawn, ['held 0 of rofs', 'unchanged 1 of rofs', 'erased 2 of rofs', 'written 2 of rofs']);
  t.same([...writer.changedOffsets()], [(ROFS + 2) * ERASE]);
  t.equal(writer.willWrite, true);
  t.equal(writer.gateBlock, ROFS);
  t.equal(await writer.openGate(), ROFS * ERASE);
  t.same(drawn.slice(4), ['erased 0 of rofs', 'written 0 of rofs']);
  t.same(
    [0, 1, 2].map((n) => held(target, n)),
    [block(1), old(1), block(3)],
  );
  t.equal(await writer.openGate(), null, 'once');
  t.equal(writer.digest(), null, 'nobody has asked for one');
});

t.test('an observer may look at nothing', async (t) => {
  const target = nor();
  const { writer } = await open(target, { observer: {} });
  await put(writer, [block(1), block(2)]);
  await writer.openGate();
  t.same(held(target, 1), block(2));
});

t.test('a digest is of the bytes of the image alone', async (t) => {
  const { writer } = await open(nor(), { digest: true });
  await writer.put(0, block(1), ERASE);
  await writer.put(1, block(2), 100);
  const hasher = platform.hasher('sha256');
  hasher.update(block(1));
  hasher.update(block(2).subarray(0, 100));
  t.equal(writer.digest(), toHex(hasher.digest()));
});

t.test('who is asked before the first change is asked once, and before it', async (t) => {
  const target = nor();
  let asked = 0;
  const aboutToChange = async (): Promise<void> => {
    asked++;
    t.same(held(target, 1), old(1));
  };
  const { writer } = await open(target, { aboutToChange });
  await writer.put(0, block(1), ERASE);
  t.equal(asked, 0, 'what is held has changed nothing');
  await writer.put(1, block(2), ERASE);
  await writer.put(2, block(3), ERASE);
  await writer.openGate();
  t.equal(asked, 1);
});

t.test('whether something is to change, and where the gate is', async (t) => {
  const right = await open(nor());
  await put(right.writer, [old(0), old(1)]);
  t.equal(right.writer.willWrite, false);
  t.equal(right.writer.gateBlock, null);
  t.equal(await right.writer.openGate(), null);

  const gateAlone = await open(nor());
  await put(gateAlone.writer, [block(1), old(1)]);
  t.equal(gateAlone.writer.hasWritten, false);
  t.equal(gateAlone.writer.willWrite, true, 'as soon as the gate opens');
  t.equal(gateAlone.writer.gateBlock, ROFS);

  const behind = await open(nor());
  await put(behind.writer, [old(0), block(1)]);
  t.equal(behind.writer.willWrite, true);
  t.equal(behind.writer.gateBlock, null);
});

t.test('the receipt counts blocks and bytes, and the gate among what is held once', async (t) => {
  for (const policy of ['before-erase', 'before-commit'] satisfies TrustPolicy[]) {
    const { writer } = await open(nor(), { policy });
    await writer.put(0, block(1), ERASE);
    await writer.put(1, block(2), ERASE);
    await writer.put(2, block(3), 17);
    t.match(writer.receipt, {
      blocks: 3,
      bytes: 2 * ERASE + 17,
      held: 1,
      skipped: 0,
      programmed: 2,
      readBack: 2,
    });
  }
});

t.test('a cut is no wear: nothing is marked, nothing is tried elsewhere', async (t) => {
  const behind = nand({ faults: [`cut:before:erase@${ROFS + 1}:1`] });
  const { writer } = await open(behind);
  await writer.put(0, block(1), ERASE);
  await t.rejects(writer.put(1, block(2), ERASE), { code: 'ERR_FLASH_POWER_CUT' });
  t.match(writer.receipt, { bad: 0, retried: 0 });
  const gate = await open(nand({ faults: [`cut:before:erase@${ROFS}:1`] }));
  await put(gate.writer, [block(1)]);
  await t.rejects(gate.writer.openGate(), { code: 'ERR_FLASH_POWER_CUT' });
  t.equal(gate.writer.receipt.bad, 0);
});

t.test('a gate that cannot be shut names itself', async (t) => {
  const { writer } = await open(nor({ faults: [`fail:erase@${ROFS}:1:ever`] }), { policy: 'before-commit' });
  await writer.put(0, block(1), ERASE);
  await t.rejects(writer.put(1, block(2), ERASE), { code: 'ERR_FLASH_ERASE', partition: 'rofs', block: 0 });
});

for (const policy of ['before-commit', 'unsigned'] satisfies TrustPolicy[]) {
  t.test(`${policy}: the gate is shut before another block changes, and is what opens last`, async (t) => {
    const target = nor();
    const { writer, drawn } = await open(target, { policy });
    await writer.put(0, old(0), ERASE);
    t.equal(writer.gateBlock, null, 'it is right so far');
    await writer.put(1, block(2), ERASE);
    t.ok(held(target, 0).every((byte) => byte === 0xff));
    t.equal(writer.gateBlock, ROFS);
    t.match(writer.receipt, { held: 1, skipped: 0, erased: 2 });
    await writer.put(2, block(3), ERASE);
    t.match(writer.receipt, { held: 1, skipped: 0, erased: 3 }, 'it is shut once');
    t.equal(await writer.openGate(), ROFS * ERASE, 'it was written');
    t.same(held(target, 0), old(0));
    t.equal(drawn.at(-1), 'written 0 of rofs');
    t.equal(writer.receipt.erased, 3, 'without another erase');
  });

  t.test(`${policy}: a gate that is right stays so where nothing else changes`, async (t) => {
    const target = nor();
    const { writer } = await open(target, { policy });
    await put(writer, [old(0), old(1)]);
    t.equal(writer.willWrite, true, 'it is held');
    t.equal(await writer.openGate(), null);
    t.match(writer.receipt, { skipped: 2, held: 0, erased: 0, programmed: 0 });
  });
}

/** A journal that follows a session that has left `suspects`. */
async function follower(target: FlashTarget, suspects: readonly number[]): Promise<Journal> {
  const facts = { bundle: null, proven: 'none' };
  const store = new MemoryJournal();
  const before = await Journal.open({ store, platform, target, observer: {} }, facts);
  await before.beforeChange(target.partitions.get('kernel') as Partition, 2, suspects);
  return Journal.open({ store, platform, target, observer: {} }, facts);
}

t.test(
  'a gate that an earlier session has left shut is not erased again, unless its erase may be torn',
  async (t) => {
    for (const [what, journalOf, content, erased] of [
      ['shut by the session before', (target: FlashTarget) => follower(target, [2]), 0xff, 2],
      ['no session before', () => Promise.resolve(NO_CHANGE_LOG), 0xff, 3],
      ['not erased', (target: FlashTarget) => follower(target, [2]), 0x00, 3],
    ] as const) {
      const target = nor();
      held(target, 0).fill(content);
      const { writer } = await open(target, { policy: 'before-commit', changeLog: await journalOf(target) });
      await put(writer, [block(1), block(2), block(3)]);
      t.equal(writer.receipt.erased, erased, what);
      t.equal(await writer.openGate(), ROFS * ERASE);
      t.equal(writer.receipt.erased, erased);
      t.same(held(target, 0), block(1));
    }
    const target = nor();
    held(target, 0).fill(0xff);
    const facts = { bundle: null, proven: 'none' };
    const store = new MemoryJournal();
    const options = { store, platform, target, observer: {} };
    await (
      await Journal.open(options, facts)
    ).beforeChange(target.partitions.get('rofs') as Partition, ROFS, [ROFS]);
    const journal = await Journal.open(options, facts);
    const { writer } = await open(target, { policy: 'before-commit', changeLog: journal });
    await put(writer, [block(1), block(2), block(3)]);
    t.equal(writer.receipt.erased, 3, 'it may be torn');
  },
);

t.test('a gate that cannot be read is erased, and is not bad for that', async (t) => {
  // Three attempts each for the comparison and for the look whether it was left shut.
  const target = nand({ faults: [`fail:read@${ROFS}:1:6`] });
  const journal = await follower(target, [2]);
  const { writer } = await open(target, { policy: 'before-commit', changeLog: journal });
  await put(writer, [block(1), block(2), block(3)]);
  await writer.openGate();
  t.match(writer.receipt, { bad: 0, erased: 3 });
  t.same(held(target, 0), block(1));
});

t.test('a gate alone that was left shut is filled, without an erase', async (t) => {
  const target = nor();
  held(target, 0).fill(0xff);
  const journal = await follower(target, [2]);
  const { writer } = await open(target, { policy: 'before-commit', changeLog: journal });
  await put(writer, [block(1), old(1)]);
  t.equal(await writer.openGate(), ROFS * ERASE);
  t.match(writer.receipt, { erased: 0, programmed: 1, readBack: 1 });
  t.same(held(target, 0), block(1));
});

t.test('the last look sees what has changed since, but for what is held', async (t) => {
  const target = nor();
  const buffer = new Uint8Array(2 * ERASE);
  const { writer } = await open(target);
  await put(writer, [block(1), block(2), old(2)]);
  await writer.recheck(buffer, () => true);
  held(target, 0).fill(0);
  await writer.recheck(buffer, () => true);
  held(target, 2).fill(0);
  await writer.recheck(buffer, (offset) => offset !== (ROFS + 2) * ERASE);
  await t.rejects(
    writer.recheck(buffer, () => true),
    { code: 'ERR_FLASH_CHANGED', partition: 'rofs', block: 2 },
  );

  const right = await open(nor());
  await put(right.writer, [old(0), block(2)]);
  t.equal(right.writer.gateBlock, null);
  const other = nor();
  const { writer: whole } = await open(other);
  await put(whole, [old(0), old(1)]);
  held(other, 0).fill(0);
  await t.rejects(
    whole.recheck(buffer, () => true),
    { code: 'ERR_FLASH_CHANGED', block: 0 },
    'a first block that was right is looked at too',
  );
});

t.test('failures name the partition and the block of the image', async (t) => {
  const failing = { partition: 'rofs', block: 1 };
  const reading = await open(nor({ faults: [`fail:read@${ROFS + 1}:1:ever`] }));
  await reading.writer.put(0, block(1), ERASE);
  await t.rejects(reading.writer.put(1, block(2), ERASE), { code: 'ERR_FLASH_READ', ...failing });

  const erasing = await open(nor({ faults: [`fail:erase@${ROFS + 1}:1:ever`] }));
  await erasing.writer.put(0, block(1), ERASE);
  await t.rejects(erasing.writer.put(1, block(2), ERASE), { code: 'ERR_FLASH_ERASE', ...failing });
  t.equal(erasing.writer.receipt.retried, 2);

  const looking = await open(nor({ faults: [`fail:read@${ROFS + 1}:3:ever`] }));
  await put(looking.writer, [block(1), block(2)]);
  await t.rejects(
    looking.writer.recheck(new Uint8Array(ERASE), () => true),
    { code: 'ERR_FLASH_READ', ...failing },
  );

  const gate = await open(nor({ faults: [`fail:erase@${ROFS}:1:ever`] }));
  await put(gate.writer, [block(1), block(2)]);
  await t.rejects(gate.writer.openGate(), { code: 'ERR_FLASH_ERASE', partition: 'rofs', block: 0 });
  t.equal(gate.writer.receipt.bad, 0, 'NOR has no bad blocks');
});

t.test('NAND: a block that fails is marked, and the next good one takes its bytes', async (t) => {
  const target = nand({ faults: [`fail:erase@${ROFS + 1}:1:ever`] });
  const { writer, drawn, warnings } = await open(target);
  await put(writer, [block(1), block(2), block(3)]);
  t.ok(drawn.includes('bad 1 of rofs'));
  t.equal(warnings.length, 1);
  t.equal(writer.receipt.bad, 1);
  t.same(
    [2, 3].map((n) => held(target, n)),
    [block(2), block(3)],
  );
  t.equal(await target.chip.isBad(ROFS + 1), true);

  const silent = await open(nand({ faults: [`fail:erase@${ROFS + 1}:1:ever`] }), { observer: {} });
  await put(silent.writer, [block(1), block(2), block(3)]);
  t.equal(silent.writer.receipt.bad, 1);
});

t.test('NAND: what the next good block holds already is not written again', async (t) => {
  const target = nand({ faults: [`fail:erase@${ROFS + 1}:1:ever`] });
  const { writer } = await open(target);
  await put(writer, [block(1), old(2)]);
  t.match(writer.receipt, { bad: 1, erased: 0, programmed: 0 });
  t.same(held(target, 2), old(2));
});

t.test('NAND: too few good blocks are left, whether the size was known or not', async (t) => {
  const faults = [1, 2, 3].map((n) => `fail:erase@${ROFS + n}:1:ever`);
  const known = await open(nand({ faults: faults.slice(0, 1) }), { blocks: 6 });
  await known.writer.put(0, block(1), ERASE);
  await t.rejects(known.writer.put(1, block(2), ERASE), { code: 'ERR_FLASH_BAD_BLOCKS' });

  // Six blocks, three of which go bad: the image of unknown size has room for three.
  const unknown = await open(nand({ faults }), { blocks: 0 });
  await put(unknown.writer, [block(1), block(2), block(3)]);
  t.equal(unknown.writer.receipt.bad, 3);
  await t.rejects(unknown.writer.put(3, block(4), ERASE), { code: 'ERR_FLASH_BAD_BLOCKS' });

  const last = await open(nand({ faults: [`fail:erase@${ROFS + 5}:1:ever`] }), { blocks: 0 });
  await put(
    last.writer,
    [0, 1, 2, 3, 4].map((n) => old(n)),
  );
  await t.rejects(last.writer.put(5, block(6), ERASE), { code: 'ERR_FLASH_BAD_BLOCKS' });
});

t.test('NAND: the fourth block in a row that fails is not marked: it is not the blocks', async (t) => {
  const faults = [1, 2, 3, 4].map((n) => `fail:erase@${ROFS + n}:1:ever`);
  const target = nand({ faults });
  const { writer } = await open(target);
  await writer.put(0, block(1), ERASE);
  await t.rejects(writer.put(1, block(2), ERASE), {
    code: 'ERR_FLASH_ERASE',
    partition: 'rofs',
    block: 4,
    cause: { code: 'ERR_FLASH_ERASE' },
  });
  t.equal(writer.receipt.bad, 3);
  t.equal(await target.chip.isBad(ROFS + 4), false);
});

t.test('NAND: a gate that fails is marked, and cannot be replaced', async (t) => {
  const target = nand({ faults: [`fail:erase@${ROFS}:1:ever`] });
  const { writer, drawn } = await open(target);
  await put(writer, [block(1), block(2)]);
  await t.rejects(writer.openGate(), { code: 'ERR_FLASH_GATE', partition: 'rofs', block: 0 });
  t.ok(drawn.includes('bad 0 of rofs'));
  t.equal(await target.chip.isBad(ROFS), true);
});

/** As UBI has it: says which blocks are mapped. */
function volume(target: FlashTarget, mapped: readonly number[]): Partition {
  const rofs = target.partitions.get('rofs') as Partition;
  const device = Object.assign(new DeviceWrapper(rofs.device), {
    isMapped: (n: number) => Promise.resolve(mapped.includes(n - ROFS)),
  });
  return { ...rofs, device };
}

t.test('what is mapped behind the image is freed, and nothing where there is no image', async (t) => {
  const target = nor();
  const partition = volume(target, [0, 1, 3, 5]);
  const none = await open(target, { partition });
  await none.writer.clearBehind();
  t.equal(none.writer.hasWritten, false);
  t.same(none.drawn, []);
  const { writer, drawn } = await open(target, { partition });
  await put(writer, [old(0), old(1)]);
  drawn.length = 0;
  await writer.clearBehind();
  t.same(drawn, ['erased 3 of rofs', 'erased 5 of rofs']);
  t.equal(writer.receipt.erased, 2);
});

t.test('what cannot be freed is named', async (t) => {
  const target = nor({ faults: [`fail:erase@${ROFS + 3}:1:ever`] });
  const partition = volume(target, [3]);
  const { writer } = await open(target, { partition });
  await put(writer, [old(0), old(1)]);
  await t.rejects(writer.clearBehind(), { code: 'ERR_FLASH_ERASE', partition: 'rofs', block: 3 });
});
