import * as fc from 'fast-check';
import t from 'tap';
import { MemoryStore, SimChip } from '../../src/core/sim/index.js';
import { all, BLOCKS, bytes, ERASE, nand, nor, PAGE, small } from './chips.js';

t.test('a NOR program that needs a bit set is refused, names the byte and changes nothing', async (t) => {
  const { chip, bytes: raw } = nor();
  await chip.program(ERASE + 10, Uint8Array.of(0x0f));
  const before = raw.slice();
  const wanted = bytes(40, 0);
  wanted[3] = 0x10;
  await t.rejects(chip.program(ERASE + 7, wanted), {
    code: 'ERR_FLASH_NOT_ERASED',
    block: 1,
    message: /4106/,
  });
  t.same(raw, before);
  t.equal(chip.stats().programs, 1, 'a refused program is not counted');
});

t.test('a NOR program is refused exactly when some bit would have to be set', async () => {
  const { chip, bytes: raw } = nor();
  const block = fc.uint8Array({ minLength: ERASE, maxLength: ERASE });
  await fc.assert(
    fc.asyncProperty(
      block,
      fc.uint8Array({ minLength: 1, maxLength: 64 }),
      fc.nat(ERASE - 64),
      fc.nat(7),
      fc.boolean(),
      async (old, noise, at, shift, onlyClear) => {
        await chip.erase(2);
        await chip.program(2 * ERASE, old);
        const buffer = new Uint8Array(shift + noise.length);
        const wanted = buffer.subarray(shift);
        wanted.set(noise);
        if (onlyClear)
          for (let i = 0; i < wanted.length; i++) wanted[i] = (wanted[i] ?? 0) & (old[at + i] ?? 0);
        const allowed = wanted.every((byte, i) => (byte & ~(old[at + i] ?? 0)) === 0);
        const expected = old.slice();
        if (allowed) expected.set(wanted, at);
        const outcome = await chip.program(2 * ERASE + at, wanted).then(
          () => 'done',
          (error: { code?: string }) => error.code,
        );
        return (
          outcome === (allowed ? 'done' : 'ERR_FLASH_NOT_ERASED') &&
          Buffer.compare(raw.subarray(2 * ERASE, 3 * ERASE), expected) === 0
        );
      },
    ),
    { numRuns: 200 },
  );
});

t.test('a bit to be set is found wherever it is in a whole block', async (t) => {
  const { chip } = nor();
  await chip.erase(0);
  await chip.program(0, bytes(ERASE, 0));
  for (const at of [0, 1, 3, 4, 1023, 2048, ERASE - 5, ERASE - 1]) {
    const wanted = bytes(ERASE, 0);
    wanted[at] = 0x80;
    await t.rejects(chip.program(0, wanted), {
      code: 'ERR_FLASH_NOT_ERASED',
      message: new RegExp(` ${at} `),
    });
  }
});

t.test(
  'a block that was erased and programmed in part is still checked below what was programmed',
  async (t) => {
    const { chip } = nor();
    await chip.erase(0);
    await chip.program(100, bytes(10, 0));
    await chip.program(0, bytes(100, 0x55));
    await chip.program(110, bytes(5, 0x55));
    await t.rejects(chip.program(100, bytes(1, 1)), { code: 'ERR_FLASH_NOT_ERASED' });
    await t.rejects(chip.program(0, bytes(1, 0xff)), { code: 'ERR_FLASH_NOT_ERASED' });
    await t.resolves(chip.program(0, bytes(1, 0x11)));
  },
);

t.test('a NAND page is programmed once an erase, even with bytes that clear no bit', async (t) => {
  const { chip } = nand();
  await chip.program(PAGE, bytes(PAGE, 0xff));
  await t.rejects(chip.program(PAGE, bytes(PAGE, 0)), { code: 'ERR_FLASH_NOT_ERASED', block: 0 });
  await t.rejects(chip.program(0, bytes(ERASE, 0)), { code: 'ERR_FLASH_NOT_ERASED' });
  await t.resolves(chip.program(0, bytes(PAGE, 0)), 'the page before it is free');
  await chip.erase(0);
  await t.resolves(chip.program(0, bytes(ERASE, 0)));
});

t.test('a NAND chip that is opened takes pages for programmed that are not all 0xFF', async (t) => {
  const target = nand();
  await target.chip.program(0, bytes(PAGE, 0));
  await target.chip.program(PAGE, bytes(PAGE, 0xff));
  const { chip } = await target.reopen();
  await t.rejects(chip.program(0, bytes(PAGE, 0)), { code: 'ERR_FLASH_NOT_ERASED' });
  await t.resolves(chip.program(PAGE, bytes(PAGE, 0)));
});

