import t from 'tap';
import type { MemoryTarget } from '../../../../../src/core/sim/index.js';
import { BlockWriter, type BlockEvents } from '../../../../../src/core/update/write/block-writer.js';
import {
  ERASE,
  erased,
  layoutOf,
  nand,
  nor,
  PAGE,
  platform,
  recorder,
  type ChipSetup,
} from '../../../../kit/update-kit.js';
import { DeviceWrapper } from '../../../../kit/device-wrapper.js';
import { sameBytes } from '../../../../kit/same-bytes.js';
import { noise } from '../../../../kit/noise.js';

const BLOCK = 3;

interface Setup extends ChipSetup {
  readonly chip?: 'nor' | 'nand';
  readonly signal?: { aborted: boolean };
}

/** Allows every change and listens to nothing. */
const allowing: BlockEvents = { beforeChange: () => Promise.resolve() };

/** A writer with everything that it does written down: `E` erase, `P offset length` program. */
function open({ chip = 'nor', signal, ...setup }: Setup = {}): {
  writer: BlockWriter;
  target: MemoryTarget;
  operations: string[];
  events: string[];
  block: () => Uint8Array;
} {
  const { changes, onOperation } = recorder();
  const target = (chip === 'nor' ? nor : nand)({ ...setup, onOperation });
  const events: string[] = [];
  const say = (what: string): void => void events.push(what);
  const told: BlockEvents = {
    ...allowing,
    changing: () => say('touched'),
    erased: () => say('erased'),
    programmed: (_block, without) => say(without ? 'programmed without erase' : 'programmed'),
    readBack: () => say('read back'),
    retried: () => say('retried'),
  };
  const writer = new BlockWriter(target.chip, platform, told, { signal });
  const { eraseSize } = target.chip.geometry;
  return {
    writer,
    target,
    events,
    get operations() {
      return changes.map(({ kind, offset, length }) =>
        kind === 'erase' ? 'E' : `P ${offset - BLOCK * eraseSize} ${length}`,
      );
    },
    block: () => target.bytes.subarray(BLOCK * eraseSize, (BLOCK + 1) * eraseSize),
  };
}

const filled = (value: number): Uint8Array => new Uint8Array(ERASE).fill(value);

t.test('change tells what a block needs', async (t) => {
  for (const chip of ['nor', 'nand'] as const) {
    const { writer, block } = open({ chip });
    const now = block().slice();
    t.equal(await writer.requiredChange(BLOCK, now), 'none', chip);
    const cleared = now.slice();
    cleared[ERASE - 1] = (cleared[ERASE - 1] as number) & 0x0f & ~1;
    now[ERASE - 1] = 0xff;
    block()[ERASE - 1] = 0xff;
    t.equal(await writer.requiredChange(BLOCK, cleared), chip === 'nor' ? 'program' : 'erase', chip);
    block()[ERASE - 1] = 0x00;
    t.equal(await writer.requiredChange(BLOCK, now), 'erase', chip);
  }
});

t.test('a single bit decides, wherever it is', async (t) => {
  const { writer, block } = open();
  for (const at of [0, 1, 255, 256, ERASE / 2, ERASE - 1]) {
    for (const bit of [1, 128]) {
      const want = filled(0xff);
      block().fill(0xff);
      want[at] = 0xff & ~bit;
      t.equal(await writer.requiredChange(BLOCK, want), 'program', `${at} ${bit} cleared`);
      block().set(want);
      t.equal(await writer.requiredChange(BLOCK, want), 'none');
      t.equal(await writer.requiredChange(BLOCK, filled(0xff)), 'erase', `${at} ${bit} set`);
    }
  }
});

t.test('NOR that can only be programmed in larger units is erased for any change', async (t) => {
  const { writer, block } = open({ writeSize: 16 });
  block().fill(0xff);
  t.equal(await writer.requiredChange(BLOCK, filled(0)), 'erase');
});

