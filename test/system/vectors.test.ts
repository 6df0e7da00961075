/** Every case of test/fixtures/tar, which the upstream tools made, through the real command line. */
import { execFileSync } from 'node:child_process';
import { createPublicKey, verify } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { BLOCK, makeBoard, OLD, range, sha256, VECTORS, withImage, type Board } from './board.js';
import { sluice, type Run } from './run.js';
import { makeKeyStore, makeStockBundle, scratch } from './stock-bundle.js';
import { noise } from '../kit/noise.js';
import { makeKey } from '../kit/keys.js';

interface Case {
  readonly name: string;
  readonly file: string;
  readonly members: readonly string[];
  readonly sha256: string;
}

const fixture = JSON.parse(readFileSync(join(VECTORS, 'cases.json'), 'utf8')) as {
  readonly payload_sha256: Record<string, string>;
  readonly cases: readonly Case[];
};

/** What each refused case must be refused for. A case that is missing here must be accepted. */
const REFUSALS: Readonly<Record<string, string>> = {
  'bad-kernel-sig': 'ERR_TRUST_SIGNATURE',
  'bad-kernel-byte': 'ERR_TRUST_SIGNATURE',
  'bad-rofs-byte': 'ERR_TRUST_SIGNATURE',
  'bad-manifest-sig': 'ERR_TRUST_SIGNATURE',
  'bad-manifest-edit': 'ERR_TRUST_SIGNATURE',
  'bad-publickey-sig': 'ERR_TRUST_SIGNATURE',
  'bad-foreign-key': 'ERR_TRUST_SIGNATURE',
  'no-full-sig': 'ERR_TRUST_SIGNATURE_MISSING',
  'bad-full-c-locale': 'ERR_TRUST_SIGNATURE',
  'bad-full-sig': 'ERR_TRUST_SIGNATURE',
  // Some images of the four, and no BLOCKS that names them. Upstream accepts the signatures of all but the first.
  'missing-rwfs': 'ERR_TRUST_PLACE',
  'kernel-only': 'ERR_TRUST_PLACE',
  'rofs-only': 'ERR_TRUST_PLACE',
  'rwfs-only': 'ERR_TRUST_PLACE',
  // Its image-bmc is much smaller than the chip; that of a build is as large.
  'good-alltar': 'ERR_TRUST_PLACE',
};

const path = ({ file }: Case): string => join(VECTORS, file);
const images = ({ members }: Case): string[] =>
  members.filter((name) => name.startsWith('image-') && !name.endsWith('.sig'));
const partition = (image: string): string => image.slice('image-'.length);
const payload = (one: Case, member: string): Buffer =>
  execFileSync('tar', ['-xOf', path(one), member], { maxBuffer: 1 << 24 });

/** The chip as it must be after these images of a case were written to it. */
function expected(one: Case, members: readonly string[]): Buffer {
  return members.reduce((chip, member) => {
    const bytes = payload(one, member);
    t.equal(sha256(bytes), fixture.payload_sha256[member], `${member} of ${one.name} is the payload`);
    return withImage(chip, partition(member), bytes);
  }, OLD);
}

function checkCommitted(t: Test, run: Run, board: Board, chip: Buffer): void {
  t.equal(run.code, 0, run.stderr);
  t.match(run.json, { outcome: 'committed', code: null, flash: 'complete', trust: { key: 'OpenBMC' } });
  t.equal(sha256(board.bytes()), sha256(chip), 'the chip has the images and is else as it was');
}

function checkUntouched(t: Test, run: Run, board: Board, code: string, exit = 3): void {
  t.equal(run.code, exit, run.stderr);
  t.match(run.json, { outcome: 'refused', code, flash: 'untouched' });
  for (const row of Object.values(run.json.partitions as Record<string, Record<string, number>>)) {
    t.match(row, { erased: 0, programmed: 0, programmedWithoutErase: 0 });
  }
  t.equal(sha256(board.bytes()), sha256(OLD), 'no byte of the chip has changed');
}

const erased = Buffer.alloc(BLOCK, 0xff);
const { cases } = fixture;
const parts = cases.filter(({ name }) => name.endsWith('-only'));
const good = cases.filter((one) => REFUSALS[one.name] === undefined);
const bad = cases.filter(({ name }) => REFUSALS[name] !== undefined);
const named = (name: string): Case => cases.find((one) => one.name === name) as Case;

