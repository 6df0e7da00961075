/** Image files and real block devices, written by the real program. */
import { execFileSync } from 'node:child_process';
import { closeSync, linkSync, mkdirSync, openSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadBinding } from 'node-mtd';
import t, { type Test } from 'tap';
import { loopDevice, noLoopDevices, type LoopDevice } from '../kit/loop-device.js';
import { sluice } from './run.js';
import { noise } from '../kit/noise.js';

const MIB = 1 << 20;
const image = noise(3 * 65_536 + 100, 1);
const UNSIGNED = ['--trust', 'unsigned', '--machine', 'any', '--partition', 'rofs', '--json'];

/** Writes `image` to an address as partition rofs. */
function write(dir: string, address: string, ...more: string[]) {
  const source = join(dir, 'image.bin');
  writeFileSync(source, image);
  return sluice(['write', source, ...UNSIGNED, '--flash', address, ...more]);
}

function emptyFile(path: string, size: number): string {
  writeFileSync(path, '');
  truncateSync(path, size);
  return path;
}

/** `bytes` with the image at its start, filled up with 0xFF to the end of its last block. */
function withImage(bytes: Uint8Array): Buffer {
  const after = Buffer.from(bytes);
  after.fill(0xff, 0, 4 * 65_536);
  after.set(image);
  return after;
}

t.test('an image file is written without the addon, by its name or one that is given', async (t) => {
  const dir = t.testdir();
  const old = noise(MIB, 2);
  for (const [file, address] of [
    ['rofs.img', ''],
    ['disk.img', 'rofs='],
  ] as const) {
    const path = join(dir, file);
    writeFileSync(path, old);
    const run = await write(dir, `block:${address}${path}`);
    t.equal(run.code, 0, run.stderr);
    t.match(run.json, { outcome: 'committed', partitions: { rofs: { blocks: 4, bytes: image.length } } });
    t.ok(readFileSync(path).equals(withImage(old)), 'and nothing behind the image');
    const again = await write(dir, `block:${address}${path}`);
    t.match(again.json, { outcome: 'committed', partitions: { rofs: { skipped: 4, programmed: 0 } } });
  }
});

t.test('a bundle is not its own flash', async (t) => {
  const dir = t.testdir();
  const source = join(dir, 'image.bin');
  const again = join(dir, 'again.bin');
  writeFileSync(source, image);
  linkSync(source, again);
  for (const path of [source, again]) {
    const run = await write(dir, `block:rofs=${path}`);
    t.equal(run.code, 2);
    t.match(run.json, { code: 'ERR_USAGE_ARGUMENT', message: /is both the bundle and the flash/ });
  }
  t.ok(readFileSync(source).equals(image));
});

t.test('an image file that somebody writes to is refused; forced, it is written', async (t) => {
  const dir = t.testdir();
  const path = emptyFile(join(dir, 'rofs.img'), MIB);
  const fd = openSync(path, 'r+');
  try {
    const run = await write(dir, `block:${path}`);
    t.equal(run.code, 6);
    t.match(run.json, { code: 'ERR_BUSY_IN_USE', flash: 'untouched' });
    t.match(
      run.json.message,
      new RegExp(`partition rofs is open for writing in .+ \\(pid ${process.pid}\\)`),
    );
    t.ok(readFileSync(path).every((byte) => byte === 0));
    const other = await write(dir, `block:${path}`, '--force-mounted', 'kernel');
    t.match([other.code, other.json.code], [2, 'ERR_USAGE_PARTITION']);
    const config = join(dir, 'config.json');
    writeFileSync(config, JSON.stringify({ forceMounted: ['rofs'] }));
    for (const way of [
      ['--force-mounted', 'rofs'],
      ['--config', config],
    ]) {
      const forced = await write(dir, `block:${path}`, ...way);
      t.equal(forced.code, 0, forced.stderr);
      t.match(forced.json.partitions.rofs.inUse, /^open for writing/);
      t.match(forced.stderr, /partition rofs is open for writing.*it is written all the same/);
    }
    const source = join(dir, 'image.bin');
    const seen = await sluice(['verify', source, ...UNSIGNED, '--flash', `block:${path}`]);
    t.equal(seen.code, 0);
    t.match(seen.stderr, /partition rofs is open for writing.*a write would be refused/);
  } finally {
    closeSync(fd);
  }
});