t.test('an erase and a program, then it is read back', async (t) => {
  for (const chip of ['nor', 'nand'] as const) {
    const made = open({ chip });
    const want = noise(ERASE, 3);
    await made.writer.write(BLOCK, want, 'erase');
    t.same(made.operations, ['E', `P 0 ${ERASE}`]);
    t.same(made.events, ['touched', 'erased', 'touched', 'programmed', 'read back']);
    sameBytes(t, made.block(), want);
  }
});

t.test('pages that are all 0xFF are not programmed; neighbouring ones go together', async (t) => {
  const want = filled(0xff);
  want[300] = 1;
  want[600] = 1;
  want[2000] = 1;
  want[ERASE - 1] = 1;
  const onNor = open();
  await onNor.writer.write(BLOCK, want, 'erase');
  t.same(onNor.operations, ['E', 'P 256 512', 'P 1792 256', `P ${ERASE - 256} 256`]);
  sameBytes(t, onNor.block(), want);
  const onNand = open({ chip: 'nand' });
  await onNand.writer.write(BLOCK, want, 'erase');
  t.same(onNand.operations, ['E', `P 0 ${2 * PAGE}`, 'P 1536 512', `P ${ERASE - PAGE} ${PAGE}`]);
  sameBytes(t, onNand.block(), want);
});

t.test('an erased block is only erased', async (t) => {
  const made = open();
  await made.writer.write(BLOCK, filled(0xff), 'erase');
  t.ok(erased(made.block()));
  t.same(made.operations, ['E']);
  t.same(made.events, ['touched', 'erased', 'read back']);
});

t.test('where only bits are to be cleared, only the pages that differ are programmed', async (t) => {
  const made = open();
  made.block().fill(0xf0);
  const want = made.block().slice();
  want[1000] = 0x30;
  await made.writer.write(BLOCK, want, 'program');
  t.same(made.operations, ['P 768 256']);
  t.same(made.events, ['touched', 'programmed without erase', 'read back']);
  sameBytes(t, made.block(), want);
});

t.test('blocks larger than what is read at once', async (t) => {
  const layout = layoutOf({ kernel: 4, rofs: 4 }, 64 * 1024);
  const made = open({ layout, eraseSize: 64 * 1024 });
  const want = noise(64 * 1024, 5);
  t.equal(await made.writer.requiredChange(BLOCK, want), 'erase');
  await made.writer.write(BLOCK, want, 'erase');
  t.equal(await made.writer.requiredChange(BLOCK, want), 'none');
  for (const at of [0, 16_383, 16_384, 40_000, 65_535]) {
    const other = want.slice();
    other[at] = 0;
    t.equal(await made.writer.requiredChange(BLOCK, other), 'program', `byte ${at}`);
    await made.writer.write(BLOCK, other, 'program');
    sameBytes(t, made.block(), other);
    await made.writer.write(BLOCK, want, 'erase');
  }
});

t.test('a program that would have to do without erase is erased when it fails', async (t) => {
  const made = open({ faults: ['fail:program:1'] });
  made.block().fill(0xff);
  const want = noise(ERASE, 5);
  await made.writer.write(BLOCK, want, 'program');
  t.same(made.events, ['touched', 'retried', 'touched', 'erased', 'touched', 'programmed', 'read back']);
  sameBytes(t, made.block(), want);
});

t.test('three attempts, then the error of the last one', async (t) => {
  for (const [fault, code] of [
    ['fail:erase:1:3', 'ERR_FLASH_ERASE'],
    ['fail:program:1:3', 'ERR_FLASH_PROGRAM'],
    ['fail:read:1:9', 'ERR_FLASH_READ'],
    [`stuck:${BLOCK * ERASE}:1:1`, 'ERR_FLASH_READ_BACK'],
  ] as const) {
    const { writer, events } = open({ faults: [fault] });
    await t.rejects(writer.write(BLOCK, filled(0), 'erase'), { code, block: BLOCK }, fault);
    const most = code === 'ERR_FLASH_READ' ? 8 : 2;
    t.equal(events.filter((event) => event === 'retried').length, most);
    t.notOk(events.includes('read back'));
  }
});