t.test('factory bad blocks do not read as erased, and stay what they are', async (t) => {
  const { chip, bytes: raw } = nand([], { factoryBad: [4] });
  t.equal(await chip.isBad(4), true);
  t.equal(await chip.isBad(3), false);
  t.ok(all(raw.subarray(4 * ERASE, 5 * ERASE), 0));
  await t.rejects(chip.erase(4), { code: 'ERR_FLASH_ERASE', block: 4 });
  await t.rejects(chip.program(4 * ERASE, bytes(PAGE, 0)), { code: 'ERR_FLASH_PROGRAM', block: 4 });
  t.ok(all(raw.subarray(4 * ERASE, 5 * ERASE), 0));
  await chip.markBad(4);
  t.same(chip.state().grownBad, [], 'marking it again does not make it a grown one');
});

t.test(
  'a buffer that is changed before the program has settled spoils the flash, as it would with DMA',
  async (t) => {
    const { chip, bytes: raw } = nor();
    const buffer = bytes(ERASE, 0x11);
    const running = chip.program(0, buffer);
    buffer.fill(0x22);
    await running;
    t.ok(all(raw.subarray(0, ERASE), 0x22));
  },
);

t.test('counts, wear and the observer tell what was done', async (t) => {
  const { chip } = nor();
  const seen: string[] = [];
  chip.onOperation = ({ kind, block, offset, length, outcome }) =>
    seen.push(`${kind} ${block} ${offset} ${length} ${outcome}`);
  await chip.erase(3);
  await chip.erase(3);
  await chip.program(3 * ERASE + 5, bytes(7, 0));
  await chip.read(2 * ERASE, new Uint8Array(2 * ERASE));
  await t.rejects(chip.erase(BLOCKS));
  t.same(seen, [
    `erase 3 ${3 * ERASE} ${ERASE} done`,
    `erase 3 ${3 * ERASE} ${ERASE} done`,
    `program 3 ${3 * ERASE + 5} 7 done`,
    `read 2 ${2 * ERASE} ${2 * ERASE} done`,
  ]);
  const { wear, ...counts } = chip.stats();
  t.same(counts, { erases: 2, programs: 1, reads: 1, bytesRead: 2 * ERASE, bytesProgrammed: 7, busyMs: 0 });
  t.same([...wear], [0, 0, 0, 2, ...Array.from({ length: BLOCKS - 4 }, () => 0)]);
});

t.test('wear goes on when the chip is opened again; counts begin anew', async (t) => {
  const target = nor();
  await target.chip.erase(1);
  const { chip } = await target.reopen();
  await chip.erase(1);
  t.equal(chip.stats().wear[1], 2);
  t.equal(chip.stats().erases, 1);
});

t.test('a chip whose options do not fit is refused, with all that is wrong', (t) => {
  const geometry = { type: 'nor', size: small.size, eraseSize: ERASE, writeSize: 1 } as const;
  const make = (options: object, size = small.size): (() => SimChip) => {
    return () => new SimChip(new MemoryStore(size), { geometry, ...options });
  };
  const wrong = { code: 'ERR_USAGE_SIM' };
  t.throws(make({}, 100), wrong);
  t.throws(make({ geometry: { ...geometry, type: 'ubi' } }), wrong);
  t.throws(make({ geometry: { ...geometry, eraseSize: 3000 } }), wrong);
  t.throws(make({ geometry: { ...geometry, writeSize: 3 } }), wrong);
  t.throws(make({ geometry: { ...geometry, writeSize: 0 } }), wrong);
  t.throws(make({ factoryBad: [1] }), wrong, 'NOR has no bad blocks');
  t.throws(make({ geometry: { ...geometry, type: 'nand', writeSize: PAGE }, grownBad: [BLOCKS] }), wrong);
  t.throws(make({ wear: new Uint32Array(3) }), wrong);
  t.throws(make({ wear: new Uint32Array(3), factoryBad: [1] }), { message: /factoryBad.*wear/ });
  t.end();
});

t.test('an I/O error of the store is a failure of the operation, with its cause', async (t) => {
  class Failing extends MemoryStore {
    override read(): void {
      throw Object.assign(new Error('boom'), { code: 'EIO' });
    }
    override fill(): void {
      throw Object.assign(new Error('boom'), { code: 'ENOSPC' });
    }
  }
  const geometry = { type: 'nor', size: small.size, eraseSize: ERASE, writeSize: 1 } as const;
  const chip = new SimChip(new Failing(small.size), { geometry });
  await t.rejects(chip.read(0, new Uint8Array(1)), { code: 'ERR_FLASH_READ', errno: 'EIO' });
  await t.rejects(chip.erase(1), { code: 'ERR_FLASH_ERASE', errno: 'ENOSPC', block: 1 });
});
