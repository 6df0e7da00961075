import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { usersOfMtd, type MtdNode } from '../../../../../src/host/node/flash/in-use.js';
import { fakeSystem, mount, process, type Files } from '../../../../kit/fake-system.js';

const MIB = 1 << 20;

/** A partition of mtd0, or with `parent: null` something beside it. */
function mtd(
  index: number,
  name: string,
  offset: number | null,
  size: number,
  more: Partial<MtdNode> = {},
): MtdNode {
  return {
    index,
    name,
    type: 'nor',
    flags: 0x400,
    size,
    eraseSize: 65_536,
    writeSize: 1,
    offset,
    parent: 0,
    siblingsOf: '/sys/devices/spi0.0/mtd/mtd0',
    major: 90,
    minor: index * 2,
    ...more,
  };
}

const chip = mtd(0, 'bmc', null, 32 * MIB, { parent: null, siblingsOf: '/sys/devices/spi0.0' });
const boot = mtd(1, 'u-boot', 0, MIB);
const kernel = mtd(4, 'kernel', MIB, 4 * MIB);
const rwfs = mtd(5, 'rwfs', 28 * MIB, 4 * MIB);
const all = [chip, boot, kernel, rwfs];

/** What is said of `entry` in a system with these files. */
const uses = (files: Files, entry: MtdNode = rwfs, among: readonly MtdNode[] = all): string | null =>
  usersOfMtd(entry, among, fakeSystem(t.testdir(), files));

const mountinfo = (...lines: string[]): Files => ({ 'proc/77/mountinfo': lines.join('') });

t.test('nothing uses it', (t) => {
  t.equal(uses({}), null);
  const others = mountinfo(
    mount('31:4', '/boot', 'squashfs', '/dev/mtdblock4'),
    mount('0:9', '/x', 'ubifs', 'ubi0:a'),
  );
  t.equal(uses(others), null, 'mounts of others');
  t.equal(uses(process(9, 'dd', '/dev/mtd5', '0100000')), null, 'open for reading');
  t.equal(uses(process(9, 'dd', '/dev/mtd55')), null, 'a name that begins the same');
  t.equal(uses({ ...process(77, 'sluice', '/dev/mtd5') }), null, 'this process itself');
  t.end();
});

t.test('every way to use it is told', (t) => {
  const ways: Record<string, [files: Files, use: string]> = {
    'JFFS2, by its device': [mountinfo(mount('31:5', '/rw', 'jffs2', 'whatever')), 'mounted at /rw'],
    'by name of the MTD': [mountinfo(mount('0:40', '/rw', 'jffs2', 'mtd:rwfs')), 'mounted at /rw'],
    'by number of the MTD': [mountinfo(mount('0:40', '/rw', 'jffs2', 'mtd5')), 'mounted at /rw'],
    'by block device': [mountinfo(mount('0:40', '/rw', 'fuse', '/dev/mtdblock5')), 'mounted at /rw'],
    'at a point with a space': [
      mountinfo(mount('31:5', '/a\\040b\\134c', 'jffs2', 'mtd5')),
      'mounted at /a b\\c',
    ],
    'with a space in its name': [mountinfo(mount('0:40', '/rw', 'jffs2', 'mtd:rw\\040fs')), 'mounted at /rw'],
    UBI: [{ 'sys/class/ubi/ubi2/mtd_num': '5\n', 'sys/class/ubi/version': '1\n' }, 'attached to UBI as ubi2'],
    swap: [{ 'proc/swaps': 'Filename\n/dev/mtdblock5   partition\t8188\t0\t-2\n' }, 'used as swap'],
    'device mapper': [
      { 'sys/class/block/mtdblock5/holders/dm-0': '', 'sys/class/block/dm-0/dm/name': 'vault\n' },
      'held by dm-0 (vault)',
    ],
    md: [{ 'sys/class/block/mtdblock5/holders/md0': '' }, 'held by md0'],
    'a loop device': [{ 'sys/class/block/loop3/loop/backing_file': '/dev/mtdblock5\n' }, 'set up as loop3'],
    'a writer': [
      process(312, 'mtdblock-daemon', '/dev/mtd5'),
      'open for writing in mtdblock-daemon (pid 312)',
    ],
    'a writer only': [
      process(312, 'flashcp', '/dev/mtdblock5', '01'),
      'open for writing in flashcp (pid 312)',
    ],
    'a writer whose node was removed': [
      process(312, 'flashcp', '/dev/mtd5 (deleted)'),
      'open for writing in flashcp (pid 312)',
    ],
    'somebody of whom the kernel does not say how': [
      { ...process(312, 'flashcp', '/dev/mtd5', '0'), 'proc/312/fdinfo/3': 'pos: 0\n' },
      'open for writing in flashcp (pid 312)',
    ],
    'a mount in another namespace': [
      {
        'proc/77/ns/mnt': { link: 'mnt:[1]' },
        'proc/80/ns/mnt': { link: 'mnt:[1]' },
        'proc/80/mountinfo': 'never read, as it is the same\n',
        'proc/81/ns/mnt': { link: 'mnt:[2]' },
        'proc/81/mountinfo': mount('31:5', '/inner', 'jffs2', 'mtd5'),
      },
      'mounted at /inner',
    ],
  };
  for (const [name, [files, use]] of Object.entries(ways)) {
    const entry = name === 'with a space in its name' ? { ...rwfs, name: 'rw fs' } : rwfs;
    t.equal(uses(files, entry, [chip, boot, kernel, entry]), use, name);
  }
  t.end();
});

