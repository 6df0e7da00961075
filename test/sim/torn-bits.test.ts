import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import t from 'tap';
import type { SimChip } from '../../src/core/sim/index.js';
import { parseDescription, parseFault } from '../../src/core/sim/index.js';
import { createSimChip, openSimTarget } from '../../src/host/node/flash/sim-file/target.js';
import { all, BLOCKS, bytes, ERASE, nand, nor, PAGE, small } from './chips.js';

const cut = { code: 'ERR_FLASH_POWER_CUT' };
const SEEDS = Array.from({ length: 24 }, (_, seed) => seed);
const content = (): Uint8Array => bytes(ERASE * BLOCKS, 0);

async function block(chip: SimChip, number: number): Promise<Buffer> {
  const into = Buffer.alloc(ERASE);
  await chip.read(number * ERASE, into);
  return into;
}

/** Reads a block so often that bits which keep still for a while show too. */
async function readings(chip: SimChip, number: number, times: number): Promise<Set<string>> {
  const found = new Set<string>();
  for (let i = 0; i < times; i++) found.add((await block(chip, number)).toString('latin1'));
  return found;
}

for (const moment of ['begun', 'torn', 'ending'] as const) {
  t.test(`NOR: an erase that is cut ${moment} leaves bits that change between reads`, async (t) => {
    let moved = 0;
    let quiet = 0;
    for (const seed of SEEDS) {
      const target = nor([`cut:${moment}:erase@1:1:${seed}`], { content: content() });
      await t.rejects(target.chip.erase(1), cut);
      const { chip } = await target.reopen();
      const resting = target.bytes.subarray(ERASE, 2 * ERASE);
      if (moment !== 'torn') t.ok(all(resting, moment === 'begun' ? 0 : 0xff), 'what it rests at');
      t.equal(chip.state().torn.length, 1);
      const first = await block(chip, 1);
      if (Buffer.compare(first, resting) === 0) quiet++;
      if ((await readings(chip, 1, 12)).size > 1) moved++;
      t.equal((await readings(chip, 2, 3)).size, 1, 'other blocks stand still');
      await chip.program(ERASE, bytes(ERASE, 0));
      t.equal(chip.state().torn.length, 1, 'a program does not make them firm');
      await chip.erase(1);
      t.same(chip.state().torn, [], 'an erase does');
      t.ok([...(await readings(chip, 1, 12))].every((text) => all(Buffer.from(text, 'latin1'), 0xff)));
    }
    t.ok(moved > 15, `${moved} move within 12 reads`);
    t.ok(quiet > 8 && moved > quiet / 2, `${quiet} read well at first`);
  });

  t.test(`a program that is cut ${moment} leaves unstable only what it was changing`, async (t) => {
    for (const make of [nor, nand]) {
      for (const seed of SEEDS) {
        const target = make([`cut:${moment}:program:1:${seed}`]);
        const wanted = bytes(ERASE, 0x5a);
        await t.rejects(target.chip.program(ERASE, wanted), cut);
        const resting = target.bytes.subarray(ERASE, 2 * ERASE);
        if (moment !== 'torn') t.ok(all(resting, moment === 'begun' ? 0xff : 0x5a), 'what it rests at');
        const { chip } = await target.reopen();
        const [torn] = chip.state().torn;
        t.match(torn, { block: 1 });
        t.ok(
          torn?.bits.every((bit) => ((0x5a >>> (bit & 7)) & 1) === 0),
          'bits that stay 1 are left alone',
        );
        const pages = new Set(torn?.bits.map((bit) => Math.floor(bit / 8 / (make === nor ? 256 : PAGE))));
        t.equal(pages.size, 1, 'they are in the page that was under way');
        if (make === nand) {
          await t.rejects(chip.program(ERASE + [...pages][0]! * PAGE, bytes(PAGE, 0)), {
            code: 'ERR_FLASH_NOT_ERASED',
          });
        }
      }
    }
  });
}

t.test('NAND: few of them are corrected and counted, more fail the ECC of their page', async (t) => {
  let corrected = 0;
  let failed = 0;
  for (const seed of SEEDS) {
    const target = nand([`cut:ending:program:1:${seed}`]);
    await t.rejects(target.chip.program(0, bytes(ERASE, 0)), cut);
    const { chip } = await target.reopen();
    for (let i = 0; i < 12; i++) {
      const before = (await chip.eccStats()) as { failed: number };
      const right = all(await block(chip, 0), 0);
      const after = (await chip.eccStats()) as { failed: number };
      t.equal(right, after.failed === before.failed, 'what is wrong was counted as failed');
    }
    const stats = (await chip.eccStats()) as { corrected: number; failed: number };
    corrected += stats.corrected;
    failed += stats.failed;
  }
  t.ok(corrected > 50 && failed > 20, `${corrected} corrected, ${failed} failed`);
});

t.test('an operation that fails leaves unstable bits too, until its block is erased', async (t) => {
  const { chip } = nor(['fail:program:1:8'], { content: bytes(ERASE * BLOCKS, 0xff) });
  for (let number = 0; number < 8; number++) {
    await t.rejects(chip.program(number * ERASE, bytes(ERASE, 0)), { code: 'ERR_FLASH_PROGRAM' });
  }
  t.same(
    chip.state().torn.map(({ block }) => block),
    [0, 1, 2, 3, 4, 5, 6, 7],
  );
  await chip.erase(3);
  t.equal(chip.state().torn.length, 7);
});

t.test('they and their next readings are the same when the chip was closed in between', async (t) => {
  for (const seed of SEEDS.slice(0, 6)) {
    const path = join(t.testdir(), 'chip.bin');
    createSimChip(path, {
      layout: small,
      eraseSize: ERASE,
      faults: [parseFault(`cut:torn:erase:1:${seed}`)],
    });
    const first = await openSimTarget(path);
    await t.rejects(first.chip.erase(2), cut);
    await first.close();
    t.equal(parseDescription(readFileSync(`${path}.json`, 'utf8'), path).torn.length, 1);
    const inMemory = nor([`cut:torn:erase:1:${seed}`]);
    await t.rejects(inMemory.chip.erase(2), cut);
    const { chip } = await inMemory.reopen();
    for (let i = 0; i < 8; i++) {
      const target = await openSimTarget(path);
      t.same(await block(target.chip, 2), await block(chip, 2), `read ${i}`);
      await target.close();
    }
    const target = await openSimTarget(path);
    await target.chip.erase(2);
    await target.close();
    t.notMatch(readFileSync(`${path}.json`, 'utf8'), /torn/, 'nothing is said of a chip that has none');
  }
});

t.test('the power can be cut between two operations', async (t) => {
  const target = nor();
  target.chip.cutPower();
  await t.rejects(target.chip.erase(0), cut);
  const { chip } = await target.reopen();
  await t.resolves(chip.erase(0));
});
