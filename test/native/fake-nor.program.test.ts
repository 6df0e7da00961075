/** The built program on NOR that fails, played by the fake. */
import t from 'tap';
import { BLOCK, BLOCKS, IMAGE, missing as skip, mtdSubject, OLD_BYTE } from './fake-subject.js';
import { sameBytes } from '../kit/same-bytes.js';

const ALL = [0, 1, 2, 3, 4, 5];

t.test(
  'a healthy chip gets the image, each block erased once and in order, its first block last',
  { skip },
  async (t) => {
    const { board, write, imageIn } = mtdSubject(t);
    t.match(await write(), { outcome: 'committed', exit: 0, flash: 'complete' });
    sameBytes(t, imageIn(...ALL), IMAGE, 'the image is there');
    t.same(board.blocks('erase', 'mtd0', BLOCK), ALL);
    t.same(board.blocks('write', 'mtd0', BLOCK), [1, 2, 3, 4, 5, 0]);
    t.ok(
      board
        .content(0)
        .subarray(6 * BLOCK)
        .every((byte) => byte === OLD_BYTE),
      'what the image does not reach is left alone',
    );
    t.same(board.illegal(), []);
    board.forget();
    t.match(await write(), { outcome: 'committed', partitions: { kernel: { skipped: 6, erased: 0 } } });
    t.same(board.blocks('erase', 'mtd0', BLOCK), [], 'and nothing is done to what is right already');
    t.same(board.blocks('write', 'mtd0', BLOCK), []);
  },
);

t.test(
  'an erase or a program that fails for good stops the update and names the block',
  { skip },
  async (t) => {
    for (const [operation, code] of [
      ['erase', 'ERR_FLASH_ERASE'],
      ['write', 'ERR_FLASH_PROGRAM'],
    ] as const) {
      const { board, write } = mtdSubject(t);
      board.faults(`${operation} mtd0 3 1 * errno EIO`);
      const receipt = await write();
      t.match(receipt, { outcome: 'failed', code, exit: 5, flash: 'partial' }, operation);
      t.match(receipt.message, /block 3\b/);
      t.match(receipt.message, /EIO/);
      const failures = board.log().filter(({ op, result }) => op === operation && result === 'EIO');
      t.ok(failures.length >= 2 && failures.length <= 5, `tried ${failures.length} times, and no more`);
      t.ok(failures.every(({ at }) => Math.floor(at / BLOCK) === 3));
      t.notOk(board.log().some(({ op, at }) => (op === 'erase' || op === 'write') && at >= 4 * BLOCK));
      t.notOk(board.blocks('write', 'mtd0', BLOCK).includes(0), 'the first block was not written: no commit');
      t.notOk(
        board.log().some(({ op }) => op === 'markbad'),
        'nor is NOR marked bad',
      );
    }
  },
);

t.test('what fails once is tried again', { skip }, async (t) => {
  const { board, write, imageIn } = mtdSubject(t);
  board.faults(
    'erase mtd0 1 1 1 errno EIO',
    'write mtd0 2 1 1 errno EIO',
    'write mtd0 3 1 1 corrupt',
    'read mtd0 4 1 1 errno EIO',
    'erase mtd0 5 1 1 lie',
  );
  const receipt = await write();
  t.match(receipt, { outcome: 'committed', exit: 0 });
  t.ok((receipt.partitions['kernel']?.['retried'] ?? 0) >= 4);
  sameBytes(t, imageIn(...ALL), IMAGE, 'the image is there');
  t.same(
    board.illegal().map(({ at }) => Math.floor(at / BLOCK)),
    [5],
    'the one program onto bits that were not set follows the erase that lied',
  );
});

t.test('a chip that keeps other bytes than it was given is found out', { skip }, async (t) => {
  const { board, write } = mtdSubject(t);
  board.faults('write mtd0 2 1 * corrupt');
  const receipt = await write();
  t.match(receipt, { outcome: 'failed', code: 'ERR_FLASH_READ_BACK', exit: 5 });
  t.match(receipt.message, /block 2\b/);
  t.notOk(board.blocks('write', 'mtd0', BLOCK).includes(0), 'no commit');
});

