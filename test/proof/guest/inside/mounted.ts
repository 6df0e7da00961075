/** What is in use is refused before anything is erased; what the user names is written all the same. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { part, SMALL } from '../layout.js';
import { DISK, single as singleOnDisk } from './disk.js';
import { load, loadNor, mtdNamed, readAll, type Mtd } from './mtd.js';
import { tool } from './run.js';
import type { Scenario } from './scenario.js';
import { traced } from './trace.js';
import { single as singleInVolume, volume, VOLUME } from './ubi.js';
import { fixture, mustRefuse, mustWrite } from './update.js';
import { difference } from '../../../kit/same-bytes.js';

const IN_USE = 'ERR_BUSY_IN_USE';
const HERE = '/mnt';

/** A chip whose partition `rwfs` is mounted as JFFS2; what JFFS2 does there by itself is left out of what is asserted. */
function withJffs2(): Mtd {
  const mtd = loadNor(part(SMALL, 'bmc').size, SMALL);
  tool('dd', `if=${fixture('old.bin')}`, `of=${mtd.path}`, 'bs=1M');
  load('mtdblock');
  load('jffs2');
  const { index, path } = mtdNamed('rwfs');
  tool('flash_erase', '-q', path, 0, 0);
  tool('mount', '-t', 'jffs2', `/dev/mtdblock${index}`, HERE);
  return mtd;
}

/** Refused with exit 6, with nothing done to any MTD but to those that are left to their file system. */
async function refused(
  source: string,
  address: string,
  args: readonly string[],
  names: RegExp,
  but: readonly number[] = [],
): Promise<void> {
  const operations = await traced(() => {
    const { receipt } = mustRefuse(IN_USE, 6, source, address, args);
    assert.equal(receipt.flash, 'untouched');
    assert.match(receipt.message, names);
  });
  assert.deepEqual(
    operations.filter(({ mtd }) => !but.includes(mtd)),
    [],
  );
}

/** What lies before rwfs is as it was. */
function restIsOld(mtd: Mtd): void {
  const { offset } = part(SMALL, 'rwfs');
  const old = readFileSync(fixture('old.bin')).subarray(0, offset);
  assert.equal(difference(readAll(mtd.path, offset), old), null);
}

function withSquashfs(device: string): void {
  tool('mount', '-t', 'squashfs', '-o', 'ro', device, HERE);
  assert.ok(existsSync(`${HERE}/file`));
}

export const mounted: readonly Scenario[] = [
  {
    name: 'in use: a partition that is mounted as JFFS2 is refused, and nothing else of the bundle is written',
    async body() {
      const mtd = withJffs2();
      await refused(fixture('full.tar'), 'mtd:', [], /rwfs.*\/mnt/s, [mtdNamed('rwfs').index]);
      restIsOld(mtd);
    },
  },
  {
    name: 'in use: a chip is refused while a partition of it is mounted',
    async body() {
      const mtd = withJffs2();
      await refused(fixture('bmc.tar'), 'mtd:', [], /\/mnt/, [mtdNamed('rwfs').index]);
      restIsOld(mtd);
    },
  },
  {
    name: 'in use: beside a mounted partition the others can be written',
    body() {
      withJffs2();
      mustWrite(fixture('full.tar'), 'mtd:', ['--only', 'kernel,rofs']);
    },
  },
  {
    name: 'in use: --force-mounted writes the partition that it names, and no other',
    async body() {
      withJffs2();
      const rwfs = mtdNamed('rwfs').index;
      await refused(fixture('full.tar'), 'mtd:', ['--force-mounted', 'kernel'], /rwfs/, [rwfs]);
      mustWrite(fixture('full.tar'), 'mtd:', ['--force-mounted', 'rwfs']);
      tool('umount', HERE);
      const image = readFileSync(fixture('image-rwfs'));
      assert.equal(difference(readAll(mtdNamed('rwfs').path, image.length), image), null);
    },
  },
  {
    name: 'in use: a partition that is mounted as squashfs through mtdblock is refused, and so is the chip',
    async body() {
      const mtd = loadNor(part(SMALL, 'bmc').size, SMALL);
      tool('dd', `if=${fixture('old.bin')}`, `of=${mtd.path}`, 'bs=1M');
      load('mtdblock');
      const { index, path } = mtdNamed('rofs');
      tool('flashcp', fixture('small.squashfs'), path);
      withSquashfs(`/dev/mtdblock${index}`);
      await refused(fixture('full.tar'), 'mtd:', ['--only', 'rofs'], /rofs.*\/mnt/s);
      await refused(fixture('bmc.tar'), 'mtd:', [], /\/mnt/);
    },
  },
  {
    name: 'in use: a partition that is attached to UBI is refused',
    async body() {
      const nand = volume();
      const args = ['--partition', nand.name, '--sig', `${fixture('volume.img')}.sig`];
      await refused(fixture('volume.img'), `mtd:${nand.name}`, args, /ubi0/);
    },
  },
  {
    name: 'in use: a volume with a squashfs mounted through ubiblock is refused',
    async body() {
      volume();
      tool('ubiupdatevol', VOLUME, fixture('small.squashfs'));
      tool('ubiblock', '--create', VOLUME);
      withSquashfs('/dev/ubiblock0_0');
      await refused(fixture('volume.img'), 'ubi:kernel', singleInVolume('volume.img'), /\/mnt|ubiblock/);
    },
  },
  {
    name: 'in use: a volume that is mounted as UBIFS is refused',
    async body() {
      const nand = volume();
      for (const module of ['zstd', 'ubifs']) load(module);
      tool('mount', '-t', 'ubifs', 'ubi0:kernel', HERE);
      // UBIFS and UBI write by themselves.
      const args = singleInVolume('volume.img');
      await refused(fixture('volume.img'), 'ubi:kernel', args, /\/mnt/, [nand.index]);
      assert.ok(existsSync(HERE));
    },
  },
  {
    name: 'in use: a disk that is mounted is refused',
    async body() {
      tool('dd', `if=${fixture('small.squashfs')}`, `of=${DISK}`, 'bs=1M', 'conv=fsync');
      withSquashfs(DISK);
      await refused(fixture('volume.img'), `block:${DISK}`, singleOnDisk('volume.img'), /\/mnt/);
      tool('umount', HERE);
      mustWrite(fixture('volume.img'), `block:${DISK}`, singleOnDisk('volume.img'));
    },
  },
];
