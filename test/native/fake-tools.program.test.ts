/** The real mtd-utils on the fake: what they do there is what they do on a board, so the fake is right about that. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { FakeBoard, fakeMtdLibrary, type FakeRun } from '../kit/fake-mtd.js';
import { sameBytes } from '../kit/same-bytes.js';

const library = fakeMtdLibrary();
const TOOLS = '/usr/sbin';
const missing = ['flashcp', 'flash_erase', 'nandwrite', 'nanddump', 'mtdinfo', 'ubiupdatevol', 'ubinfo'].find(
  (tool) => !existsSync(join(TOOLS, tool)),
);
const skip =
  'missing' in library
    ? library.missing
    : missing !== undefined && `mtd-utils are not installed: no ${missing} in ${TOOLS}`;

const BLOCK = 4096;

function board(t: Test): FakeBoard {
  if ('missing' in library) throw new Error(library.missing);
  return new FakeBoard(t.testdir(), library.path);
}

const run = (flash: FakeBoard, tool: string, ...args: string[]): Promise<FakeRun> =>
  flash.run(join(TOOLS, tool), args);

function image(flash: FakeBoard, size: number): { readonly path: string; readonly bytes: Buffer } {
  const path = join(flash.root, 'image');
  const bytes = randomBytes(size);
  writeFileSync(path, bytes);
  return { path, bytes };
}

t.test('flashcp writes NOR and reads it back', { skip }, async (t) => {
  const flash = board(t);
  const { path, bytes } = image(flash, 3 * BLOCK + 100);
  const mtd = flash.addMtd({ name: 'kernel', type: 'nor', size: 8 * BLOCK, eraseSize: BLOCK });
  flash.fill(mtd, Buffer.alloc(8 * BLOCK, 0x42));
  const { code, stderr } = await run(flash, 'flashcp', '-v', path, '/dev/mtd0');
  t.equal(code, 0, stderr);
  const content = flash.content(mtd);
  sameBytes(t, content.subarray(0, bytes.length), bytes, 'the image is there');
  t.ok(
    content.subarray(bytes.length, 4 * BLOCK).every((byte) => byte === 0xff),
    'the rest of its block erased',
  );
  t.ok(
    content.subarray(4 * BLOCK).every((byte) => byte === 0x42),
    'what it does not reach is left alone',
  );
  t.same(flash.illegal(), []);
  t.same(
    flash
      .log()
      .filter(({ op }) => op === 'erase')
      .map(({ at, length, result }) => [at, length, result]),
    [0, 1, 2, 3].map((block) => [block * BLOCK, BLOCK, 0]),
  );
});

t.test(
  'flashcp finds out about NOR that lies, and dd about bits that were not erased',
  { skip },
  async (t) => {
    const flash = board(t);
    const { path, bytes } = image(flash, BLOCK);
    const mtd = flash.addMtd({ name: 'kernel', type: 'nor', size: 4 * BLOCK, eraseSize: BLOCK });
    flash.faults('write * * 1 1 corrupt');
    const lied = await run(flash, 'flashcp', '-v', path, '/dev/mtd0');
    t.not(lied.code, 0);
    t.match(lied.stderr, /verif|does not seem to match/i);
    flash.faults();
    flash.forget();
    t.equal((await flash.run('dd', [`if=${path}`, 'of=/dev/mtd0', 'bs=1024', 'conv=notrunc'])).code, 0);
    t.equal(flash.illegal().length > 0, true, 'it is on record');
    sameBytes(
      t,
      flash.content(mtd).subarray(0, BLOCK),
      Buffer.from(bytes.map((byte, at) => (at === 0 ? 0 : byte))),
      'the byte that had no bits left has none now',
    );
  },
);

t.test('flashcp stops at an erase that fails, and at what is locked', { skip }, async (t) => {
  const flash = board(t);
  const { path } = image(flash, 4 * BLOCK);
  flash.addMtd({ name: 'a', type: 'nor', size: 8 * BLOCK, eraseSize: BLOCK });
  flash.addMtd({ name: 'b', type: 'nor', size: 8 * BLOCK, eraseSize: BLOCK, locked: 'all' });
  flash.faults('erase mtd0 2 1 * errno EIO');
  const failing = await run(flash, 'flashcp', '-v', path, '/dev/mtd0');
  t.not(failing.code, 0);
  t.match(failing.stderr, /Input\/output error/);
  t.same(
    flash
      .log()
      .filter(({ op }) => op === 'erase')
      .map(({ result }) => result),
    [0, 0, 'EIO'],
  );
  const locked = await run(flash, 'flashcp', path, '/dev/mtd1');
  t.match(locked.stderr, /Read-only file system/);
  const unlock = await run(flash, 'flash_unlock', '/dev/mtd1');
  t.equal(unlock.code, 0, unlock.stderr);
  t.equal((await run(flash, 'flashcp', path, '/dev/mtd1')).code, 0);
});

t.test('nandwrite and nanddump skip bad blocks', { skip }, async (t) => {
  const flash = board(t);
  const { path, bytes } = image(flash, 4 * BLOCK);
  const options = { name: 'rofs', type: 'nand', size: 8 * BLOCK, eraseSize: BLOCK, bad: [1, 3] } as const;
  const mtd = flash.addMtd(options);
  flash.fill(mtd, Buffer.alloc(8 * BLOCK, 0));
  const erase = await run(flash, 'flash_erase', '/dev/mtd0', '0', '0');
  t.equal(erase.code, 0, erase.stderr);
  t.same(flash.blocks('erase', 'mtd0', BLOCK), [0, 2, 4, 5, 6, 7]);
  const write = await run(flash, 'nandwrite', '-p', '/dev/mtd0', path);
  t.equal(write.code, 0, write.stderr);
  t.same(flash.blocks('write', 'mtd0', BLOCK), [0, 2, 4, 5]);
  t.same(flash.illegal(), []);
  const content = flash.content(mtd);
  const placed = [0, 2, 4, 5].map((block) => content.subarray(block * BLOCK, (block + 1) * BLOCK));
  sameBytes(t, Buffer.concat(placed), bytes, 'around the bad blocks');
  const out = join(flash.root, 'dump');
  const dump = await run(flash, 'nanddump', '--bb=skipbad', '-l', `${4 * BLOCK}`, '-f', out, '/dev/mtd0');
  t.equal(dump.code, 0, dump.stderr);
  sameBytes(t, readFileSync(out), bytes, 'and read back so');
  const again = await run(flash, 'nandwrite', '-p', '/dev/mtd0', path);
  t.equal(again.code, 0, 'a second time with no erase between');
  t.equal(flash.illegal().length, (4 * BLOCK) / 512, 'every page of it is on record');
});

t.test('nandwrite marks a block bad where a program fails, and goes on', { skip }, async (t) => {
  const flash = board(t);
  const { path, bytes } = image(flash, 2 * BLOCK);
  const mtd = flash.addMtd({ name: 'rofs', type: 'nand', size: 8 * BLOCK, eraseSize: BLOCK });
  flash.faults('write mtd0 1 3 1 errno EIO');
  const write = await run(flash, 'nandwrite', '-m', '-p', '/dev/mtd0', path);
  t.equal(write.code, 0, write.stderr);
  t.same(flash.badBlocks(mtd), [1]);
  t.equal(flash.attribute('mtd', 'mtd0', 'bad_blocks'), '1');
  const content = flash.content(mtd);
  const placed = [0, 2].map((block) => content.subarray(block * BLOCK, (block + 1) * BLOCK));
  sameBytes(t, Buffer.concat(placed), bytes, 'the block was brought again in the next one');
});

t.test('nanddump sees flips and uncorrectable pages in the ECC counts only', { skip }, async (t) => {
  const flash = board(t);
  flash.addMtd({ name: 'rofs', type: 'nand', size: 4 * BLOCK, eraseSize: BLOCK });
  flash.faults('read mtd0 1 1 1 flips 3', 'read mtd0 2 1 1 wrong');
  const out = join(flash.root, 'dump');
  const { code, stderr } = await run(flash, 'nanddump', '-f', out, '/dev/mtd0');
  t.equal(code, 0, stderr);
  t.match(stderr, /ECC: 3 corrected bitflip/);
  t.match(stderr, /ECC: 1 uncorrectable/);
  t.equal(flash.attribute('mtd', 'mtd0', 'corrected_bits'), '3');
  t.equal(flash.attribute('mtd', 'mtd0', 'ecc_failures'), '1');
});

t.test('mtdinfo finds chips and partitions, above 4 GiB too', { skip }, async (t) => {
  const flash = board(t);
  flash.addMtd({ name: 'bmc', type: 'nor', size: 8 * BLOCK, eraseSize: BLOCK });
  flash.addMtd({ name: 'u-boot', type: 'nor', size: BLOCK, eraseSize: BLOCK, of: { index: 0, offset: 0 } });
  flash.addMtd({ name: 'big', type: 'nand', size: 5 * 2 ** 30, eraseSize: 131072, writeSize: 2048 });
  const { code, stdout, stderr } = await run(flash, 'mtdinfo', '-a');
  t.equal(code, 0, stderr);
  for (const wanted of ['mtd0', 'mtd1', 'mtd2', 'u-boot', '5368709120 bytes, 5.0 GiB', '90:4']) {
    t.ok(stdout.includes(wanted), wanted);
  }
});

t.test(
  'ubiupdatevol brings a volume, ubinfo tells of it, and one that was cut is unreadable',
  { skip },
  async (t) => {
    const flash = board(t);
    const { path, bytes } = image(flash, 3 * BLOCK + 77);
    flash.addMtd({ name: 'ubi', type: 'nand', size: 16 * BLOCK, eraseSize: BLOCK });
    const volume = flash.addVolume({ volume: 0, name: 'rofs', lebs: 6, lebSize: 3584 });
    const fixed = flash.addVolume({ volume: 1, name: 'kernel', type: 'static', lebs: 6, lebSize: 3584 });
    const info = await run(flash, 'ubinfo', '-a');
    t.equal(info.code, 0, info.stderr);
    t.match(info.stdout, /Name: +rofs/);
    t.match(info.stdout, /Name: +kernel/);
    for (const node of [volume, fixed]) {
      const update = await run(flash, 'ubiupdatevol', `/dev/${node}`, path);
      t.equal(update.code, 0, update.stderr);
      sameBytes(t, flash.content(node).subarray(0, bytes.length), bytes, `${node} has it`);
    }
    t.equal(flash.attribute('ubi', volume, 'data_bytes'), `${6 * 3584}`);
    t.equal(
      flash.attribute('ubi', fixed, 'data_bytes'),
      `${bytes.length}`,
      'a static volume is as long as it is',
    );
    flash.faults('write ubi0_0 1 1 1 kill 10');
    const cut = await run(flash, 'ubiupdatevol', `/dev/${volume}`, path);
    t.equal(cut.signal, 'SIGKILL');
    t.equal(flash.attribute('ubi', volume, 'upd_marker'), '1');
    flash.faults();
    const read = await flash.run('dd', [`if=/dev/${volume}`, 'of=/dev/null']);
    t.match(read.stderr, /Bad file descriptor/);
    t.equal((await run(flash, 'ubiupdatevol', `/dev/${volume}`, path)).code, 0, 'a new update mends it');
    t.equal(flash.attribute('ubi', volume, 'upd_marker'), '0');
    t.equal((await run(flash, 'ubiupdatevol', '-t', `/dev/${volume}`)).code, 0);
    t.ok(
      flash.content(volume).every((byte) => byte === 0xff),
      'truncated',
    );
  },
);
