/** The conformance suite on mtd: and ubi: with node-mtd's real addon, over the fake. */
import t, { type Test } from 'tap';
import { FakeBoard, fakeMtdLibrary, missingAddon } from '../kit/fake-mtd.js';
import { runInside, scriptOf } from '../kit/inside.js';
import { REAL_DEVICES } from '../kit/suite-bundle.js';

const library = fakeMtdLibrary();
const skip = 'missing' in library ? library.missing : missingAddon();
const BLOCK = 4096;
const SIZE = 24 * BLOCK;

async function conforms(
  t: Test,
  device: Record<string, string>,
  prepare: (board: FakeBoard) => unknown,
): Promise<void> {
  if ('missing' in library) throw new Error(library.missing);
  const folder = t.testdir();
  const script = await scriptOf(folder, REAL_DEVICES);
  const board = new FakeBoard(folder, library.path);
  prepare(board);
  await runInside(t, board, script, { ...device, SLUICE_TEST_MARK_BAD: '1' });
  t.ok(board.log().length > 100, 'the fake was asked');
  t.same(board.illegal(), [], 'nothing was done that silicon does not allow');
}

t.test('NOR of an old kernel whose driver does a little at a time', { skip }, (t) =>
  conforms(t, { SLUICE_TEST_MTD: 'bmc' }, (board) => {
    const old = { isBad: 'EOPNOTSUPP', lock: 'ENOTTY', erase64: false };
    board.addMtd({ name: 'bmc', type: 'nor', size: SIZE, eraseSize: BLOCK, ...old });
    board.faults('write * * 1 * short 1000', 'read * * 1 * short 777');
  }),
);

t.test('a partition of NOR', { skip }, (t) =>
  conforms(t, { SLUICE_TEST_MTD: 'bmc' }, (board) => {
    board.addMtd({ name: 'chip', type: 'nor', size: 2 * SIZE, eraseSize: BLOCK });
    const of = { index: 0, offset: 8 * BLOCK };
    board.addMtd({ name: 'bmc', type: 'nor', size: SIZE, eraseSize: BLOCK, of });
    board.fill(0, new Uint8Array(2 * SIZE));
  }),
);

t.test('NOR with ECC', { skip }, (t) =>
  conforms(t, { SLUICE_TEST_MTD: 'bmc' }, (board) => {
    board.addMtd({ name: 'bmc', type: 'nor', size: SIZE, eraseSize: BLOCK, writeSize: 16 });
  }),
);

t.test('NAND with bad blocks', { skip }, (t) =>
  conforms(t, { SLUICE_TEST_MTD: 'bmc' }, (board) => {
    board.addMtd({ name: 'bmc', type: 'nand', size: 2 * SIZE, eraseSize: 2 * BLOCK, bad: [1, 5] });
  }),
);

t.test('a dynamic UBI volume', { skip }, (t) =>
  conforms(t, { SLUICE_TEST_UBI: 'rwfs' }, (board) => {
    board.addMtd({ name: 'ubi', type: 'nand', size: 32 * BLOCK, eraseSize: BLOCK });
    board.addVolume({ volume: 0, name: 'rwfs', lebs: 24, lebSize: 3584 });
  }),
);
