import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { partitionLabel, usersOfBlock, usersOfFile } from '../../../../../src/host/node/flash/in-use.js';
import { fakeSystem, mount, process, type Files } from '../../../../kit/fake-system.js';
import { deviceId } from '../../../../../src/host/node/fs/node-files.js';

const DISK = 'sys/devices/mmc0/block/mmcblk0';
/** An eMMC with two partitions. */
const EMMC: Files = {
  [`${DISK}/dev`]: '179:0\n',
  [`${DISK}/mmcblk0p1/dev`]: '179:1\n',
  [`${DISK}/mmcblk0p1/partition`]: '1\n',
  [`${DISK}/mmcblk0p1/uevent`]: 'MAJOR=179\nPARTN=1\nPARTNAME=rofs-a\n',
  [`${DISK}/mmcblk0p2/dev`]: '179:2\n',
  [`${DISK}/mmcblk0p2/partition`]: '2\n',
  'sys/dev/block/179:0': { link: '../../devices/mmc0/block/mmcblk0' },
  'sys/dev/block/179:1': { link: '../../devices/mmc0/block/mmcblk0/mmcblk0p1' },
  'sys/dev/block/179:2': { link: '../../devices/mmc0/block/mmcblk0/mmcblk0p2' },
};
const uses = (id: string, files: Files = {}): string | null =>
  usersOfBlock(id, fakeSystem(t.testdir(), { ...EMMC, ...files }));

const usesOfFile = (path: string, files: Files): string | null =>
  usersOfFile(path, fakeSystem(t.testdir(), files));

t.test('nothing uses it', (t) => {
  for (const id of ['179:0', '179:1', '179:2']) t.equal(uses(id), null);
  t.end();
});

t.test('a partition is used by what uses it or its disk, and not by what uses its neighbour', (t) => {
  const mounted = { 'proc/77/mountinfo': mount('179:1', '/ro', 'ext4', '/dev/root') };
  t.equal(uses('179:1', mounted), 'mounted at /ro');
  t.equal(uses('179:2', mounted), null);
  t.equal(uses('179:0', mounted), 'covering mmcblk0p1, which is mounted at /ro');
  const open = process(9, 'fdisk', '/dev/mmcblk0');
  t.equal(uses('179:1', open), 'part of mmcblk0, which is open for writing in fdisk (pid 9)');
  t.end();
});

t.test('swap, holders, loop devices and Btrfs are users', (t) => {
  t.equal(uses('179:2', { 'proc/swaps': 'Filename\n/dev/mmcblk0p2 partition 1 0 -2\n' }), 'used as swap');
  t.equal(uses('179:2', { 'sys/class/block/mmcblk0p2/holders/md127': '' }), 'held by md127');
  const loop = { 'sys/class/block/loop0/loop/backing_file': '/dev/mmcblk0p2\n' };
  t.equal(uses('179:2', loop), 'set up as loop0');
  const btrfs = { 'sys/fs/btrfs/c0ffee/devices/mmcblk0p2': '' };
  t.equal(uses('179:2', btrfs), 'in use by the Btrfs c0ffee');
  t.equal(uses('179:1', btrfs), null);
  t.end();
});

t.test('a partition of a loop device is used by what uses the file below', (t) => {
  const image = join(t.testdir(), 'disk.img');
  writeFileSync(image, 'x');
  const loop: Files = {
    'sys/devices/virtual/block/loop0/dev': '7:0\n',
    'sys/devices/virtual/block/loop0/loop0p1/dev': '259:0\n',
    'sys/devices/virtual/block/loop0/loop0p1/partition': '1\n',
    'sys/dev/block/259:0': { link: '../../devices/virtual/block/loop0/loop0p1' },
    'sys/class/block/loop0/loop/backing_file': `${image}\n`,
  };
  t.equal(uses('259:0', loop), null);
  const other = { 'sys/class/block/loop1/loop/backing_file': `${image}\n` };
  t.match(
    uses('259:0', { ...loop, ...other }),
    /^part of loop0, which is on .*disk\.img, which is set up as loop1$/,
  );
  t.end();
});

t.test('a device that sysfs does not know is not called free', (t) => {
  t.match(uses('8:1'), /^perhaps in use.*sysfs has no block device 8:1/);
  t.match(uses('../../x'), /^perhaps in use/);
  t.match(uses('179:1', { [`${DISK}/mmcblk0p1/dev`]: 'x\n' }), /^perhaps in use.*does not name a device/);
  t.end();
});

t.test('a partition label comes from the partition table', (t) => {
  const roots = fakeSystem(t.testdir(), EMMC);
  t.equal(partitionLabel('179:1', roots), 'rofs-a');
  t.equal(partitionLabel('179:2', roots), null);
  t.equal(partitionLabel('9:9', { ...roots, sys: '/nowhere' }), null);
  t.end();
});

t.test('a file is used by loop devices, swap and writers', (t) => {
  const dir = t.testdir();
  const image = join(dir, 'disk.img');
  writeFileSync(image, 'x');
  const using = (files: Files): string | null => usesOfFile(image, files);
  t.equal(using({}), null);
  t.equal(using({ 'sys/class/block/loop1/loop/backing_file': `${image}\n` }), 'set up as loop1');
  t.equal(using({ 'sys/class/block/loop1/loop/backing_file': '/other\n' }), null);
  t.equal(using({ 'proc/swaps': `Filename\n${image} file 1 0 -2\n` }), 'used as swap');
  t.equal(using(process(9, 'qemu', image)), 'open for writing in qemu (pid 9)');
  t.equal(using(process(9, 'qemu', image, '0100000')), null);
  t.match(usesOfFile(join(dir, 'gone'), {}), /^perhaps in use/);
  t.match(
    using({ 'sys/class/block/loop1/loop/backing_file': '/other (deleted)\n' }),
    /^perhaps in use/,
    'a file that has lost one name may be this one by another',
  );
  const odd = join(dir, 'odd (deleted)');
  writeFileSync(odd, 'x');
  t.equal(usesOfFile(odd, { 'sys/class/block/loop1/loop/backing_file': `${odd}\n` }), 'set up as loop1');
  const blank = join(dir, 'blank ');
  writeFileSync(blank, 'x');
  t.equal(usesOfFile(blank, { 'sys/class/block/loop1/loop/backing_file': `${blank}\n` }), 'set up as loop1');
  t.end();
});

t.test('device numbers are cut as the kernel cuts them', (t) => {
  t.equal(deviceId(0x1f05), '31:5');
  t.equal(deviceId(0x10012c07), '300:65543');
  t.end();
});
