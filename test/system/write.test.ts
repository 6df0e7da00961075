/** `sluice write` as a user sees it: receipts, what is said when it goes wrong, interrupts, and odd sources. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { machineOfThisBoard } from '../../src/host/node/os-release.js';
import { BLOCK, makeBoard, OLD, range, sha256, VECTORS, withImage, type Board } from './board.js';
import { PROGRAM, sluice } from './run.js';
import { makeKeyStore, scratch } from './stock-bundle.js';
import { start, until, type Started } from './start.js';
import { noise } from '../kit/noise.js';
import { makeKey, openssl } from '../kit/keys.js';

const STOCK = join(VECTORS, 'good-stock.tar');
const BAD = join(VECTORS, 'bad-kernel-byte.tar');

t.test('the receipt has the shape that scripts were promised', async (t) => {
  const board = await makeBoard(scratch(t));
  const { code, json } = await board.write(STOCK, ['--json']);
  t.equal(code, 0);
  t.same(shapeOf(json), {
    outcome: 'string',
    code: 'null',
    message: 'string',
    flash: 'string',
    bundle: { identity: 'string', kind: 'string', version: 'string', machine: 'string' },
    trust: { policy: 'string', by: 'string', key: 'string' },
    partitions: { 'u-boot': ROW, kernel: ROW, rofs: ROW, rwfs: ROW },
    session: { resumedFrom: 'null', attempt: 'number', journal: { writes: 'number', bytes: 'number' } },
    times: { wall: 'number', flash: 'number' },
    memory: { peakRss: 'number' },
  });
  t.match(json, {
    outcome: 'committed',
    flash: 'complete',
    bundle: { kind: 'stock', version: '2.19.0-dev-42-gdeadbeef', machine: 'quanta-q71l' },
    session: { resumedFrom: null, attempt: 1 },
  });
  t.match(json.bundle.identity, /^sha256:[0-9a-f]{64}$/);
  t.same(json.partitions.kernel, {
    blocks: 2,
    skipped: 0,
    erased: 2,
    programmed: 2,
    programmedWithoutErase: 0,
    readBack: 2,
    retried: 0,
    bad: 0,
    held: 1,
    bytes: 70_001,
    sha256: '8145ca55fe12f9105e38e608d9db4e8e319e75debc9530180b0c47064c045729',
  });
});

t.test('the receipt of a refused bundle has the same shape, and names the bundle', async (t) => {
  const board = await makeBoard(scratch(t));
  const { code, json, stderr } = await board.write(BAD, ['--json']);
  t.equal(code, 3);
  t.match(json, {
    outcome: 'refused',
    code: 'ERR_TRUST_SIGNATURE',
    flash: 'untouched',
    bundle: { identity: null, kind: 'stock', version: '2.19.0-dev-42-gdeadbeef', machine: 'quanta-q71l' },
    trust: { policy: 'before-erase', key: null },
    partitions: {},
  });
  t.equal(stderr, '', 'nothing beside the document');
});

t.test('people read what was done, in a table', async (t) => {
  const board = await makeBoard(scratch(t));
  const { stdout, stderr } = await board.write(STOCK);
  t.match(stdout, /^committed: u-boot, kernel, rofs, rwfs written \(\d+ blocks\)\n/);
  t.match(stdout, /\n {2}kernel +2 +0 +2 +2 +2 +0 +0 +70001\n/);
  t.match(stdout, /version 2\.19\.0-dev-42-gdeadbeef, machine quanta-q71l/);
  t.equal(stderr, '');
  t.match((await board.write(STOCK)).stdout, /^committed: u-boot, kernel, rofs, rwfs unchanged\n/);
  t.same(
    await board.write(STOCK, ['--quiet']),
    { code: 0, stdout: '', stderr: '' },
    'unless they say --quiet',
  );
});

t.test(
  'a refusal is printed once, with the state of the flash and the next step, and no table',
  async (t) => {
    const board = await makeBoard(scratch(t));
    const refused = await board.write(BAD);
    t.equal(refused.stdout, '');
    t.same(refused.stderr.trimEnd().split('\n').length, 3);
    t.match(
      refused.stderr,
      /^sluice: refused: image-kernel\.sig is not a signature of image-kernel \(ERR_TRUST_SIGNATURE\)\n/,
    );
    t.match(refused.stderr, /\n {2}flash: untouched\n {2}next: {2}The bundle was damaged/);
    const partial = await board.write('-', ['--trust', 'before-commit'], { input: readFileSync(BAD) });
    t.match(partial.stderr, /\n {2}done: {2}kernel: \d of 2 blocks erased, \d written, 0 unchanged\n/);
    t.notMatch(partial.stderr, /rwfs/, 'a partition that nothing was done to is not spoken of');
    t.match(
      partial.stderr,
      /\n {2}flash: partly written, not committed; complete an update before the board restarts\n/,
    );
  },
);

t.test('the mistakes of a first day are answered by what to do', async (t) => {
  const board = await makeBoard(scratch(t));
  const raw = join(board.dir, 'kernel.bin');
  writeFileSync(raw, noise(5000, 1));
  const empty = join(board.dir, 'empty');
  writeFileSync(empty, '');
  const cut = join(board.dir, 'cut.tar');
  writeFileSync(cut, readFileSync(STOCK).subarray(0, 250_000));
  const flash = ['--flash', `sim:${board.chip}`];
  const keys = ['--keys', board.keys];
  const machine = ['--machine', 'any'];
  const all = [...flash, ...keys, ...machine];
  const cases: [string[], number, string, RegExp][] = [
    [
      [join(board.dir, 'none.tar'), ...all],
      4,
      'ERR_SOURCE_UNREADABLE',
      /none\.tar cannot be opened: no such file or directory/,
    ],
    [[board.dir, ...all], 4, 'ERR_SOURCE_UNREADABLE', /is a directory, .*sluice pack --images DIR/],
    [[empty, ...all], 4, 'ERR_SOURCE_TRUNCATED', /the source is empty/],
    [['/dev/null', ...all], 4, 'ERR_SOURCE_TRUNCATED', /the source is empty/],
    [[cut, ...all], 4, 'ERR_SOURCE_TRUNCATED', /\d+ bytes before the end of image-kernel, which has 70001/],
    [[raw, ...all], 4, 'ERR_BUNDLE_TAR_HEADER', /--partition NAME and --sig FILE/],
    [['ftp://host/x.tar', ...all], 4, 'ERR_SOURCE_UNREADABLE', /use http or https/],
    [
      [raw, ...all, '--partition', 'kernel'],
      3,
      'ERR_TRUST_SIGNATURE_MISSING',
      /--sig is missing.*openssl dgst/s,
    ],
    [
      [raw, ...all, '--partition', 'kernle', '--trust', 'unsigned'],
      2,
      'ERR_USAGE_PARTITION',
      /bmc, u-boot, u-boot-env, kernel, rofs, rwfs/,
    ],
    [
      [STOCK, ...all, '--only', 'kernle'],
      2,
      'ERR_USAGE_PARTITION',
      /no partition kernle; it has bmc, u-boot, u-boot-env, kernel, rofs, rwfs/,
    ],
    [[STOCK, ...keys, ...machine], 2, 'ERR_USAGE_OPTION', /--flash is missing/],
    [[STOCK, ...keys, ...machine, '--flash', board.chip], 2, 'ERR_USAGE_FLASH_ADDRESS', /sim:PATH/],
    [
      [STOCK, ...keys, ...machine, '--flash', `sim:${board.chip}x`],
      5,
      'ERR_FLASH_NO_DEVICE',
      /sluice sim create/,
    ],
    [[STOCK, ...flash, ...machine, '--keys', empty], 3, 'ERR_TRUST_NO_KEYS', /<KeyType>\/publickey/],
    [
      [STOCK, ...flash, ...keys, '--machine', 'other'],
      3,
      'ERR_TRUST_MACHINE',
      /"quanta-q71l", and this machine is other/,
    ],
    [[STOCK, ...all, '--min-version', '2.19.0'], 3, 'ERR_TRUST_VERSION', /older than the minimum 2\.19\.0/],
    [[STOCK, ...all, '--min-version', 'newest'], 2, 'ERR_USAGE_OPTION', /"newest" is not a version number/],
    [
      [STOCK, ...all, '--min-security-version', '1'],
      3,
      'ERR_TRUST_SECURITY_VERSION',
      /no security version; the minimum is 1/,
    ],
    [[STOCK, ...all, '--min-security-version', 'one'], 2, 'ERR_USAGE_OPTION', /whole number, not one/],
  ];
  for (const [args, exit, code, words] of cases) {
    const { code: got, stderr, stdout } = await sluice(['write', ...args]);
    t.equal(got, exit, `${args.join(' ')}: ${stderr}`);
    t.match(stderr, code);
    t.match(stderr, words);
    t.match(stderr, /(?:\n {2}flash: untouched)?\n {2}next: {2}\S/);
    t.notMatch(stderr, /flash: (?!untouched)/);
    t.equal(stdout, '');
  }
  t.equal(sha256(board.bytes()), sha256(OLD));
});

t.test(
  'a board that does not say what it is refuses until it is told',
  { skip: machineOfThisBoard() !== null && 'this is an OpenBMC board' },
  async (t) => {
    const board = await makeBoard(scratch(t));
    const run = await sluice([
      'write',
      STOCK,
      '--flash',
      `sim:${board.chip}`,
      '--keys',
      board.keys,
      '--json',
    ]);
    t.equal(run.code, 3);
    t.match(run.json, {
      outcome: 'refused',
      code: 'ERR_TRUST_MACHINE_UNKNOWN',
      flash: null,
      next: /--machine NAME/,
    });
    t.equal(sha256(board.bytes()), sha256(OLD));
  },
);

t.test('a compressed tarball is written from a file and from a pipe', async (t) => {
  const board = await makeBoard(scratch(t));
  const packed = join(board.dir, 'stock.tar.gz');
  writeFileSync(packed, execFileSync('gzip', ['-c', STOCK], { maxBuffer: 1 << 24 }));
  await board.write(STOCK);
  const chip = board.bytes();
  for (const [source, args, options] of [
    [packed, [], {}],
    ['-', ['--trust', 'before-commit'], { input: readFileSync(packed) }],
  ] as const) {
    board.reset();
    const run = await board.write(source, args, options);
    t.equal(run.code, 0, run.stderr);
    t.equal(sha256(board.bytes()), sha256(chip));
  }
});

t.test('a FIFO is a source that can be read once', async (t) => {
  const board = await makeBoard(scratch(t));
  const fifo = join(board.dir, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const running = start(['write', fifo, ...board.args, '--trust', 'before-commit']);
  execFileSync('sh', ['-c', 'cat "$1" > "$2"', 'sh', STOCK, fifo]);
  t.equal(await running.ended, 0, running.stderr);
  const payload = execFileSync('tar', ['-xOf', STOCK, 'image-kernel'], { maxBuffer: 1 << 24 });
  const { offset } = range('kernel');
  t.ok(
    board
      .bytes()
      .subarray(offset, offset + payload.length)
      .equals(payload),
  );
});

t.test(
  'an image too long for its partition is refused as such, even when its size was not known',
  async (t) => {
    const board = await makeBoard(scratch(t));
    const { size, offset } = range('rwfs');
    const args = ['--partition', 'rwfs', '--trust', 'unsigned', '--json'];
    const { code, json } = await board.write('-', args, { input: noise(size + 1, 5) });
    t.equal(code, 3);
    t.match(json, { code: 'ERR_BUNDLE_TOO_BIG', flash: 'partial' });
    t.ok(
      board.bytes().subarray(0, offset).equals(OLD.subarray(0, offset)),
      'nothing in front of it is touched',
    );
    t.ok(
      board
        .bytes()
        .subarray(offset, offset + BLOCK)
        .every((byte) => byte === 0xff),
      'its gate is shut',
    );
  },
);

t.test('a single image is written when its signature is right', async (t) => {
  const board = await makeBoard(scratch(t));
  const key = makeKey(board.dir, 'release');
  const keys = makeKeyStore(board.dir, key);
  const image = noise(100_000, 7);
  const path = join(board.dir, 'kernel.bin');
  writeFileSync(path, image);
  const sig = `${path}.sig`;
  writeFileSync(sig, openssl('dgst', '-sha256', '-sign', key.path, path));
  const args = ['--flash', `sim:${board.chip}`, '--keys', keys, '--machine', 'any', '--json'];
  const single = ['--partition', 'kernel', '--sig', sig];
  const run = await sluice(['write', path, ...single, ...args]);
  t.equal(run.code, 0, run.stderr);
  t.match(run.json, { bundle: { kind: 'single' }, trust: { by: 'check-pass', key: 'OpenBMC' } });
  t.equal(sha256(board.bytes()), sha256(withImage(OLD, 'kernel', image)));

  board.reset();
  const piped = ['--trust', 'before-commit'];
  t.equal((await sluice(['write', '-', ...single, ...args, ...piped], { input: image })).code, 0);
  t.equal(sha256(board.bytes()), sha256(withImage(OLD, 'kernel', image)));

  board.reset();
  writeFileSync(path, noise(100_000, 8));
  const other = await sluice(['write', path, ...single, ...args]);
  t.equal(other.code, 3);
  t.match(other.json, { outcome: 'refused', code: 'ERR_TRUST_SIGNATURE', bundle: { kind: 'single' } });
  t.equal(sha256(board.bytes()), sha256(OLD));
});

t.test('a single image with a signed block index is proven block by block, from a pipe too', async (t) => {
  const board = await makeBoard(scratch(t));
  const key = makeKey(board.dir, 'release');
  const keys = makeKeyStore(board.dir, key);
  const image = noise(100_000, 7);
  const blocks = join(board.dir, 'BLOCKS');
  writeFileSync(
    blocks,
    [
      'sluice-blocks 1',
      'machine quanta-q71l',
      'version 2.19.0',
      'security-version 7',
      `image image-kernel partition kernel size 100000 block ${BLOCK} sha256 ${sha256(image)}`,
      sha256(image.subarray(0, BLOCK)),
      sha256(image.subarray(BLOCK)),
      '',
    ].join('\n'),
  );
  writeFileSync(`${blocks}.sig`, openssl('dgst', '-sha256', '-sign', key.path, blocks));
  const args = ['--partition', 'kernel', '--blocks', blocks, '--blocks-sig', `${blocks}.sig`];
  const flash = ['--flash', `sim:${board.chip}`, '--keys', keys, '--machine', 'quanta-q71l', '--json'];
  const write = (more: string[], input = image) =>
    sluice(['write', '-', ...args, ...flash, ...more], { input });

  const run = await write(['--min-version', '2.18.0', '--min-security-version', '7']);
  t.equal(run.code, 0, run.stderr);
  t.match(run.json, {
    bundle: { kind: 'single', version: '2.19.0' },
    trust: { by: 'index', key: 'OpenBMC' },
  });
  t.equal(sha256(board.bytes()), sha256(withImage(OLD, 'kernel', image)));

  board.reset();
  t.match((await write(['--min-security-version', '8'])).json, { code: 'ERR_TRUST_SECURITY_VERSION' });
  t.match((await write(['--min-version', '2.20.0'])).json, { code: 'ERR_TRUST_VERSION' });
  const flipped = Buffer.from(image);
  flipped[99_999]! ^= 1;
  t.match((await write([], flipped)).json, { code: 'ERR_TRUST_BLOCK', flash: 'untouched' });
  t.equal(sha256(board.bytes()), sha256(OLD), 'the first block waits for the second, which is not right');
});

t.test('Ctrl-C in the middle stops between two operations, and the next run finishes', async (t) => {
  const { board, running } = await slowWrite(t);
  running.kill('SIGINT');
  t.equal(await running.ended, 7);
  t.match(running.stderr, /SIGINT: stopping after the current flash operation/);
  t.match(running.stderr, /interrupted: .*\(ERR_SESSION_INTERRUPTED\)/);
  t.match(running.stderr, /next: {2}Run the same command again to resume/);
  t.match(running.stderr, /flash: partly written, not committed/);
  t.equal(head(board, 'u-boot'), head(OLD, 'u-boot'), 'the old head stays until the end');
  await finishes(t, board);
});

t.test('a session that was killed leaves a lock that is taken over, and the next run finishes', async (t) => {
  const { board, running } = await slowWrite(t);
  running.kill('SIGKILL');
  t.equal(await running.ended, 'SIGKILL');
  t.ok(existsSync(`${board.chip}.lock`), 'the lock is still there');
  await finishes(t, board);
  t.notOk(existsSync(`${board.chip}.lock`));
});

t.test('one update at a time: a second session is told who has the flash, and harms nothing', async (t) => {
  const { board, running } = await slowWrite(t);
  const second = await board.write(STOCK, ['--json']);
  t.equal(second.code, 6);
  t.match(second.json, {
    outcome: 'failed',
    code: 'ERR_BUSY_FLASH',
    flash: null,
    message: /process \d+/,
  });
  t.equal(
    (await sluice(['verify', STOCK, ...board.args])).code,
    6,
    'verify with --flash wants it to itself, too',
  );
  t.equal(await running.ended, 0, running.stderr);
});

t.test('Ctrl-C ends a wait for a sender that is silent, whatever he is connected by', async (t) => {
  const board = await makeBoard(scratch(t));
  const fifo = join(board.dir, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const write = (source: string): readonly string[] => [
    'write',
    source,
    ...board.args,
    '--trust',
    'before-commit',
  ];
  // Opened for both, so that opening waits for nobody and nothing ever comes.
  const silent = openSync(fifo, constants.O_RDWR);
  const ways: [string, () => Started][] = [
    ['a socket', () => start(write('-'), 'pipe')],
    ['a pipe', () => start(write('-'), silent)],
    ['a FIFO', () => start(write(fifo))],
  ];
  for (const [name, begin] of ways) {
    const running = begin();
    await until(() => existsSync(`${board.chip}.lock`), 'it waits');
    running.kill('SIGTERM');
    t.equal(await running.ended, 7, name);
    t.match(running.stderr, /ERR_SESSION_INTERRUPTED/, name);
  }
  closeSync(silent);
  const unopened = start(write(fifo));
  await until(() => hears(unopened, 1), 'it listens to SIGHUP, which is just before it opens its source');
  unopened.kill('SIGINT');
  t.equal(await unopened.ended, 7, 'a FIFO without a sender');
  t.equal(sha256(board.bytes()), sha256(OLD));
});

/** Whether a process has a handler for the signal of this number (proc(5), SigCgt of status). */
function hears({ pid }: Started, signal: number): boolean {
  const mask = /^SigCgt:\s+([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '0';
  return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

t.test('a sender that hangs up in the middle is a truncated source', async (t) => {
  const board = await makeBoard(scratch(t));
  const input = readFileSync(STOCK).subarray(0, 300_000);
  const { code, json } = await board.write('-', ['--trust', 'before-commit', '--json'], { input });
  t.equal(code, 4);
  t.match(json, { outcome: 'refused', code: 'ERR_SOURCE_TRUNCATED', flash: 'partial' });
  t.equal(head(board, 'u-boot'), sha256(Buffer.alloc(BLOCK, 0xff)), 'the gate is shut');
  const closed = execFileSync(
    'sh',
    ['-c', `"$@" <&- ; echo $?`, 'sh', process.execPath, PROGRAM, 'write', '-', ...board.args, '--json'],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  t.match(closed.toString(), /"ERR_SOURCE_TRUNCATED"[^]*\n4\n$/, 'and so is a standard input that is closed');
});

t.test('a reader that goes away does not disturb the update', async (t) => {
  const board = await makeBoard(scratch(t));
  for (const [args, command] of [
    [['--json'], 'head -c 1'],
    [[], 'true'],
  ] as const) {
    board.reset();
    const script = `{ "$@"; echo $? >&3; } 2>err | ${command}`;
    const fd = openSync(join(board.dir, 'code'), 'w+');
    execFileSync(
      'sh',
      ['-c', script, 'sh', process.execPath, PROGRAM, 'write', STOCK, ...board.args, ...args],
      {
        cwd: board.dir,
        stdio: ['ignore', 'ignore', 'ignore', fd],
      },
    );
    t.equal(readFileSync(join(board.dir, 'code'), 'utf8'), '0\n');
    t.equal(readFileSync(join(board.dir, 'err'), 'utf8'), '', 'no stack trace');
    const run = await board.write(STOCK, ['--json']);
    t.match(run.json.message, /^[a-z, -]+ unchanged$/, 'the update before it was whole');
  }
});

t.test(
  'a chip that may not be written is a matter of permission',
  { skip: nobody() === null && 'needs a user without rights' },
  async (t) => {
    const board = await makeBoard(scratch(t));
    execFileSync('chmod', ['-R', 'a+rX', board.dir]);
    execFileSync('chmod', ['0444', board.chip]);
    const args = [process.execPath, PROGRAM, 'write', STOCK, ...board.args, '--json'];
    const shell = ['-c', '"$@"; echo $?', 'sh', ...(nobody() as string[]), ...args];
    const out = execFileSync('sh', shell, { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
    t.match(out, /"code": "ERR_BUSY_PERMISSION"/);
    t.match(out, /\n6\n$/);
    t.equal(sha256(board.bytes()), sha256(OLD));
  },
);

/** Words in front of a command that run it without the rights of root; null where that cannot be tried. */
function nobody(): string[] | null {
  if (process.getuid?.() !== 0) return [];
  // The program itself must be in reach of another user.
  const words = ['setpriv', '--reuid', '65534', '--clear-groups'];
  try {
    execFileSync(words[0] as string, [...words.slice(1), process.execPath, PROGRAM, '--version'], {
      stdio: 'ignore',
    });
    return words;
  } catch {
    return null;
  }
}

const ROW = {
  blocks: 'number',
  skipped: 'number',
  erased: 'number',
  programmed: 'number',
  programmedWithoutErase: 'number',
  readBack: 'number',
  retried: 'number',
  bad: 'number',
  held: 'number',
  bytes: 'number',
  sha256: 'string',
};

function shapeOf(value: unknown): unknown {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shapeOf(item)]));
}

function head(chip: Board | Buffer, partition: string): string {
  const { offset } = range(partition);
  const bytes = Buffer.isBuffer(chip) ? chip : chip.bytes();
  return sha256(bytes.subarray(offset, offset + BLOCK));
}

/** An update that is under way on a chip as slow as a fifth of the real one; u-boot has begun to change. */
async function slowWrite(t: Test): Promise<{ board: Board; running: Started }> {
  const board = await makeBoard(scratch(t), ['--timing', 'n25q256a', '--scale', '0.2']);
  const running = start(['write', STOCK, ...board.args]);
  const { offset, size } = range('u-boot');
  await until(() => {
    const now = board.bytes().subarray(offset, offset + size);
    return statSync(board.chip).size === OLD.length && !now.equals(OLD.subarray(offset, offset + size));
  }, 'the first block is erased');
  return { board, running };
}

async function finishes(t: Test, board: Board): Promise<void> {
  const run = await board.write(STOCK, ['--json']);
  t.equal(run.code, 0, run.stderr);
  t.match(run.json, { outcome: 'committed', flash: 'complete' });
  t.match(run.json.session, { attempt: 2, resumedFrom: Number });
  let chip: Buffer = OLD;
  for (const name of ['u-boot', 'kernel', 'rofs', 'rwfs']) {
    chip = withImage(
      chip,
      name,
      execFileSync('tar', ['-xOf', STOCK, `image-${name}`], { maxBuffer: 1 << 24 }),
    );
  }
  t.equal(sha256(board.bytes()), sha256(chip));
}
