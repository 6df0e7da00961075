/** The built program on a static UBI volume of the fake: written as a whole, cut, killed, in use. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ended } from '../kit/fake-mtd.js';
import { PROGRAM } from '../system/run.js';
import { until } from '../system/start.js';
import { makeKeyStore, makeStockBundle, scratch } from '../system/stock-bundle.js';
import { IMAGE, missing as skip, receiptOf, staticSubject, type Subject } from './fake-subject.js';
import { sameBytes } from '../kit/same-bytes.js';
import { makeKey } from '../kit/keys.js';

const ALL = [0, 1, 2, 3, 4, 5];
const marker = ({ board }: Subject): string => board.attribute('ubi', 'ubi0_0', 'upd_marker');
const length = ({ board }: Subject): string => board.attribute('ubi', 'ubi0_0', 'data_bytes');

function holds(t: Test, subject: Subject): void {
  t.equal(marker(subject), '0');
  t.equal(length(subject), `${IMAGE.length}`);
  sameBytes(t, subject.imageIn(...ALL), IMAGE, 'the volume holds the image');
  t.same(subject.board.illegal(), []);
}

t.test('a whole update, then the same again, then a shorter image', { skip }, async (t) => {
  const subject = staticSubject(t);
  t.match(await subject.write(), {
    outcome: 'committed',
    partitions: { kernel: { blocks: 6, erased: 6, programmed: 6, readBack: 6, held: 1 } },
  });
  holds(t, subject);
  subject.board.forget();
  const dir = scratch(t);
  const key = makeKey(dir, 'release');
  const rest = Object.fromEntries(['rofs', 'rwfs', 'u-boot'].map((name) => [`image-${name}`, IMAGE]));
  const { path: bundle } = makeStockBundle(dir, { images: { 'image-kernel': IMAGE, ...rest }, key });
  const store = makeKeyStore(dir, key);
  const what = ['--keys', store, '--machine', 'quanta-q71l', '--only', 'kernel', '--flash', 'ubi:kernel'];
  const signed = await subject.board.run(process.execPath, [PROGRAM, 'write', bundle, ...what, '--json']);
  t.equal(signed.code, 0, signed.stdout + signed.stderr);
  t.match(receiptOf(signed), { outcome: 'committed', partitions: { kernel: { skipped: 6, erased: 0 } } });
  t.notOk(
    subject.board.log().some(({ op }) => op === 'volup' || op === 'write'),
    'nothing is written',
  );
  const path = join(subject.board.root, 'image');
  // Nothing proves an unsigned image ahead, so that it would be written even if it were there already.
  writeFileSync(path, readFileSync(path).subarray(0, 5000));
  t.match(await subject.write(), { outcome: 'committed', partitions: { kernel: { blocks: 2, erased: 2 } } });
  t.equal(length(subject), '5000');
});

t.test('a kill in the middle leaves it marked, and a second run mends it', { skip }, async (t) => {
  for (const block of [0, 3, 5]) {
    const subject = staticSubject(t);
    t.equal((await subject.write()).exit, 0);
    // New content, so that there is something to write.
    subject.board.fill('ubi0_0', Buffer.alloc(16));
    subject.board.faults(`write ubi0_0 ${block} 1 1 kill 50`);
    const { signal } = await subject.board.run(process.execPath, subject.args);
    t.equal(signal, 'SIGKILL');
    subject.board.faults();
    t.equal(marker(subject), '1', `block ${block}`);
    t.match(await subject.write(), { outcome: 'committed', exit: 0 });
    holds(t, subject);
  }
});

t.test('kill -9 from outside while a block is written', { skip }, async (t) => {
  const subject = staticSubject(t);
  subject.board.faults('write ubi0_0 2 1 1 stop');
  const child = subject.board.start(process.execPath, subject.args);
  const end = ended(child);
  t.teardown(() => child.kill('SIGKILL'));
  await until(() => subject.board.log().some(({ op }) => op === 'stop'), 'it stopped');
  child.kill('SIGKILL');
  t.equal((await end).signal, 'SIGKILL');
  subject.board.faults();
  t.equal(marker(subject), '1');
  t.match(await subject.write(), { outcome: 'committed', exit: 0 });
  holds(t, subject);
});

t.test('a write that the kernel refuses leaves it marked and says so', { skip }, async (t) => {
  const subject = staticSubject(t);
  subject.board.faults('write ubi0_0 2 1 1 errno EIO');
  const run = await subject.board.run(process.execPath, subject.args);
  t.match(receiptOf(run), { code: 'ERR_FLASH_PROGRAM', flash: 'partial', exit: 5 });
  t.match(run.stderr, /kernel cannot be read until/);
  subject.board.faults();
  t.equal(marker(subject), '1');
  t.match(await subject.write(), { outcome: 'committed' });
  holds(t, subject);
});

t.test('too large, and of no known size: refused before the marker is set', { skip }, async (t) => {
  const subject = staticSubject(t);
  const { board, args } = subject;
  const path = join(board.root, 'image');
  writeFileSync(path, Buffer.alloc(10 * 3584 + 1, 7));
  t.match(await subject.write(), { code: 'ERR_BUNDLE_TOO_BIG', flash: 'untouched' });
  const pipe = args.map((arg) => (arg === path ? '-' : arg));
  const piped = await board.run('sh', ['-c', `echo some bytes | "$0" "$@"`, process.execPath, ...pipe]);
  t.match(receiptOf(piped), { code: 'ERR_SOURCE_SIZE', flash: 'untouched', exit: 4 });
  t.equal(marker(subject), '0');
  t.notOk(board.log().some(({ op }) => op === 'volup'));
});