t.test('the vectors are the ones that upstream judged', async (t) => {
  t.equal(good.length, 4);
  t.equal(parts.length, 3);
  t.equal(bad.length, 15);
  for (const one of cases) t.equal(sha256(readFileSync(path(one))), one.sha256, one.file);
});

t.test('a good bundle that is a file is checked first, then written', async (t) => {
  const board = await makeBoard(scratch(t));
  for (const one of good) {
    board.reset();
    const run = await board.write(path(one), ['--json']);
    checkCommitted(t, run, board, expected(one, images(one)));
    t.match(run.json.trust, { policy: 'before-erase', by: 'check-pass' }, one.name);
    t.same(Object.keys(run.json.partitions), images(one).map(partition));
  }
});

t.test(
  'a good bundle from a pipe is written in one pass when the gates may wait for its signatures',
  async (t) => {
    const board = await makeBoard(scratch(t));
    for (const one of good) {
      board.reset();
      const input = readFileSync(path(one));
      const run = await board.write('-', ['--trust', 'before-commit', '--json'], { input });
      checkCommitted(t, run, board, expected(one, images(one)));
      t.match(run.json.trust, { policy: 'before-commit', by: 'signature' }, one.name);
    }
  },
);

t.test('a bundle without a block index from a pipe is refused before anything is touched', async (t) => {
  const board = await makeBoard(scratch(t));
  for (const name of ['good-stock', 'good-sigfirst']) {
    const run = await board.write('-', ['--json'], { input: readFileSync(path(named(name))) });
    checkUntouched(t, run, board, 'ERR_TRUST_NOT_AHEAD');
  }
});

t.test('a bad bundle that is a file is refused with nothing touched', async (t) => {
  const board = await makeBoard(scratch(t));
  for (const one of bad) {
    const run = await board.write(path(one), ['--json']);
    checkUntouched(t, run, board, REFUSALS[one.name] as string);
  }
});

t.test('verify gives the same verdicts and writes nothing', async (t) => {
  const board = await makeBoard(scratch(t));
  for (const one of ['good-stock', 'good-alltar', 'bad-kernel-byte', 'no-full-sig'].map(named)) {
    const run = await sluice(['verify', path(one), ...board.args, '--json']);
    t.equal(run.code, REFUSALS[one.name] === undefined ? 0 : 3, `${one.name} ${run.stderr}`);
    t.equal(run.json.code ?? undefined, REFUSALS[one.name], one.name);
  }
  t.equal(sha256(board.bytes()), sha256(OLD));
});

t.test('a bad bundle from a pipe leaves every gate that was passed shut', async (t) => {
  const board = await makeBoard(scratch(t));
  for (const one of bad) {
    // These have no image of three parts of the chip.
    if (parts.includes(one) || one.name === 'good-alltar') continue;
    board.reset();
    const input = readFileSync(path(one));
    const run = await board.write('-', ['--trust', 'before-commit', '--json'], { input });
    t.equal(run.code, 3, `${one.name} ${run.stderr}`);
    t.match(run.json, { outcome: 'refused', code: REFUSALS[one.name], flash: 'partial' }, one.name);
    const chip = board.bytes();
    const changed = ['u-boot', 'u-boot-env', 'kernel', 'rofs', 'rwfs'].filter((name) => {
      const { offset, size } = range(name);
      return !chip.subarray(offset, offset + size).equals(OLD.subarray(offset, offset + size));
    });
    t.same(changed, ['u-boot', 'kernel', 'rofs'], 'those with more blocks than the one that is held back');
    for (const name of changed) {
      const { offset } = range(name);
      t.ok(chip.subarray(offset, offset + BLOCK).equals(erased), `${one.name}: the gate of ${name} is shut`);
    }
  }
});

t.test('a partial bundle without BLOCKS is refused, named or not: it could be another one', async (t) => {
  const board = await makeBoard(scratch(t));
  for (const one of parts) {
    const only = ['--only', partition(images(one)[0] as string)];
    for (const args of [[], only])
      checkUntouched(t, await board.write(path(one), [...args, '--json']), board, 'ERR_TRUST_PLACE');
    const input = readFileSync(path(one));
    const piped = await board.write('-', ['--trust', 'before-commit', '--json'], { input });
    t.match(piped.json, { outcome: 'refused', code: 'ERR_TRUST_PLACE' });
    const { offset } = range(partition(images(one)[0] as string));
    const head = board.bytes().subarray(offset, offset + BLOCK);
    t.ok(head.equals(erased) || head.equals(OLD.subarray(offset, offset + BLOCK)), 'nothing of it can boot');
    board.reset();
  }
  const missing = named('missing-rwfs');
  const run = await board.write(path(missing), ['--only', 'u-boot,kernel,rofs', '--json']);
  checkUntouched(t, run, board, 'ERR_TRUST_PLACE');
});

