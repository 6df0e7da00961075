/** `sluice verify`: proves without writing, and foretells what a write does. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { makeBoard, OLD, sha256, VECTORS, withImage } from './board.js';
import { sluice } from './run.js';
import { makeKeyStore, scratch } from './stock-bundle.js';
import { noise } from '../kit/noise.js';
import { makeKey, openssl } from '../kit/keys.js';

const STOCK = join(VECTORS, 'good-stock.tar');

t.test('a bundle is verified without a flash, from a file and from a pipe', async (t) => {
  const board = await makeBoard(scratch(t));
  const keys = ['--keys', board.keys, '--machine', 'quanta-q71l', '--json'];
  const file = await sluice(['verify', STOCK, ...keys]);
  t.equal(file.code, 0, file.stderr);
  t.match(file.json, {
    outcome: 'verified',
    bundle: {
      identity: /^sha256:[0-9a-f]{64}$/,
      kind: 'stock',
      version: '2.19.0-dev-42-gdeadbeef',
      machine: 'quanta-q71l',
    },
    trust: { policy: 'before-erase', key: 'OpenBMC' },
    images: [
      { member: 'image-u-boot', partition: 'u-boot', size: 200_003 },
      { member: 'image-kernel', partition: 'kernel', size: 70_001 },
      { member: 'image-rofs', partition: 'rofs', size: 131_109 },
      { member: 'image-rwfs', partition: 'rwfs', size: 8192 },
    ],
  });
  t.same(file.json.willChange, {});
  const pipe = await sluice(['verify', '-', ...keys], { input: readFileSync(STOCK) });
  t.same(pipe.json, file.json);
});

t.test('what verify foretells is what write does', async (t) => {
  const board = await makeBoard(scratch(t), ['--timing', 'n25q256a']);
  // One block of the kernel is right, the other one needs 1 to 0 bits only.
  const kernel = Buffer.alloc(70_001, 0xff);
  const image = join(board.dir, 'kernel.bin');
  writeFileSync(image, noise(70_001, 4));
  readFileSync(image).copy(kernel, 0, 0, 65_536);
  writeFileSync(board.chip, withImage(OLD, 'kernel', kernel));
  const before = sha256(board.bytes());
  const key = makeKey(board.dir, 'release');
  const sig = join(board.dir, 'kernel.sig');
  writeFileSync(sig, openssl('dgst', '-sha256', '-sign', key.path, image));
  const trusted = ['--sig', sig, '--keys', makeKeyStore(board.dir, key), '--machine', 'any'];
  const args = [image, '--partition', 'kernel', ...trusted, '--flash', `sim:${board.chip}`, '--json'];
  const verified = await sluice(['verify', ...args]);
  t.equal(verified.code, 0, verified.stderr);
  const { kernel: forecast } = verified.json.willChange;
  t.match(forecast, { blocks: 2, unchanged: 1, erases: 0, programsWithoutErase: 1, changed: [1] });
  t.ok(forecast.seconds > 0 && forecast.seconds < 1, 'no erase, so well below one second');
  t.equal(sha256(board.bytes()), before, 'verify wrote nothing');
  const written = await sluice(['write', ...args]);
  t.match(written.json.partitions.kernel, { blocks: 2, skipped: 1, erased: 0, programmedWithoutErase: 1 });
  const again = await sluice(['verify', ...args]);
  t.match(again.json.willChange.kernel, {
    unchanged: 2,
    erases: 0,
    programsWithoutErase: 0,
    changed: [],
    seconds: 0,
  });
});

t.test('without a flash --only names images, which must be there', async (t) => {
  const board = await makeBoard(scratch(t));
  const keys = ['--keys', board.keys, '--machine', 'quanta-q71l', '--json'];
  const part = join(VECTORS, 'kernel-only.tar');
  for (const args of [[], ['--only', 'kernel']])
    t.equal((await sluice(['verify', part, ...keys, ...args])).json.code, 'ERR_TRUST_PLACE');
  const none = await sluice(['verify', STOCK, ...keys, '--only', 'kernel,kernle']);
  t.match(none.json, { code: 'ERR_BUNDLE_EMPTY', message: /no image for kernle; it has image-u-boot, / });
});

t.test('people read who vouches for it and what would change', async (t) => {
  const board = await makeBoard(scratch(t), ['--timing', 'n25q256a']);
  const run = await sluice(['verify', STOCK, ...board.args, '--only', 'rofs']);
  t.equal(run.code, 0, run.stderr);
  t.match(
    run.stdout,
    /^verified: stock bundle, version 2\.19\.0-dev-42-gdeadbeef, machine quanta-q71l, key OpenBMC\n/,
  );
  t.match(run.stdout, /\n {2}rofs +3 +0 +3 +0 +\d+\.\d\n/);
  t.notMatch(run.stdout, /\n {2}kernel +\d/, 'only what was asked for');
  const unsigned = await sluice(['verify', STOCK, ...board.args, '--trust', 'unsigned']);
  t.match(unsigned.stdout, /NOT VERIFIED \(--trust unsigned\)/);
  t.same(await sluice(['verify', STOCK, ...board.args, '--quiet']), { code: 0, stdout: '', stderr: '' });
  t.equal(sha256(board.bytes()), sha256(OLD));
});

t.test('what would not fit is told, and nobody is told what state the flash is in', async (t) => {
  const board = await makeBoard(scratch(t));
  const image = join(board.dir, 'rwfs.bin');
  writeFileSync(image, noise(5 * 65_536, 1));
  const args = ['--partition', 'rwfs', '--trust', 'unsigned', ...board.args];
  const run = await sluice(['verify', image, ...args]);
  t.equal(run.code, 3);
  t.match(run.stderr, /ERR_BUNDLE_TOO_BIG/);
  t.notMatch(run.stderr, /flash:/);
});