t.test('short counts of a driver are gone on with', { skip }, async (t) => {
  const { board, write, imageIn } = mtdSubject(t);
  board.faults('write * * 1 * short 1000', 'read * * 1 * short 300');
  t.match(await write(), { outcome: 'committed', partitions: { kernel: { retried: 0 } } });
  sameBytes(t, imageIn(...ALL), IMAGE, 'the image is there');
  t.same(board.illegal(), []);
});

t.test(
  'locks after power-up are lifted before the first erase; no locks, and no such call, are no error',
  { skip },
  async (t) => {
    const locked = mtdSubject(t, { locked: 'all' });
    t.match(await locked.write(), { outcome: 'committed', exit: 0 });
    sameBytes(t, locked.imageIn(...ALL), IMAGE, 'the image is there');
    const operations = locked.board.log().map(({ op }) => op);
    t.ok(operations.indexOf('unlock') >= 0 && operations.indexOf('unlock') < operations.indexOf('erase'));
    for (const lock of ['ENOTTY', 'EOPNOTSUPP']) {
      const without = mtdSubject(t, { lock });
      t.match(await without.write(), { outcome: 'committed', exit: 0 }, lock);
    }
  },
);

t.test('locks that stay are told before anything is erased', { skip }, async (t) => {
  for (const fault of ['lie', 'errno EIO', 'errno EPERM']) {
    const { board, write } = mtdSubject(t, { locked: [2] });
    board.faults(`unlock mtd0 * 1 * ${fault}`);
    const receipt = await write();
    t.not(receipt.exit, 0, fault);
    t.match(receipt, { outcome: /failed|refused/, flash: 'untouched' });
    t.same(board.blocks('erase', 'mtd0', BLOCK), []);
    t.ok(board.content(0).every((byte) => byte === OLD_BYTE));
  }
});

t.test('a lock that erases are said to pass, and do not, is found out', { skip }, async (t) => {
  const { board, write } = mtdSubject(t, { locked: [3], onLocked: null, lock: 'EOPNOTSUPP' });
  const receipt = await write();
  t.match(receipt, { outcome: 'failed', code: 'ERR_FLASH_READ_BACK', exit: 5 });
  t.match(receipt.message, /block 3\b/);
  t.notOk(board.blocks('write', 'mtd0', BLOCK).includes(0), 'no commit');
});

t.test('a read that fails for good stops it too', { skip }, async (t) => {
  const { board, write } = mtdSubject(t);
  board.faults('read mtd0 4 1 * errno EIO');
  const receipt = await write();
  t.match(receipt, { outcome: 'failed', code: 'ERR_FLASH_READ', exit: 5 });
  t.match(receipt.message, /block 4\b/);
});

t.test(
  'another partition under the number since the plan is found out before it is erased',
  { skip },
  async (t) => {
    const { board, write } = mtdSubject(t);
    board.addMtd({ name: 'rofs', type: 'nor', size: BLOCKS * BLOCK, eraseSize: BLOCK });
    board.hook('swap', 'sed -i \'s/"kernel"/"gone"/\' proc/mtd; echo gone > sys/class/mtd/mtd0/name');
    board.faults('open mtd0 * 1 1 hook swap');
    const receipt = await write();
    t.match(receipt, { code: 'ERR_FLASH_REPLACED', flash: 'untouched', exit: 5 });
    t.same(board.blocks('erase', 'mtd0', BLOCK), []);
    t.same(board.blocks('erase', 'mtd1', BLOCK), []);
  },
);

t.test('a node that may not be written is a matter of permission', { skip }, async (t) => {
  const { board, write } = mtdSubject(t);
  board.faults('open mtd0 * 1 * errno EACCES');
  t.match(await write(), { code: 'ERR_BUSY_PERMISSION', flash: 'untouched', exit: 6 });
});
