/** Updates of UBI volumes, beside what ubiupdatevol makes of the same image. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { load, loadNand, MIB, readAll, type Mtd } from './mtd.js';
import { run, tool } from './run.js';
import type { Scenario } from './scenario.js';
import { traced, type FlashOperation } from './trace.js';
import { until } from './until.js';
import { fixture, mustWrite, startWrite, type Written } from './update.js';
import { difference } from '../../../kit/same-bytes.js';

/** A NAND partition with bad blocks, attached, with an empty volume `kernel`. */
export function volume(size = 4 * MIB, type: 'dynamic' | 'static' = 'dynamic'): Mtd {
  load('ubi');
  const [nand] = loadNand({ parts: [64], bad: [3, 17, 30, 41, 50] });
  assert.ok(nand !== undefined);
  tool('ubiformat', '-q', '-y', nand.path);
  tool('ubiattach', '-m', nand.index);
  tool('ubimkvol', '/dev/ubi0', '-N', 'kernel', '-t', type, '-s', size);
  return nand;
}

export const VOLUME = '/dev/ubi0_0';

/** The volume's bytes, as many as the image has. */
const content = (image: Uint8Array): Buffer => readAll(VOLUME, image.length);

export const single = (name: string): string[] => ['--partition', 'kernel', '--sig', `${fixture(name)}.sig`];
/** What the kernel tells of the volume: bytes that it holds, and why it might not be read. */
const told = (): string[] =>
  ['data_bytes', 'upd_marker', 'corrupted'].map((file) =>
    readFileSync(`/sys/class/ubi/ubi0_0/${file}`, 'latin1').trim(),
  );
/** Bytes that were programmed. */
const programmed = (operations: readonly FlashOperation[]): number =>
  operations.reduce((sum, { kind, length }) => sum + (kind === 'program' ? length : 0), 0);
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
      const bytes = programmed(operations);
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
  {
    name: 'UBI: a static volume is written as ubiupdatevol writes it, and the same image again changes nothing',
    async body() {
      const nand = volume(4 * MIB, 'static');
      const image = readFileSync(fixture('volume.img'));
      const reattach = (): void => {
        tool('ubidetach', '-d', 0);
        tool('ubiattach', '-m', nand.index);
      };
      const results: { content: Buffer; told: string[]; bytes: number }[] = [];
      for (const write of [
        () => void tool('ubiupdatevol', VOLUME, fixture('volume.img')),
        () => void put('volume.img'),
      ]) {
        tool('ubiupdatevol', '-t', VOLUME);
        const bytes = programmed(await traced(write));
        reattach();
        // To its end, which must be that of the image.
        results.push({ content: tool('cat', VOLUME), told: told(), bytes });
      }
      const [theirs, ours] = results;
      assert.ok(theirs !== undefined && ours !== undefined);
      assert.equal(difference(ours.content, image), null);
      assert.equal(difference(ours.content, theirs.content), null);
      assert.deepEqual(ours.told, [`${image.length}`, '0', '0']);
      assert.deepEqual(ours.told, theirs.told);
      assert.ok(ours.bytes >= image.length);
      assert.equal(ours.bytes, theirs.bytes, 'as many bytes are programmed');
      const operations = await traced(() => {
        assert.equal(put('volume.img').receipt.flash, 'complete');
      });
      assert.deepEqual(operations, []);
    },
  },
  {
    name: 'UBI: a static volume cannot be read after a kill in the middle, and a second run mends it',
    async body() {
      volume(4 * MIB, 'static');
      tool('ubiupdatevol', VOLUME, fixture('volume-five.img'));
      const child = startWrite(fixture('volume.img'), 'ubi:kernel', single('volume.img'));
      const ended = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
      await until(() => child.exitCode !== null || told()[1] === '1');
      child.kill('SIGKILL');
      assert.equal(await ended, 'SIGKILL', 'it was killed, not done');
      assert.equal(told()[1], '1');
      assert.notEqual(run('cat', [VOLUME]).code, 0, 'nobody can read it');
      const { receipt } = put('volume.img');
      assert.equal(receipt.partitions['kernel']?.skipped, 0);
      assert.equal(difference(tool('cat', VOLUME), readFileSync(fixture('volume.img'))), null);
      assert.equal(told()[1], '0');
    },
  },
];