t.test('several users are told together, each once, and not without end', (t) => {
  const two = mountinfo(mount('31:5', '/rw', 'jffs2', 'mtd5'), mount('31:5', '/rw', 'jffs2', 'mtd5'));
  t.equal(
    uses({ ...two, ...process(9, 'dd', '/dev/mtd5') }),
    'mounted at /rw and open for writing in dd (pid 9)',
  );
  const many = mountinfo(...[1, 2, 3, 4, 5, 6].map((n) => mount('31:5', `/m${n}`, 'jffs2', 'mtd5')));
  t.equal(
    uses(many),
    'mounted at /m1 and mounted at /m2 and mounted at /m3 and mounted at /m4 and used in 2 more ways',
  );
  t.end();
});

t.test('the chip is in use when a part of it is, and a part when the chip is', (t) => {
  const mounted = mountinfo(mount('31:5', '/rw', 'jffs2', 'mtd5'));
  t.equal(uses(mounted, chip), 'covering mtd5 "rwfs", which is mounted at /rw');
  t.equal(uses(mounted, kernel), null, 'its neighbour is not');
  const open = process(9, 'flashcp', '/dev/mtd0');
  t.equal(uses(open, kernel), 'part of mtd0 "bmc", which is open for writing in flashcp (pid 9)');
  t.end();
});

t.test('parts of parts, and parts that overlap, are found by their places', (t) => {
  const image = mtd(6, 'image', 2 * MIB, 8 * MIB);
  const inner = mtd(7, 'inner', MIB, MIB, { parent: 6, siblingsOf: '/sys/devices/spi0.0/mtd/mtd6' });
  const among = [chip, boot, kernel, rwfs, image, inner];
  const innerUsed = process(9, 'dd', '/dev/mtd7');
  t.match(uses(innerUsed, chip, among), /^covering mtd7 "inner"/, 'two levels down');
  t.match(uses(innerUsed, image, among), /^covering mtd7 "inner"/);
  t.match(
    uses(innerUsed, kernel, among),
    /^overlapped by mtd7 "inner"/,
    'kernel is 1 to 5 MiB, inner 3 to 4 MiB',
  );
  t.equal(uses(innerUsed, boot, among), null, 'u-boot ends before it');
  t.match(uses(process(9, 'dd', '/dev/mtd4'), inner, among), /^overlapped by mtd4 "kernel"/);
  t.end();
});

