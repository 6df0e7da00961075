/** The built program on NAND and UBI that fail, played by the fake. */
import t from 'tap';
import { BLOCK, IMAGE, LEB, missing as skip, mtdSubject, OLD_BYTE, ubiSubject } from './fake-subject.js';
import { sameBytes } from '../kit/same-bytes.js';

const NAND = { type: 'nand' } as const;

t.test('bad blocks are passed over', { skip }, async (t) => {
  const { board, write, imageIn } = mtdSubject(t, { ...NAND, bad: [0, 3] });
  t.match(await write(), { outcome: 'committed', exit: 0 });
  sameBytes(t, imageIn(1, 2, 4, 5, 6, 7), IMAGE, 'the image lies in the good blocks');
  t.same(board.blocks('erase', 'mtd0', BLOCK), [1, 2, 4, 5, 6, 7]);
  t.same(board.illegal(), []);
});

t.test(
  'blocks that fail for good are marked bad, and what they were to hold lies in the next',
  { skip },
  async (t) => {
    const { board, write, imageIn } = mtdSubject(t, NAND);
    board.faults('erase mtd0 2 1 * errno EIO', 'write mtd0 4 1 * errno EIO', 'write mtd0 6 1 * corrupt');
    const receipt = await write();
    t.match(receipt, { outcome: 'committed', exit: 0, partitions: { kernel: { bad: 3 } } });
    t.same(board.badBlocks(0), [2, 4, 6]);
    sameBytes(t, imageIn(0, 1, 3, 5, 7, 8), IMAGE, 'the image lies around them');
    t.same(board.illegal(), []);
    board.forget();
    t.match(await write(), { outcome: 'committed', partitions: { kernel: { skipped: 6, erased: 0 } } });
    t.same(board.blocks('erase', 'mtd0', BLOCK), [], 'a second run finds it there');
  },
);

t.test('what fails once is tried again and is not marked', { skip }, async (t) => {
  const { board, write, imageIn } = mtdSubject(t, NAND);
  board.faults('erase mtd0 1 1 1 errno EIO', 'write mtd0 2 1 1 errno EIO', 'isbad mtd0 3 1 1 delay 1');
  t.match(await write(), { outcome: 'committed', exit: 0, partitions: { kernel: { bad: 0 } } });
  t.same(board.badBlocks(0), []);
  sameBytes(t, imageIn(0, 1, 2, 3, 4, 5), IMAGE, 'the image is there');
  t.same(board.illegal(), []);
});

t.test('too few good blocks are told before the first erase', { skip }, async (t) => {
  const { board, write } = mtdSubject(t, { ...NAND, bad: [1, 2, 3, 4, 5] });
  t.match(await write(), { code: 'ERR_FLASH_BAD_BLOCKS', flash: 'untouched', exit: 5 });
  t.notOk(board.log().some(({ op }) => op === 'erase' || op === 'write'));
  t.ok(board.content(0).every((byte) => byte === OLD_BYTE));
});

t.test('reads that ECC could not mend are seen by its counts', { skip }, async (t) => {
  const { board, write, imageIn } = mtdSubject(t, NAND);
  // A block is read for the compare, for the journal, and the third time to read it back.
  board.faults('read mtd0 2 3 1 failed', 'read mtd0 3 1 * flips 2', 'read mtd0 4 3 1 wrong');
  const receipt = await write();
  t.match(receipt, { outcome: 'committed', exit: 0 });
  t.equal(receipt.partitions['kernel']?.['retried'], 2, 'corrected flips alone are no reason');
  const erased = board.log().filter(({ op }) => op === 'erase');
  t.equal(
    erased.filter(({ at }) => at === 2 * BLOCK).length,
    2,
    'right bytes that ECC does not vouch for do not do',
  );
  sameBytes(t, imageIn(0, 1, 2, 3, 4, 5), IMAGE, 'the image is there');
  t.same(board.badBlocks(0), [], 'no block is marked for what a read says');
});

t.test('a mark that cannot be set ends the update', { skip }, async (t) => {
  const { board, write } = mtdSubject(t, NAND);
  board.faults('write mtd0 2 1 * errno EIO', 'markbad mtd0 2 1 * errno EIO');
  const receipt = await write();
  t.match(receipt, { outcome: 'failed', exit: 5, flash: 'partial' });
  t.match(receipt.message, /block 2\b/);
  t.notOk(board.blocks('write', 'mtd0', BLOCK).includes(0), 'no commit');
});

t.test('blocks beyond 4 GiB are written there and nowhere else', { skip }, async (t) => {
  const eraseSize = 2 ** 20;
  const first = 2 ** 32 / eraseSize;
  const { board, write } = mtdSubject(t, {
    ...NAND,
    size: 5 * 2 ** 30,
    eraseSize,
    writeSize: 4096,
    bad: Array.from({ length: first }, (_, block) => block),
  });
  t.match(await write(), { outcome: 'committed', exit: 0 });
  t.same(board.blocks('erase', 'mtd0', eraseSize), [first]);
  const written = board.log().filter(({ op }) => op === 'write');
  t.ok(written.length > 0 && written.every(({ at }) => at >= 2 ** 32 && at < 2 ** 32 + eraseSize));
  t.match(await write(), { outcome: 'committed', partitions: { kernel: { skipped: 1, erased: 0 } } });
});

t.test('a UBI volume gets each block by an atomic change', { skip }, async (t) => {
  const { board, write, imageIn } = ubiSubject(t);
  t.match(await write(), { outcome: 'committed', exit: 0 });
  sameBytes(t, imageIn(0, 1, 2, 3, 4, 5), IMAGE, 'the image is there');
  const changed = board.log().filter(({ op }) => op === 'ebch');
  t.same([...new Set(changed.map(({ at }) => at / LEB))].sort(), [0, 1, 2, 3, 4, 5]);
  t.same(board.illegal(), []);
  board.forget();
  t.match(await write(), { outcome: 'committed', partitions: { kernel: { skipped: 6 } } });
  t.notOk(board.log().some(({ op }) => ['ebch', 'volup', 'write', 'eber'].includes(op)));
});

t.test('a UBI volume that somebody has open, or whose change fails', { skip }, async (t) => {
  const { board, write } = ubiSubject(t);
  board.faults('open ubi0_0 * 1 * errno EBUSY');
  t.match(await write(), { code: 'ERR_BUSY_FLASH', exit: 6, flash: 'untouched' });
  board.faults('ebch ubi0_0 2 1 * errno EIO');
  const receipt = await write();
  t.match(receipt, { outcome: 'failed', code: 'ERR_FLASH_PROGRAM', exit: 5 });
  t.match(receipt.message, /block 2\b/);
  board.faults('ebch ubi0_0 3 1 1 errno EIO', 'write ubi0_0 4 1 1 errno EIO');
  t.match(await write(), { outcome: 'committed', exit: 0 });
});
