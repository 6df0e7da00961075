// Tarballs as the tools in the field make them, and what they make of ours.
import t, { type Test } from 'tap';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { tarEnd, tarHeader, tarPadding } from '../../../../../src/core/bundle/tar/tar-writer.js';
import { pieces, readAll, readChunks } from '../../../../kit/tar-maker.js';

const says = (command: string, ...args: string[]) => {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return `${stdout ?? ''}${stderr ?? ''}`;
};
const gnu = /GNU tar/.test(says('tar', '--version')) ? {} : { skip: 'GNU tar is not installed' };
const bsd = /bsdtar/.test(says('bsdtar', '--version')) ? {} : { skip: 'bsdtar is not installed' };
const busybox = /BusyBox/.test(says('busybox', 'tar', '--help')) ? {} : { skip: 'busybox is not installed' };

const FILES: Record<string, Buffer> = {
  'image-u-boot': Buffer.alloc(1300, 0xa5),
  'image-kernel': Buffer.alloc(70_001, 0x5a),
  'image-rwfs': Buffer.alloc(8192, 0xff),
  MANIFEST: Buffer.from('purpose=x\nversion=2.19.0\n'),
  'MANIFEST.sig': Buffer.alloc(512, 0x11),
  empty: Buffer.alloc(0),
};

function folder(t: Test): string {
  const dir = t.testdir({});
  mkdirSync(join(dir, 'in'));
  for (const [name, bytes] of Object.entries(FILES)) writeFileSync(join(dir, 'in', name), bytes);
  return dir;
}

/** Packs and gives the tarball; runs in the folder with the files. */
function pack(dir: string, command: string, ...args: string[]): Buffer {
  const out = join(dir, 'out.tar');
  execFileSync(
    command,
    args.map((arg) => (arg === 'OUT' ? out : arg)),
    { cwd: join(dir, 'in'), stdio: 'pipe' },
  );
  return readFileSync(out);
}

async function holdsTheFiles(t: Test, bytes: Uint8Array) {
  const whole = await readAll(bytes);
  t.strictSame(Object.fromEntries(whole.map(({ name, data }) => [name, data])), FILES);
  t.strictSame(await readChunks(pieces(bytes, 1021)), whole);
}

const names = Object.keys(FILES);

t.test('GNU tar', gnu, async (t) => {
  const dir = folder(t);
  for (const format of ['gnu', 'oldgnu', 'ustar', 'pax', 'posix']) {
    await holdsTheFiles(t, pack(dir, 'tar', '-h', `--format=${format}`, '-cf', 'OUT', ...names));
    await holdsTheFiles(t, pack(dir, 'tar', `--format=${format}`, '-cf', 'OUT', '.'));
  }
  const attributes = ['--format=pax', '--pax-option=comment=hello,globexthdr.name=g,mtime=123'];
  await holdsTheFiles(t, pack(dir, 'tar', ...attributes, '-cf', 'OUT', ...names));
});

t.test('GNU tar in the V7 format is refused', gnu, async (t) => {
  const bytes = pack(folder(t), 'tar', '--format=v7', '-cf', 'OUT', ...names);
  await t.rejects(readAll(bytes), { code: 'ERR_BUNDLE_TAR_HEADER' });
});

t.test('GNU tar with long names', gnu, async (t) => {
  const dir = folder(t);
  const name = 'k'.repeat(100);
  writeFileSync(join(dir, 'in', name), 'long');
  writeFileSync(join(dir, 'in', `${name}k`), 'too long');
  for (const format of ['gnu', 'pax']) {
    const members = await readAll(pack(dir, 'tar', `--format=${format}`, '-cf', 'OUT', `./${name}`));
    t.strictSame(
      members.map(({ name, data }) => [name, data.toString()]),
      [[name, 'long']],
    );
    const tooLong = pack(dir, 'tar', `--format=${format}`, '-cf', 'OUT', `${name}k`);
    await t.rejects(readAll(tooLong), { code: 'ERR_BUNDLE_TAR_NAME' });
    t.equal((await readAll(tooLong, { name: 101 }))[0]?.name, `${name}k`);
  }
});

t.test('GNU tar with a size in base-256 or pax, from a file of 8 GiB with nothing in it', gnu, async (t) => {
  const dir = folder(t);
  closeSync(openSync(join(dir, 'in', 'huge'), 'w'));
  execFileSync('truncate', ['-s', String(2 ** 33), join(dir, 'in', 'huge')]);
  for (const format of ['gnu', 'pax']) {
    // Only the head of what tar writes is wanted; the pipe is closed on the rest.
    const { stdout } = spawnSync('tar', [`--format=${format}`, '-cf', '-', 'huge'], {
      cwd: join(dir, 'in'),
      maxBuffer: 65_536,
    });
    await t.rejects(readAll(stdout.subarray(0, 8192)), {
      code: 'ERR_SOURCE_TRUNCATED',
      message: /before the end of huge, which has 8589934592/,
    });
  }
});

