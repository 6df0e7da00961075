import * as fc from 'fast-check';
import t from 'tap';
import { checkFaults, formatFault, parseFault, type Fault } from '../../src/core/sim/index.js';
import { all, BLOCKS, bytes, ERASE, nand, nor, PAGE } from './chips.js';

const FAILED = { erase: 'ERR_FLASH_ERASE', program: 'ERR_FLASH_PROGRAM', read: 'ERR_FLASH_READ' } as const;

t.test('the text forms of the documentation are understood', (t) => {
  t.same(parseFault('fail:erase:3'), { kind: 'fail', on: 'erase', nth: 3, times: 1 });
  t.same(parseFault('fail:any:3:2'), { kind: 'fail', on: 'any', nth: 3, times: 2 });
  t.same(parseFault('fail:program@5:1:ever'), {
    kind: 'fail',
    on: 'program',
    block: 5,
    nth: 1,
    times: 'ever',
  });
  t.same(parseFault('weak:5'), { kind: 'fail', on: 'change', block: 5, nth: 1, times: 'ever' });
  t.same(parseFault('weak:5:program:2'), { kind: 'fail', on: 'program', block: 5, nth: 2, times: 'ever' });
  t.same(parseFault('cut:torn:any:120'), { kind: 'cut', when: 'torn', on: 'any', nth: 120, seed: 1 });
  t.same(parseFault('cut:before:erase@0:1:7'), {
    kind: 'cut',
    when: 'before',
    on: 'erase',
    block: 0,
    nth: 1,
    seed: 7,
  });
  t.same(parseFault('stuck:0x10000:0x80:0'), { kind: 'stuck', offset: 65536, mask: 128, value: 0 });
  t.same(parseFault('flip:7:9'), { kind: 'flip', page: 7, bits: 9, times: 'ever' });
  t.same(parseFault('flip:7:9:1'), { kind: 'flip', page: 7, bits: 9, times: 1 });
  t.end();
});

t.test('what is not in the grammar is refused', (t) => {
  for (const text of [
    '',
    'fail',
    'fail:erase',
    'fail:erase:0',
    'fail:erase:1.5',
    'fail:erase:-1',
    'fail:erase:1:0',
    'fail:erase:1:2:3',
    'fail:wipe:1',
    'fail:erase@:1',
    'fail:erase@x:1',
    'weak',
    'cut:any:1',
    'cut:sideways:any:1',
    'cut:torn:any:1:4294967296',
    'stuck:0:256:1',
    'stuck:0:0:1',
    'stuck:0:1:2',
    'flip:1:0',
    'flip:1:65',
    'fail:erase:99999999999999999999',
    'explode:1',
  ]) {
    t.throws(() => parseFault(text), { code: 'ERR_USAGE_OPTION' }, text);
  }
  t.end();
});

t.test('every fault comes back from its text form and from JSON', (t) => {
  const number = fc.integer({ min: 1, max: 0xffff });
  const on = fc.constantFrom('erase', 'program', 'read', 'change', 'any');
  const times = fc.oneof(number, fc.constant('ever' as const));
  const block = fc.record({ block: fc.nat(100) }, { requiredKeys: [] });
  const fault: fc.Arbitrary<Fault> = fc
    .oneof(
      fc.tuple(fc.record({ kind: fc.constant('fail' as const), on, nth: number, times }), block),
      fc.tuple(
        fc.record({
          kind: fc.constant('cut' as const),
          when: fc.constantFrom('before', 'begun', 'torn', 'ending', 'after'),
          on,
          nth: number,
          seed: fc.nat(),
        }),
        block,
      ),
      fc.tuple(
        fc.record({
          kind: fc.constant('stuck' as const),
          offset: fc.nat(),
          mask: fc.integer({ min: 1, max: 255 }),
          value: fc.constantFrom(0, 1),
        }),
      ),
      fc.tuple(
        fc.record({
          kind: fc.constant('flip' as const),
          page: fc.nat(),
          bits: fc.integer({ min: 1, max: 64 }),
          times,
        }),
      ),
    )
    .map(([fields, more]) => ({ ...fields, ...more }) as Fault);
  fc.assert(
    fc.property(fault, (fault) => {
      t.same(parseFault(formatFault(fault)), fault);
    }),
  );
  t.end();
});

