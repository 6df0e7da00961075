/**
 * The C below the addon (native-shims/node-mtd/kernel) without Node: it compiles alone, and a plain C program gets
 * results and errors from it.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { FakeBoard, fakeMtdLibrary } from '../kit/fake-mtd.js';
import { compiler } from './addon.js';

const ADDON = fileURLToPath(new URL('../../native-shims/node-mtd', import.meta.url));
const KERNEL = join(ADDON, 'kernel');
const HOST = fileURLToPath(new URL('kernel-host.c', import.meta.url));
const STRICT = ['-std=c11', '-Wall', '-Wextra', '-Werror'];
const BLOCK = 4096;
const LEB = 3584;

const [cc = '', ...options] = compiler()?.split(' ') ?? [];
const library = fakeMtdLibrary();
const noCompiler = cc === '' && 'there is no C compiler';
const skip = noCompiler || ('missing' in library && library.missing);

const compile = (...args: string[]): string =>
  execFileSync(cc, [...options, ...STRICT, ...args], { encoding: 'utf8', stdio: 'pipe' });

const filesOf = (folder: string, ending: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));

t.test(
  'each source and each header compiles alone, without the headers of Node',
  { skip: noCompiler },
  (t) => {
    const folder = t.testdir();
    const sources = filesOf(KERNEL, '.c');
    t.ok(sources.length > 0);
    for (const source of sources) {
      t.doesNotThrow(() => compile('-c', '-o', join(folder, 'object.o'), source), source);
      const included = compile('-M', source);
      t.notMatch(included, /node_api|v8\.h|uv\.h/, `${source} includes nothing of Node`);
      t.notMatch(included, /node-mtd\/napi/, `${source} includes nothing of the glue`);
    }
    for (const header of filesOf(KERNEL, '.h')) {
      t.doesNotThrow(() => compile('-fsyntax-only', '-x', 'c', '-include', header, '/dev/null'), header);
    }
    t.end();
  },
);

t.test('the glue makes no system calls of its own', (t) => {
  for (const source of [...filesOf(join(ADDON, 'napi'), '.c'), ...filesOf(join(ADDON, 'napi'), '.h')]) {
    t.notMatch(readFileSync(source, 'utf8'), /#include <(unistd|fcntl|sys\/|linux\/|mtd\/)/, source);
  }
  t.end();
});

/** Builds the host, and gives a function that runs commands on a board. */
function host(t: Test): { readonly board: FakeBoard; run: (...commands: string[]) => Promise<string[]> } {
  if ('missing' in library) throw new Error(library.missing);
  const folder = t.testdir();
  const program = join(mkdtempSync(join(folder, 'host-')), 'kernel-host');
  compile('-o', program, HOST, ...filesOf(KERNEL, '.c'));
  const board = new FakeBoard(folder, library.path);
  const run = async (...commands: string[]): Promise<string[]> => {
    const { code, signal, stdout, stderr } = await board.run(program, commands);
    t.equal(signal ?? code, 0, stderr);
    return stdout.trimEnd().split('\n');
  };
  return { board, run };
}