t.test('GNU tar with anything but plain files', gnu, async (t) => {
  const dir = folder(t);
  const at = (name: string) => join(dir, 'in', name);
  symlinkSync('image-kernel', at('symlink'));
  linkSync(at('image-kernel'), at('hardlink'));
  mkdirSync(at('dir'));
  execFileSync('mkfifo', [at('fifo')]);
  const sparse = openSync(at('sparse'), 'w');
  writeSync(sparse, 'x', 4 * 1024 * 1024);
  closeSync(sparse);
  for (const format of ['gnu', 'pax']) {
    for (const args of [['symlink'], ['image-kernel', 'hardlink'], ['dir'], ['fifo'], ['-S', 'sparse']]) {
      const bytes = pack(dir, 'tar', `--format=${format}`, '-cf', 'OUT', ...args);
      await t.rejects(readAll(bytes), { code: 'ERR_BUNDLE_TAR_TYPE' }, `${format} ${args.join(' ')}`);
    }
  }
  const old = pack(dir, 'tar', '--format=pax', '--sparse-version=0.0', '-S', '-cf', 'OUT', 'sparse');
  await t.rejects(readAll(old), { code: 'ERR_BUNDLE_TAR_TYPE' });
  const label = (format: string) =>
    readAll(pack(dir, 'tar', `--format=${format}`, '-V', 'label', '-cf', 'OUT', 'empty'));
  await t.rejects(label('gnu'), { code: 'ERR_BUNDLE_TAR_HEADER' }, 'a volume label has no magic');
  t.equal((await label('pax')).length, 1, 'in pax it is a global key that says nothing about the member');
  const followed = await readAll(pack(dir, 'tar', '-h', '-cf', 'OUT', 'symlink'));
  t.strictSame(followed[0]?.data, FILES['image-kernel'], 'with -h a link is a plain file');
});

t.test('GNU tar with folders, twice the same, and absolute names', gnu, async (t) => {
  const dir = folder(t);
  const tar = (...args: string[]) => readAll(pack(dir, 'tar', '-cf', 'OUT', ...args));
  await t.rejects(tar('../in/empty', '-P'), { code: 'ERR_BUNDLE_TAR_NAME' });
  await t.rejects(tar('-P', join(dir, 'in', 'empty')), { code: 'ERR_BUNDLE_TAR_NAME' });
  await t.rejects(tar('--transform=s,^,sub/,', 'empty'), { code: 'ERR_BUNDLE_TAR_NAME' });
  await t.rejects(tar('--hard-dereference', 'empty', 'empty'), { code: 'ERR_BUNDLE_TAR_DUPLICATE' });
});

t.test('bsdtar', bsd, async (t) => {
  const dir = folder(t);
  for (const format of ['ustar', 'pax', 'gnutar', 'rpax']) {
    await holdsTheFiles(t, pack(dir, 'bsdtar', '--format', format, '-cf', 'OUT', ...names));
    await holdsTheFiles(t, pack(dir, 'bsdtar', '--format', format, '-cf', 'OUT', '.'));
  }
  for (const format of ['v7tar', 'cpio']) {
    const bytes = pack(dir, 'bsdtar', '--format', format, '-cf', 'OUT', 'MANIFEST', 'image-kernel');
    await t.rejects(readAll(bytes), { code: 'ERR_BUNDLE_TAR_HEADER' }, format);
  }
  symlinkSync('image-kernel', join(dir, 'in', 'symlink'));
  await t.rejects(readAll(pack(dir, 'bsdtar', '-cf', 'OUT', 'symlink')), { code: 'ERR_BUNDLE_TAR_TYPE' });
});

t.test('busybox tar', busybox, async (t) => {
  const dir = folder(t);
  await holdsTheFiles(t, pack(dir, 'busybox', 'tar', '-cf', 'OUT', ...names));
  await holdsTheFiles(t, pack(dir, 'busybox', 'tar', '-cf', 'OUT', '.'));
});

t.test('what the writer makes is unpacked', async (t) => {
  const dir = folder(t);
  const parts = Object.entries(FILES).flatMap(([name, bytes]) => [
    tarHeader(name, bytes.length),
    bytes,
    tarPadding(bytes.length),
  ]);
  const body = Buffer.concat(parts);
  writeFileSync(join(dir, 'ours.tar'), Buffer.concat([body, tarEnd(body.length)]));
  const tools = [
    [gnu, 'tar'],
    [bsd, 'bsdtar'],
    [busybox, 'busybox', 'tar'],
  ] as const;
  for (const [option, command, ...args] of tools) {
    await t.test(`by ${command}`, option, (t) => {
      const into = join(dir, command);
      mkdirSync(into);
      const unpack = spawnSync(command, [...args, '-xf', join(dir, 'ours.tar'), '-C', into], {
        encoding: 'utf8',
      });
      t.strictSame([unpack.status, unpack.stderr], [0, ''], 'without a word of complaint');
      for (const [name, bytes] of Object.entries(FILES))
        t.strictSame(readFileSync(join(into, name)), bytes, name);
      t.end();
    });
  }
});