t.test('a plan that does not fit the chip is refused, with all that is wrong', (t) => {
  const wrong = { code: 'ERR_USAGE_SIM' };
  t.throws(() => nor([`fail:erase@${BLOCKS}:1`]), wrong);
  t.throws(() => nor([`stuck:${ERASE * BLOCKS}:1:0`]), wrong);
  t.throws(() => nor(['flip:0:1']), wrong, 'NOR has no ECC');
  t.throws(() => nand([`flip:${(ERASE * BLOCKS) / PAGE}:1`]), wrong);
  t.throws(() => nor([`weak:${BLOCKS}`, 'flip:0:1']), { message: /faults\[0\].*faults\[1\]/ });
  t.throws(() => checkFaults([{ kind: 'fail', on: 'erase', nth: 0, times: 1 }], nor().chip.geometry), wrong);
  t.end();
});

for (const kind of ['erase', 'program', 'read'] as const) {
  t.test(`the n-th ${kind} fails, as often as it is asked, and no other operation does`, async (t) => {
    const { chip } = nor([`fail:${kind}:2:2`]);
    const outcomes: Record<string, string[]> = { erase: [], program: [], read: [] };
    for (let round = 0; round < 5; round++) {
      const acts = {
        erase: () => chip.erase(round),
        program: () => chip.program((round + 5) * ERASE, bytes(8, 0)),
        read: () => chip.read(0, new Uint8Array(8)),
      };
      for (const [name, act] of Object.entries(acts)) {
        outcomes[name]?.push(
          await act().then(
            () => 'done',
            (error: { code: string }) => error.code,
          ),
        );
      }
    }
    const fine = Array.from({ length: 5 }, () => 'done');
    for (const name of ['erase', 'program', 'read'] as const) {
      const expected = name === kind ? ['done', FAILED[kind], FAILED[kind], 'done', 'done'] : fine;
      t.same(outcomes[name], expected, name);
    }
    t.same(chip.state().faults, [], 'the fault is used up');
  });
}

t.test('any counts all operations, change those that change the chip', async (t) => {
  const any = nor(['fail:any:3']).chip;
  await any.read(0, new Uint8Array(1));
  await any.erase(0);
  await t.rejects(any.read(0, new Uint8Array(1)), { code: 'ERR_FLASH_READ' });
  const change = nor(['fail:change:2']).chip;
  await change.erase(0);
  await change.read(0, new Uint8Array(1));
  await t.rejects(change.program(0, bytes(1, 0)), { code: 'ERR_FLASH_PROGRAM' });
});

t.test('a weak block fails from its n-th operation on, for ever, and other blocks do not', async (t) => {
  const target = nand(['weak:3:program:2']);
  let { chip } = target;
  await chip.program(3 * ERASE, bytes(PAGE, 0));
  await t.rejects(chip.program(3 * ERASE + PAGE, bytes(PAGE, 0)), { code: 'ERR_FLASH_PROGRAM', block: 3 });
  await chip.erase(3);
  await t.rejects(chip.program(3 * ERASE, bytes(PAGE, 0)), { code: 'ERR_FLASH_PROGRAM' });
  await t.resolves(chip.program(4 * ERASE, bytes(PAGE, 0)));
  t.equal(await chip.isBad(3), false, 'nobody has marked it yet');
  ({ chip } = await target.reopen());
  await chip.erase(3);
  await t.rejects(chip.program(3 * ERASE, bytes(PAGE, 0)), { code: 'ERR_FLASH_PROGRAM' }, 'still weak');
});

