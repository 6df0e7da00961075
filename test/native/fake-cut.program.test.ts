/** The built program killed in the middle of a flash operation, stopped, or beside another one; on the fake. */
import t, { type Test } from 'tap';
import { ended, type LogEntry } from '../kit/fake-mtd.js';
import { until } from '../system/start.js';
import {
  BLOCK,
  IMAGE,
  missing as skip,
  mtdSubject,
  receiptOf,
  ubiSubject,
  type Subject,
} from './fake-subject.js';
import { sameBytes } from '../kit/same-bytes.js';

const ALL = [0, 1, 2, 3, 4, 5];

/** Runs it with a fault that kills it; the log is forgotten then. */
async function killed(t: Test, { board, args }: Subject, fault: string): Promise<void> {
  board.faults(fault);
  const { signal } = await board.run(process.execPath, args);
  t.equal(signal, 'SIGKILL', fault);
  t.equal(board.log().at(-1)?.result, 'killed', 'in the middle of the operation');
  board.faults();
  board.forget();
}

const blocksOf = (log: readonly LogEntry[], op: string): number[] => [
  ...new Set(log.filter((entry) => entry.op === op).map(({ at }) => Math.floor(at / BLOCK))),
];

for (const [name, chip] of [
  ['NOR', { type: 'nor' }],
  ['NAND', { type: 'nand' }],
] as const) {
  t.test(
    `${name}: after a kill in the middle of a program only unfinished blocks are erased again`,
    { skip },
    async (t) => {
      const subject = mtdSubject(t, chip);
      await killed(t, subject, 'write mtd0 3 1 1 kill 1024');
      t.match(await subject.write(), { outcome: 'committed', exit: 0 });
      sameBytes(t, subject.imageIn(...ALL), IMAGE, 'the chip is right');
      const log = subject.board.log();
      const erased = blocksOf(log, 'erase');
      // Of NOR the rest may be programmed where what is there has all bits that are to stay set.
      t.ok(blocksOf(log, 'write').includes(3), 'the block that was cut is finished');
      t.ok(chip.type === 'nor' || erased.includes(3), 'after an erase where a page takes one program only');
      t.notOk(erased.includes(1) || erased.includes(2), 'what was done is left alone');
      t.same(subject.board.illegal(), []);
    },
  );

  t.test(`${name}: likewise in the middle of an erase`, { skip }, async (t) => {
    const subject = mtdSubject(t, chip);
    await killed(t, subject, 'erase mtd0 3 1 1 kill');
    t.match(await subject.write(), { outcome: 'committed', exit: 0 });
    sameBytes(t, subject.imageIn(...ALL), IMAGE, 'the chip is right');
    const erased = blocksOf(subject.board.log(), 'erase');
    t.ok(erased.includes(3));
    t.notOk(erased.includes(1) || erased.includes(2));
    t.same(subject.board.illegal(), []);
  });
}

t.test(
  'a kill at each erase and each program in turn leaves a chip that a second run mends',
  { skip },
  async (t) => {
    for (const [operation, block] of [
      ['erase', 0],
      ['erase', 1],
      ['write', 5],
      ['write', 0],
    ] as const) {
      const subject = mtdSubject(t);
      await killed(t, subject, `${operation} mtd0 ${block} 1 1 kill 700`);
      t.match(await subject.write(), { outcome: 'committed', exit: 0 });
      sameBytes(t, subject.imageIn(...ALL), IMAGE, `${operation} of block ${block}`);
      t.same(subject.board.illegal(), []);
    }
  },
);

t.test('UBI: a block has its old content or its new one, and a second run goes on', { skip }, async (t) => {
  const subject = ubiSubject(t);
  const before = subject.imageIn(3);
  await killed(t, subject, 'write ubi0_0 3 1 1 kill');
  sameBytes(t, subject.imageIn(3), before, 'the old content');
  t.match(await subject.write(), { outcome: 'committed', exit: 0 });
  sameBytes(t, subject.imageIn(...ALL), IMAGE, 'the volume is right');
  const changed = subject.board.log().filter(({ op }) => op === 'ebch');
  t.notOk(
    changed.some(({ at }) => at / 3584 === 1 || at / 3584 === 2),
    'what was done is left alone',
  );
});

t.test('one session a chip: a second one is refused while the first is at it', { skip }, async (t) => {
  const subject = mtdSubject(t);
  const { board, args } = subject;
  board.faults('write mtd0 2 1 1 stop');
  const first = board.start(process.execPath, args);
  const end = ended(first);
  t.teardown(() => first.kill('SIGKILL'));
  await until(() => board.log().some(({ op }) => op === 'stop'), 'it stopped');
  board.faults();
  t.match(await subject.write(), { code: 'ERR_BUSY_FLASH', exit: 6, flash: 'untouched' });
  first.kill('SIGCONT');
  t.match(receiptOf(await end), { outcome: 'committed', exit: 0 });
  sameBytes(t, subject.imageIn(...ALL), IMAGE, 'the first one went on to its end');
});

t.test('a kill -9 from outside, at any time, is mended by the next run', { skip }, async (t) => {
  const subject = mtdSubject(t, { type: 'nand' });
  const { board, args } = subject;
  board.faults('write mtd0 3 1 1 stop');
  const first = board.start(process.execPath, args);
  const end = ended(first);
  await until(() => board.log().some(({ op }) => op === 'stop'), 'it stopped');
  first.kill('SIGKILL');
  t.equal((await end).signal, 'SIGKILL');
  board.faults();
  board.forget();
  t.match(await subject.write(), { outcome: 'committed', exit: 0 });
  sameBytes(t, subject.imageIn(...ALL), IMAGE, 'the chip is right');
  const erased = blocksOf(board.log(), 'erase');
  t.notOk(erased.includes(1) || erased.includes(2));
});
