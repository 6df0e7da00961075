import t from 'tap';
import type { SimChip } from '../../src/core/sim/index.js';
import { all, BLOCKS, bytes, ERASE, nand, nor, PAGE } from './chips.js';
import { sameBytes } from '../kit/same-bytes.js';

const cut = { code: 'ERR_FLASH_POWER_CUT' };

t.test('after a cut every operation is refused until the chip is opened again', async (t) => {
  const target = nand(['cut:before:read:1']);
  const { chip } = target;
  const acts: ((chip: SimChip) => Promise<unknown>)[] = [
    (chip) => chip.read(0, new Uint8Array(1)),
    (chip) => chip.erase(0),
    (chip) => chip.program(0, bytes(PAGE, 0)),
    (chip) => chip.isBad(0),
    (chip) => chip.unlock(0, 1),
    (chip) => chip.eccStats(),
    (chip) => chip.sync(),
    (chip) => chip.markBad(0),
  ];
  for (const act of acts) await t.rejects(act(chip), cut);
  t.ok(all(target.bytes, 0xff), 'nothing was done without power');
  const again = await target.reopen();
  for (const act of acts) await t.resolves(act(again.chip), 'the fault is used up');
});

t.test('a cut before an operation leaves it undone, after it done', async (t) => {
  for (const when of ['before', 'after'] as const) {
    const erase = nor([`cut:${when}:erase:2`]);
    await erase.chip.program(0, bytes(ERASE * 1, 0));
    await erase.chip.erase(1);
    await t.rejects(erase.chip.erase(0), { ...cut, block: 0 });
    t.ok(all(erase.bytes.subarray(0, ERASE), when === 'before' ? 0 : 0xff), `${when} erase`);
    t.equal(erase.chip.stats().erases, when === 'before' ? 1 : 2);
    const program = nor([`cut:${when}:program:1`]);
    await t.rejects(program.chip.program(10, bytes(300, 0)), cut);
    t.ok(all(program.bytes.subarray(10, 310), when === 'before' ? 0xff : 0), `${when} program`);
  }
});

t.test('a cut inside a program leaves pages done, one torn and the rest as they were', async (t) => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const { chip, bytes: raw } = nor([`cut:torn:program:1:${seed}`]);
    await t.rejects(chip.program(ERASE, bytes(ERASE, 0)), cut);
    const block = raw.subarray(ERASE, 2 * ERASE);
    const done = block.findIndex((byte) => byte !== 0);
    t.ok(done >= 0, 'it did not come to its end');
    const page = done - (done % 256);
    t.ok(all(block.subarray(page + 256), 0xff), 'what follows the torn page is untouched');
    t.notOk(all(block.subarray(page, page + 256), 0xff), 'the page is torn');
    t.ok(
      all(raw.subarray(0, ERASE), 0xff) && all(raw.subarray(2 * ERASE), 0xff),
      'other blocks are untouched',
    );
    outcomes.add(`${page}`);
  }
  t.ok(outcomes.size > 5, 'seeds tear at different places');
});

t.test('a cut inside an erase leaves noise, in its block only', async (t) => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const { chip, bytes: raw } = nor([`cut:torn:erase:1:${seed}`], { content: bytes(ERASE * BLOCKS, 0) });
    await t.rejects(chip.erase(1), cut);
    const block = raw.subarray(ERASE, 2 * ERASE);
    t.notOk(all(block, 0xff), 'it did not come to its end');
    t.notOk(all(block, 0), 'it did begin');
    t.ok(all(raw.subarray(0, ERASE), 0) && all(raw.subarray(2 * ERASE), 0));
    outcomes.add(Buffer.from(block).toString('latin1'));
  }
  t.equal(outcomes.size, 20, 'each seed leaves other noise');
});

t.test('the same plan tears the same way', async (t) => {
  const run = async (): Promise<Uint8Array> => {
    const { chip, bytes: raw } = nor(['cut:torn:erase:1:3'], { content: bytes(ERASE * BLOCKS, 0) });
    await t.rejects(chip.erase(1), cut);
    return raw;
  };
  sameBytes(t, await run(), await run());
});

t.test('pages that a cut has torn must be erased before they are programmed', async (t) => {
  const target = nand(['cut:torn:program:1']);
  await t.rejects(target.chip.program(0, bytes(ERASE, 0)), cut);
  const { chip } = await target.reopen();
  await t.rejects(chip.program(0, bytes(ERASE, 0)), { code: 'ERR_FLASH_NOT_ERASED' });
  await chip.erase(0);
  await t.resolves(chip.program(0, bytes(ERASE, 0)));
});

t.test('a cut on one block waits for that block', async (t) => {
  const { chip } = nor(['cut:torn:program@3:1']);
  for (const block of [0, 1, 2]) await chip.program(block * ERASE, bytes(ERASE, 0));
  await t.rejects(chip.program(3 * ERASE, bytes(ERASE, 0)), { ...cut, block: 3 });
});

t.test('a job can be cut at each of its operations and finished after', async (t) => {
  const job = async (chip: SimChip): Promise<void> => {
    for (let block = 0; block < 4; block++) {
      await chip.erase(block);
      await chip.program(block * ERASE, bytes(ERASE, block));
    }
  };
  const clean = nor();
  await job(clean.chip);
  const { erases, programs } = clean.chip.stats();
  for (const when of ['before', 'torn', 'after']) {
    for (let nth = 1; nth <= erases + programs; nth++) {
      const target = nor([`cut:${when}:change:${nth}:${nth}`]);
      await t.rejects(job(target.chip), cut);
      const { chip, bytes: raw } = await target.reopen();
      await job(chip);
      sameBytes(t, raw, clean.bytes, `${when} ${nth}`);
    }
  }
});

t.test('where a failure and a cut hit the same operation, the power is gone', async (t) => {
  const { chip } = nor(['fail:erase:1', 'cut:before:erase:1']);
  await t.rejects(chip.erase(0), cut);
  await t.rejects(chip.read(0, new Uint8Array(1)), cut);
});