t.test(
  'a failed operation leaves its block or pages torn, within its bounds, and the same each time',
  async (t) => {
    const run = async (): Promise<Uint8Array> => {
      const { chip, bytes: raw } = nor(['fail:erase:1', 'fail:program:17']);
      for (let block = 0; block < BLOCKS; block++) await chip.program(block * ERASE, bytes(ERASE, 0x3c));
      await t.rejects(chip.erase(2), { code: 'ERR_FLASH_ERASE' });
      await t.rejects(chip.program(5 * ERASE + 100, bytes(1000, 0)), { code: 'ERR_FLASH_PROGRAM' });
      return raw;
    };
    const raw = await run();
    const erased = raw.slice(2 * ERASE, 3 * ERASE);
    t.notOk(all(erased, 0x3c), 'the erase did something');
    t.notOk(all(erased, 0xff), 'but not all');
    const programmed = raw.slice(5 * ERASE + 100, 5 * ERASE + 1100);
    t.notOk(all(programmed, 0x3c) || all(programmed, 0));
    t.ok(
      programmed.every((byte) => (byte & ~0x3c) === 0),
      'a torn program only clears bits',
    );
    raw.fill(0x3c, 2 * ERASE, 3 * ERASE).fill(0x3c, 5 * ERASE + 100, 5 * ERASE + 1100);
    t.ok(all(raw, 0x3c), 'nothing else was touched');
    const again = await run();
    t.same(again.slice(2 * ERASE, 3 * ERASE), erased);
  },
);

t.test('stuck bits stay, whatever is erased and programmed, and no operation tells', async (t) => {
  const { chip, bytes: raw } = nor([`stuck:${ERASE + 8}:0x81:0`, `stuck:${ERASE + 9}:0x0f:1`]);
  t.equal(raw[ERASE + 8], 0x7e, 'from the beginning');
  await chip.erase(1);
  t.equal(raw[ERASE + 8], 0x7e);
  t.equal(raw[ERASE + 7], 0xff);
  await chip.program(ERASE, bytes(ERASE, 0xff));
  t.equal(raw[ERASE + 8], 0x7e, 'a program over bits stuck at 0 is not refused');
  await chip.program(ERASE, bytes(16, 0));
  t.equal(raw[ERASE + 8], 0);
  t.equal(raw[ERASE + 9], 0x0f);
  await chip.erase(1);
  t.equal(raw[ERASE + 8], 0x7e);
});

t.test('a NAND page with a bit stuck at 0 reads as programmed, yet can be programmed', async (t) => {
  const target = nand(['stuck:5:1:0']);
  const { chip } = await target.reopen();
  await t.resolves(chip.program(0, bytes(PAGE, 0xff)));
});

t.test(
  'flips are corrected and counted up to the strength of the ECC, and beyond spoil what is read',
  async (t) => {
    const { chip, bytes: raw } = nand(['flip:2:4', 'flip:9:5:1']);
    const zero = await chip.eccStats();
    t.same(zero, { corrected: 0, failed: 0 });
    const into = new Uint8Array(ERASE);
    await chip.read(0, into);
    t.ok(all(into, 0xff));
    t.same(await chip.eccStats(), { corrected: 4, failed: 0 });
    await chip.read(ERASE, into);
    t.same(await chip.eccStats(), { corrected: 4, failed: 1 });
    const wrong = into.reduce((count, byte) => count + (byte === 0xff ? 0 : 1), 0);
    t.equal(wrong, 5);
    t.ok(all(into.subarray(0, PAGE), 0xff) && all(into.subarray(2 * PAGE), 0xff), 'in that page only');
    await chip.read(ERASE, into);
    t.ok(all(into, 0xff), 'the second fault was for one read');
    t.ok(all(raw, 0xff), 'the cells never changed');
    await chip.read(2 * PAGE - 1, new Uint8Array(1));
    await chip.read(3 * PAGE, new Uint8Array(1));
    t.same(await chip.eccStats(), { corrected: 4, failed: 1 }, 'reads of other pages do not count');
  },
);