t.test('a C program writes NOR and NAND, and gets every errno with its system call', { skip }, async (t) => {
  const { board, run } = host(t);
  board.addMtd({ name: 'nor', type: 'nor', size: 8 * BLOCK, eraseSize: BLOCK, locked: [7] });
  board.addMtd({ name: 'nand', type: 'nand', size: 8 * BLOCK, eraseSize: BLOCK, bad: [2] });
  board.addMtd({
    name: 'old',
    type: 'nor',
    size: 8 * BLOCK,
    eraseSize: BLOCK,
    lock: 'ENOTTY',
    erase64: false,
  });
  board.addMtd({ name: 'big', type: 'nor', size: 5 * 2 ** 30, eraseSize: 65536, locked: [] });
  const page = '5a'.repeat(32);
  t.same(
    await run(
      'open /dev/mtd0 w',
      'identify',
      'info',
      'erase 0 8192',
      'write 1 413c',
      'read 0 4',
      'compare 0 ff413cff',
      'compare 0 0f413cff',
      'compare 0 ffff3cff',
      `compare 32760 ${page}`,
      'erase 1 4096',
      'erase 28672 4096',
      'write 32767 0000',
      'read 32767 2',
      'is_locked 28672 4096',
      'unlock 28672 4096',
      'is_locked 28672 4096',
      'lock 0 4294967297',
      'try_lock exclusive',
      'sync',
      'block_info',
      'start_update 1',
      'close',
      'read 0 1',
    ),
    [
      'ok',
      'ok 0 90:0 0',
      'ok type 3 flags 0xc00 size 32768 erase 4096 write 1 oob 0',
      'ok',
      'ok',
      'ok ff413cff',
      'ok 0',
      'ok 1',
      'ok 2',
      'ENODATA pread',
      'EINVAL MEMERASE64',
      'EROFS MEMERASE64',
      'EROFS pwrite',
      'ENODATA pread',
      'ok yes',
      'ok',
      'ok no',
      'EOVERFLOW MEMLOCK',
      'ok yes',
      'ok',
      'ENOTTY BLKGETSIZE64',
      'ENOTTY UBI_IOCVOLUP',
      'ok',
      'EBADF pread',
    ],
  );
  t.same(
    await run(
      'open /dev/mtd1 w',
      'is_bad 8192',
      'is_bad 12288',
      'mark_bad 12288',
      'ecc',
      'erase 8192 4096',
      'write 256 00',
    ),
    ['ok', 'ok yes', 'ok no', 'ok', 'ok 0 0 2 0', 'EIO MEMERASE64', 'EINVAL pwrite'],
  );
  t.same(
    await run(
      'open /dev/mtd2 w',
      'write 0 00',
      'erase 0 4096',
      'read 0 1',
      'unlock 0 4096',
      'erase 4294967296 4096',
    ),
    ['ok', 'ok', 'ok', 'ok ff', 'ENOTTY MEMUNLOCK', 'EOVERFLOW MEMERASE64'],
  );
  t.same(
    await run('open /dev/mtd3 w', `write ${5 * 2 ** 30 - 3} 010203`, `read ${5 * 2 ** 30 - 4} 4`),
    ['ok', 'ok', 'ok ff010203'],
    'offsets have 64 bits',
  );
  t.same(await run('open /dev/mtd9', 'open /dev/mtd0', 'write 0 00', 'erase 0 4096'), [
    "ENOENT: No such file or directory, open '/dev/mtd9'",
    'ok',
    'EBADF pwrite',
    'EPERM MEMERASE64',
  ]);
  board.faults('erase mtd0 1 1 * errno EIO', 'read mtd0 * 1 1 errno EBADMSG', 'write mtd0 * 1 1 short 1');
  t.same(
    await run('open /dev/mtd0 w', 'erase 0 8192', 'read 0 1', 'write 0 0102', 'read 0 2'),
    ['ok', 'EIO MEMERASE64', 'EBADMSG pread', 'ok', 'ok 0102'],
    'failures of the chip come through; a short write is continued',
  );
});

t.test('a C program updates UBI volumes', { skip }, async (t) => {
  const { board, run } = host(t);
  board.addMtd({ name: 'ubi', type: 'nand', size: 32 * BLOCK, eraseSize: BLOCK });
  board.addVolume({ volume: 0, name: 'rwfs', lebs: 6, lebSize: LEB });
  board.addVolume({ volume: 1, name: 'rofs', type: 'static', lebs: 6, lebSize: LEB });
  t.same(
    await run(
      'open /dev/ubi0_0 w',
      'start_update 3',
      'append 0102',
      'append 03',
      'read 0 4',
      'is_mapped 0',
      'change_leb 0 f0',
      'read 0 1',
      'change_leb 6 f0',
      'unmap_leb 0',
      'is_mapped 0',
      'erase_leb 1',
      'write 0 00',
      'direct_write 1',
      'write 1 00',
      'info',
    ),
    [
      'ok',
      'ok',
      'ok',
      'ok',
      'ok 010203ff',
      'ok yes',
      'ok',
      'ok f0',
      'EINVAL UBI_IOCEBCH',
      'ok',
      'ok no',
      'ok',
      'EPERM pwrite',
      'ok',
      'EINVAL pwrite',
      'ENOTTY MEMGETINFO',
    ],
  );
  t.same(
    await run(
      'open /dev/ubi0_1 w',
      'change_leb 0 00',
      'start_update 2',
      'append 00',
      'close',
      'open /dev/ubi0_1',
      'read 0 1',
    ),
    ['ok', 'EROFS UBI_IOCEBCH', 'ok', 'ok', 'ok', 'ok', 'EBADF pread'],
    'the update was interrupted',
  );
});

t.test('a C program works on files, and gets the errors of what they lack', { skip }, async (t) => {
  const { board, run } = host(t);
  board.putFile('dev/image', 'content');
  t.same(
    await run(
      'open /dev/image w',
      'identify',
      'write 0 6b',
      'settle 0 7',
      'read 0 7',
      'discard 0 512',
      'zero 0 512',
      'mark_bad 0',
      'is_bad 0',
      'open /dev/null w',
      'settle 0 1',
    ),
    [
      'ok',
      'ok 2 0:0 7',
      'ok',
      'ok',
      'ok 6b6f6e74656e74',
      'ENOTTY BLKDISCARD',
      'ENOTTY BLKZEROOUT',
      'ENOTTY MEMSETBADBLOCK',
      'ENOTTY MEMGETBADBLOCK',
      'ok',
      'ESPIPE sync_file_range',
    ],
  );
});
