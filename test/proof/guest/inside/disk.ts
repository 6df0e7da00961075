/** Updates of a disk. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readAll } from './mtd.js';
import { tool } from './run.js';
import type { Scenario } from './scenario.js';
import { fixture, mustWrite } from './update.js';
import { difference } from '../../../kit/same-bytes.js';

export const DISK = '/dev/vdc';
export const single = (name: string): string[] => ['--partition', 'vdc', '--sig', `${fixture(name)}.sig`];

/** Sectors that were written to the disk so far. */
const sectorsWritten = (): number =>
  Number(readFileSync('/sys/block/vdc/stat', 'latin1').trim().split(/\s+/)[6]);

export const disk: readonly Scenario[] = [
  {
    name: 'disk: an image lands as dd would write it, and what is behind it stays',
    body() {
      tool('dd', `if=${fixture('old.bin')}`, `of=${DISK}`, 'bs=1M', 'conv=fsync');
      const image = readFileSync(fixture('volume.img'));
      mustWrite(fixture('volume.img'), `block:${DISK}`, single('volume.img'));
      const wanted = Buffer.from(readFileSync(fixture('old.bin')));
      image.copy(wanted);
      // What dd cannot: the rest of the last block is not left as it was.
      const found = readAll(DISK, wanted.length);
      assert.equal(difference(found.subarray(0, image.length), image), null);
      const end = Math.ceil(image.length / 2 ** 20) * 2 ** 20;
      assert.equal(difference(found.subarray(end), wanted.subarray(end)), null);
    },
  },
  {
    name: 'disk: only what differs is written, and it is written when the program has ended',
    body() {
      tool('dd', `if=${fixture('volume.img')}`, `of=${DISK}`, 'bs=1M', 'conv=fsync');
      const image = readFileSync(fixture('volume-five.img'));
      const before = sectorsWritten();
      mustWrite(fixture('volume-five.img'), `block:${DISK}`, single('volume-five.img'));
      const bytes = (sectorsWritten() - before) * 512;
      assert.ok(bytes > 0 && bytes < image.length / 4, `${bytes} bytes were written`);
      assert.equal(difference(readAll(DISK, image.length), image), null);
    },
  },
];