t.test('what is no wear is not tried again', async (t) => {
  const { writer, events } = open({ faults: ['cut:before:program:1'] });
  await t.rejects(writer.write(BLOCK, filled(0), 'erase'), { code: 'ERR_FLASH_POWER_CUT' });
  t.same(events, ['touched', 'erased', 'touched']);
});

t.test('a read that fails is tried again, wherever it is needed', async (t) => {
  const { writer, events, block } = open({ faults: ['fail:read:1:2', 'fail:read:4:2'] });
  t.equal(await writer.requiredChange(BLOCK, block().slice()), 'none');
  t.same(events, ['retried', 'retried']);
  const into = new Uint8Array(ERASE);
  await writer.read(BLOCK, into);
  sameBytes(t, into, block());
  t.equal(events.length, 4);
});

t.test('a block that cannot be read is an error on NOR and to be written anew on NAND', async (t) => {
  const bytes = filled(0);
  await t.rejects(open({ faults: ['fail:read:1:3'] }).writer.requiredChange(BLOCK, bytes), {
    code: 'ERR_FLASH_READ',
  });
  t.equal(
    await open({ chip: 'nand', faults: ['fail:read:1:3'] }).writer.requiredChange(BLOCK, bytes),
    'erase',
  );
});

t.test('a read back that the ECC could not mend is no proof, though the bytes look right', async (t) => {
  class Failing extends DeviceWrapper {
    failed = 0;
    override async read(offset: number, into: Uint8Array): Promise<void> {
      await super.read(offset, into);
      if (this.failed < 2) this.failed++;
    }
    override async eccStats(): Promise<{ corrected: number; failed: number }> {
      return { corrected: 0, failed: this.failed };
    }
  }
  const target = nand();
  const { changes, onOperation } = recorder();
  target.chip.onOperation = onOperation;
  const writer = new BlockWriter(new Failing(target.chip), platform, allowing, {});
  await writer.write(BLOCK, noise(ERASE, 1), 'erase');
  t.equal(changes.filter(({ kind }) => kind === 'erase').length, 3, 'the first two attempts did not count');
});

t.test('fill programs a block that is erased, and erases it only to try again', async (t) => {
  for (const chip of ['nor', 'nand'] as const) {
    const want = noise(ERASE, 8);
    const made = open({ chip });
    await made.writer.erase(BLOCK);
    await made.writer.fill(BLOCK, want);
    t.same(made.operations, ['E', `P 0 ${ERASE}`]);
    sameBytes(t, made.block(), want);
    const again = open({ chip, faults: ['fail:program:1'] });
    await again.writer.erase(BLOCK);
    await again.writer.fill(BLOCK, want);
    t.same(again.operations, ['E', `P 0 ${ERASE}`, 'E', `P 0 ${ERASE}`]);
    sameBytes(t, again.block(), want);
  }
});

t.test('a signal stops it before the next operation, and the block does not count as touched', async (t) => {
  const signal = { aborted: true };
  const made = open({ signal });
  const want = noise(ERASE, 8);
  const before = made.block().slice();
  await t.rejects(made.writer.write(BLOCK, want, 'erase'), { code: 'ERR_SESSION_INTERRUPTED' });
  await t.rejects(made.writer.erase(BLOCK), { code: 'ERR_SESSION_INTERRUPTED' });
  await t.rejects(made.writer.requiredChange(BLOCK, want), { code: 'ERR_SESSION_INTERRUPTED' });
  t.same(made.events, []);
  sameBytes(t, made.block(), before);
  made.writer.ignoreAbort();
  await made.writer.write(BLOCK, want, 'erase');
  sameBytes(t, made.block(), want, 'unless it is not to look at it any more');
});

t.test('the time of all operations is summed', async (t) => {
  let clock = 0;
  const ticking = { ...platform, now: () => (clock += 5) };
  const target = nor();
  const writer = new BlockWriter(target.chip, ticking, allowing, {});
  await writer.write(BLOCK, noise(ERASE, 1), 'erase');
  // One erase, one program, one read.
  t.equal(writer.flashTime, 15);
});
