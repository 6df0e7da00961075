/** node-mtd's real addon on the fake: every call, and what the kernel says to it. */
import t from 'tap';
import { FakeBoard, fakeMtdLibrary, missingAddon } from '../kit/fake-mtd.js';
import { runInside, scriptOf } from '../kit/inside.js';

const library = fakeMtdLibrary();
const skip = 'missing' in library ? library.missing : missingAddon();
const path = 'path' in library ? library.path : '';
const BLOCK = 4096;
const SIZE = 8 * BLOCK;

t.test('MTD', { skip }, async (t) => {
  const folder = t.testdir();
  const board = new FakeBoard(folder, path);
  board.addMtd({ name: 'nor', type: 'nor', size: SIZE, eraseSize: BLOCK, locked: [] });
  board.addMtd({ name: 'nand', type: 'nand', size: SIZE, eraseSize: BLOCK, bad: [2] });
  board.addMtd({ name: 'rom', type: 'rom', size: SIZE, eraseSize: BLOCK });
  const old = { lock: 'ENOTTY', isBad: 'EOPNOTSUPP', erase64: false };
  board.addMtd({ name: 'old', type: 'nor', size: SIZE, eraseSize: BLOCK, ...old });
  board.addMtd({ name: 'big', type: 'nor', size: 5 * 2 ** 30, eraseSize: 65536, locked: [] });
  await runInside(t, board, await scriptOf(folder, 'test/native/inside/mtd-calls.ts'));
  t.same(
    board.illegal().map(({ device, at, result }) => [device, at, result]),
    [['mtd0', 0, 'a bit would have to be set']],
    'what a program did against the rules is on record',
  );
});

t.test('UBI', { skip }, async (t) => {
  const folder = t.testdir();
  const board = new FakeBoard(folder, path);
  board.addMtd({ name: 'ubi', type: 'nand', size: 32 * BLOCK, eraseSize: BLOCK });
  board.addVolume({ volume: 0, name: 'rwfs', lebs: 6, lebSize: 3584 });
  board.addVolume({ volume: 1, name: 'rofs', type: 'static', lebs: 6, lebSize: 3584 });
  await runInside(t, board, await scriptOf(folder, 'test/native/inside/ubi-calls.ts'));
  t.same(board.illegal(), []);
});
