/** Updates of UBI volumes, beside what ubiupdatevol makes of the same image. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { difference, load, loadNand, MIB, readAll, type Mtd } from './mtd.js';
import { tool } from './run.js';
import type { Scenario } from './scenario.js';
import { traced } from './trace.js';
import { fixture, mustWrite, type Written } from './update.js';

/** A NAND partition with bad blocks, attached, with an empty volume `kernel`. */
export function volume(size = 4 * MIB): Mtd {
  load('ubi');
  const [nand] = loadNand({ parts: [64], bad: [3, 17, 30, 41, 50] });
  assert.ok(nand !== undefined);
  tool('ubiformat', '-q', '-y', nand.path);
  tool('ubiattach', '-m', nand.index);
  tool('ubimkvol', '/dev/ubi0', '-N', 'kernel', '-s', size);
  return nand;
}

export const VOLUME = '/dev/ubi0_0';

/** The volume's bytes, as many as the image has. */
const content = (image: Uint8Array): Buffer => readAll(VOLUME, image.length);

export const single = (name: string): string[] => ['--partition', 'kernel', '--sig', `${fixture(name)}.sig`];
const put = (name: string): Written => mustWrite(fixture(name), 'ubi:kernel', single(name));

export const ubi: readonly Scenario[] = [
  {
    name: 'UBI: an empty volume is written as ubiupdatevol writes it',
    body() {
      volume();
      const image = readFileSync(fixture('volume.img'));
      put('volume.img');
      assert.equal(difference(content(image), image), null);
      tool('ubiupdatevol', VOLUME, fixture('volume.img'));
      assert.equal(difference(content(image), image), null);
    },
  },
  {
    name: 'UBI: of a volume that ubiupdatevol wrote only what differs is written, and it is whole after a new attach',
    async body() {
      const nand = volume();
      tool('ubiupdatevol', VOLUME, fixture('volume.img'));
      const image = readFileSync(fixture('volume-five.img'));
      const operations = await traced(() => void put('volume-five.img'));
      const programmed = operations.filter(({ kind }) => kind === 'program');
      const bytes = programmed.reduce((sum, { length }) => sum + length, 0);
      assert.ok(bytes > 0 && bytes < image.length / 4, `${bytes} bytes were programmed`);
      tool('ubidetach', '-d', 0);
      tool('ubiattach', '-m', nand.index);
      assert.equal(difference(content(image), image), null);
    },
  },
  {
    name: 'UBI: the same image again changes nothing',
    async body() {
      volume();
      put('volume.img');
      const operations = await traced(() => void put('volume.img'));
      assert.deepEqual(operations, []);
    },
  },
];