t.test('a partition that a bundle has no image for is not taken for written', async (t) => {
  const board = await makeBoard(scratch(t));
  for (const [name, only] of [
    ['kernel-only', 'rofs'],
    ['kernel-only', 'kernel,rofs'],
    ['good-stock', 'u-boot-env'],
  ] as const) {
    const run = await board.write(path(named(name)), ['--only', only, '--json']);
    if (parts.includes(named(name))) checkUntouched(t, run, board, 'ERR_TRUST_PLACE');
    else checkUntouched(t, run, board, 'ERR_BUNDLE_EMPTY', 4);
  }
});

t.test('only the partitions that were asked for are written', async (t) => {
  const board = await makeBoard(scratch(t));
  const stock = named('good-stock');
  for (const only of [['kernel'], ['rofs', 'rwfs']]) {
    board.reset();
    const run = await board.write(path(stock), ['--only', only.join(','), '--json']);
    checkCommitted(
      t,
      run,
      board,
      expected(
        stock,
        only.map((name) => `image-${name}`),
      ),
    );
    t.same(Object.keys(run.json.partitions), only);
  }
});

t.test('a second write of the same bundle changes nothing', async (t) => {
  const board = await makeBoard(scratch(t));
  await board.write(path(named('good-stock')));
  const run = await board.write(path(named('good-stock')), ['--json']);
  t.equal(run.code, 0);
  for (const row of Object.values(run.json.partitions as Record<string, Record<string, number>>)) {
    t.match(row, { erased: 0, programmed: 0, programmedWithoutErase: 0, skipped: row['blocks'] as number });
  }
});

t.test(
  'image-full.sig of missing-rwfs signs the signature that was taken out, as openssl sees it',
  async (t) => {
    const one = named('missing-rwfs');
    const key = createPublicKey(payload(one, 'publickey'));
    const signed = (from: Case, names: readonly string[]): Buffer =>
      Buffer.concat(names.map((name) => payload(from, `${name}.sig`)));
    const rest = ['image-kernel', 'image-rofs', 'image-u-boot', 'MANIFEST', 'publickey'];
    const all = ['image-kernel', 'image-rofs', 'image-rwfs', 'image-u-boot', 'MANIFEST', 'publickey'];
    const signature = payload(one, 'image-full.sig');
    t.notOk(verify('sha256', signed(one, rest), key, signature));
    t.ok(verify('sha256', signed(named('good-stock'), all), key, signature));
  },
);

t.test('image-bmc of a stock bundle must be as large as the chip', async (t) => {
  const board = await makeBoard(scratch(t));
  const dir = t.testdir();
  const key = makeKey(dir, 'whole');
  const bundle = (name: string, size: number): Buffer =>
    readFileSync(makeStockBundle(dir, { key, name, images: { 'image-bmc': noise(size, 7) } }).path);
  const options = ['--flash', `sim:${board.chip}`, '--keys', makeKeyStore(dir, key)];
  const known = [...options, '--machine', 'quanta-q71l', '--json'];
  const write = async (input: Buffer, policy: string): Promise<Run> => {
    const file = join(dir, 'bundle.tar');
    writeFileSync(file, input);
    return policy === 'before-erase'
      ? sluice(['write', file, ...known])
      : sluice(['write', '-', ...known, '--trust', policy], { input });
  };
  const short = bundle('short', BLOCK);
  const whole = bundle('whole', OLD.length);
  for (const policy of ['before-erase', 'before-commit']) {
    board.reset();
    checkUntouched(t, await write(short, policy), board, 'ERR_TRUST_PLACE');
    const run = await write(whole, policy);
    t.match(run.json, { outcome: 'committed', flash: 'complete' }, run.stderr);
    t.equal(sha256(board.bytes()), sha256(noise(OLD.length, 7)));
  }
});