t.test('addresses that are no device or file are refused', async (t) => {
  const dir = t.testdir();
  const empty = emptyFile(join(dir, 'rofs'), 0);
  for (const [address, exit, code] of [
    ['block:', 2, 'ERR_USAGE_FLASH_ADDRESS'],
    [`block:${dir}`, 2, 'ERR_USAGE_FLASH_ADDRESS'],
    ['block:/dev/null', 2, 'ERR_USAGE_FLASH_ADDRESS'],
    [`block:${dir}/missing`, 5, 'ERR_FLASH_NO_DEVICE'],
    [`block:${empty}`, 5, 'ERR_FLASH_NO_DEVICE'],
  ] as const) {
    const run = await write(dir, address);
    t.match([run.code, run.json.code], [exit, code], address);
  }
});

const lacking = noLoopDevices() ?? noAddon();

function noAddon(): string | null {
  try {
    loadBinding();
    return null;
  } catch (thrown) {
    return `no addon: ${(thrown as Error).message.split('\n')[0]}`;
  }
}

/** Runs with a loop device of 4 MiB, which is always taken down. */
async function withLoop(
  options: readonly string[],
  body: (loop: LoopDevice) => Promise<void>,
): Promise<void> {
  const loop = loopDevice(4 * MIB, ...options);
  try {
    await body(loop);
  } finally {
    loop.free();
  }
}

const onLoop = (name: string, body: (t: Test) => Promise<void>) =>
  t.test(name, { skip: lacking ?? false }, body);

void onLoop('a block device is written, and zeros are left to it to make', (t) =>
  withLoop([], async ({ path, dir }) => {
    const source = join(dir, 'zeros.bin');
    const bytes = Buffer.concat([image, Buffer.alloc(2 * 65_536)]);
    writeFileSync(source, bytes);
    writeFileSync(path, noise(MIB, 3));
    const run = await sluice(['write', source, ...UNSIGNED, '--flash', `block:rofs=${path}`]);
    t.equal(run.code, 0, run.stderr);
    const found = readFileSync(path);
    t.ok(found.subarray(0, bytes.length).equals(bytes));
    t.ok(found.subarray(6 * 65_536, MIB).equals(noise(MIB, 3).subarray(6 * 65_536)), 'the rest is as it was');
  }),
);

void onLoop('a mounted block device is refused; forced, it is written', (t) =>
  withLoop([], async ({ path, dir }) => {
    try {
      execFileSync('mkfs.ext4', ['-q', path], { stdio: 'pipe' });
    } catch (thrown) {
      t.comment(`skipped: mkfs.ext4 does not work here: ${String(thrown)}`);
      return;
    }
    const point = join(dir, 'mounted here');
    mkdirSync(point);
    execFileSync('mount', [path, point]);
    try {
      const run = await write(dir, `block:rofs=${path}`);
      t.equal(run.code, 6, run.stdout);
      t.match(run.json, { code: 'ERR_BUSY_IN_USE', flash: null });
      t.match(run.json.message, `mounted at ${point}`);
      // The file system goes on to write what is its own.
      t.notOk(readFileSync(path).subarray(0, image.length).equals(image));
      const seen = await sluice([
        'verify',
        join(dir, 'image.bin'),
        ...UNSIGNED,
        '--flash',
        `block:rofs=${path}`,
      ]);
      t.equal(seen.code, 0);
      t.match(seen.stderr, `partition rofs is mounted at ${point}; a write would be refused`);
      const forced = await write(dir, `block:rofs=${path}`, '--force-mounted', 'rofs');
      t.equal(forced.code, 0, forced.stderr);
      t.equal(forced.json.partitions.rofs.inUse, `mounted at ${point}`);
      t.ok(readFileSync(path).subarray(0, image.length).equals(image));
    } finally {
      execFileSync('umount', [point]);
    }
  }),
);

void onLoop('the file under a loop device is refused', (t) =>
  withLoop([], async ({ path, dir }) => {
    const run = await write(dir, `block:rofs=${join(dir, 'disk.img')}`);
    t.equal(run.code, 6);
    t.equal(run.json.message, `partition rofs is set up as ${path.replace('/dev/', '')}`);
  }),
);

void onLoop('a read-only block device is refused', (t) =>
  withLoop(['--read-only'], async ({ path, dir }) => {
    const run = await write(dir, `block:rofs=${path}`);
    t.match([run.code, run.json.code], [5, 'ERR_FLASH_READ_ONLY'], run.stdout);
    const source = join(dir, 'image.bin');
    const seen = await sluice(['verify', source, ...UNSIGNED, '--flash', `block:rofs=${path}`]);
    t.equal(seen.code, 0, 'and can be compared with');
    t.match(seen.json.willChange.rofs, { blocks: 4, unchanged: 0 });
  }),
);