t.test('where sysfs does not tell the chip, what could overlap counts', (t) => {
  const beside = { parent: null, siblingsOf: '/sys/devices/platform/smc' };
  const a = mtd(1, 'a', 0, MIB, beside);
  const b = mtd(2, 'b', MIB, MIB, beside);
  const c = mtd(3, 'c', MIB / 2, MIB, beside);
  const used = process(9, 'dd', '/dev/mtd1');
  t.equal(uses(used, b, [a, b]), null, 'side by side');
  t.equal(
    uses(used, c, [a, b, c]),
    'perhaps overlapped by mtd1 "a", which is open for writing in dd (pid 9)',
    'by their offsets',
  );
  const whole = mtd(0, 'whole', null, 4 * MIB, beside);
  t.match(uses(used, whole, [whole, a]), /^perhaps overlapped by mtd1/, 'one that is no partition');
  t.match(uses(process(9, 'dd', '/dev/mtd0'), b, [whole, a, b]), /^perhaps overlapped by mtd0 "whole"/);
  const second = mtd(9, 'second', null, 4 * MIB, beside);
  t.equal(uses(process(9, 'dd', '/dev/mtd0'), second, [whole, a, second]), null, 'two chips');
  t.match(
    uses(process(9, 'dd', '/dev/mtd0'), second, [whole, second]),
    /^perhaps overlapped/,
    'on a kernel that tells no offsets',
  );
  const others: Partial<MtdNode>[] = [
    { type: 'nand' },
    { eraseSize: 4096 },
    { writeSize: 2 },
    { siblingsOf: '/sys/devices/x' },
  ];
  for (const other of others) {
    t.equal(uses(used, { ...whole, ...other }, [{ ...whole, ...other }, a]), null, JSON.stringify(other));
  }
  t.end();
});

t.test('what cannot be read or understood is never taken for none', (t) => {
  const doubts: Record<string, Files> = {
    'a short line': { 'proc/77/mountinfo': '22 27 0:21 / /proc\n' },
    'no dash': { 'proc/77/mountinfo': '22 27 0:21 / /proc rw shared:1 ext4 /dev/vda rw\n' },
    'a device that is none': { 'proc/77/mountinfo': mount('x:5', '/rw', 'jffs2', 'mtd5') },
    'a point that is no path': { 'proc/77/mountinfo': mount('31:5', 'rw', 'jffs2', 'mtd5') },
    'an empty line': { 'proc/77/mountinfo': `\n${mount('254:0', '/', 'ext4', '/dev/vda')}` },
    'a swap without a kind': { 'proc/swaps': 'Filename\n/dev/mtdblock5\n' },
    'a swap that is no path': { 'proc/swaps': 'Filename\nswap partition 1 2 3\n' },
    'an MTD number that is none': { 'sys/class/ubi/ubi0/mtd_num': '-1\n' },
    'no MTD number': { 'sys/class/ubi/ubi0/dev': '1:2\n' },
  };
  for (const [name, files] of Object.entries(doubts)) {
    t.match(uses(files), /^perhaps in use, which cannot be known: /, name);
  }
  const roots = fakeSystem(t.testdir(), {});
  for (const [name, broken] of Object.entries({
    'no /proc': { ...roots, proc: '/nowhere' },
    'no /sys': { ...roots, sys: '/nowhere' },
  })) {
    t.match(usersOfMtd(rwfs, all, broken), /^perhaps in use/, name);
  }
  const folder = fakeSystem(t.testdir(), {});
  mkdirSync(join(folder.sys, 'class/ubi/ubi0/mtd_num'), { recursive: true });
  t.match(usersOfMtd(rwfs, all, folder), /^perhaps in use.*EISDIR/, 'one that cannot be read');
  t.match(uses({}, rwfs, [rwfs]), /mtd0.*is not listed/, 'a parent that is not there');
  const loop = [mtd(1, 'a', 0, MIB, { parent: 2 }), mtd(2, 'b', 0, MIB, { parent: 1 })] as const;
  t.match(uses({}, loop[0], loop), /within itself/);
  t.match(
    uses({}, kernel, [chip, { ...kernel, offset: null }]),
    null,
    'only the entry that was given counts',
  );
  t.match(uses({}, { ...kernel, offset: null }, all), /it is not told where/);
  t.end();
});
