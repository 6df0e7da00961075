/** Updates of a NOR-like chip, each beside what flashcp makes of the same images. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { BLOCK, CHANGED_EVERY, LARGE, part, SMALL, type Part } from '../layout.js';
import { loadNor, mtdNamed, readAll, type Mtd } from './mtd.js';
import { tool } from './run.js';
import type { Scenario } from './scenario.js';
import { erasesSoFar, startTrace, stopTrace, traced, type FlashOperation } from './trace.js';
import { until } from './until.js';
import { fixture, mustRefuse, mustWrite, startWrite, total, write } from './update.js';
import { difference } from '../../../kit/same-bytes.js';

const IMAGES = ['u-boot', 'kernel', 'rofs', 'rwfs'] as const;

/** A chip that holds what `old` says, with the partitions of a layout; `bmc` is a partition over all of it. */
function chip(parts: readonly Part[] = SMALL, old = 'old.bin'): Mtd {
  const mtd = loadNor(part(parts, 'bmc').size, parts);
  tool('dd', `if=${fixture(old)}`, `of=${mtd.path}`, 'bs=1M');
  return mtd;
}

function expectBytes(mtd: Mtd, wanted: Uint8Array): void {
  assert.equal(difference(readAll(mtd.path, mtd.size), wanted), null, 'the chip holds what was wanted');
}

/** What the chip holds after flashcp has written images to partitions; the chip holds the old bytes again then. */
function byFlashcp(mtd: Mtd, images: Readonly<Record<string, string>>, old = 'old.bin'): Buffer {
  for (const [name, path] of Object.entries(images)) tool('flashcp', path, mtdNamed(name).path);
  const bytes = readAll(mtd.path, mtd.size);
  tool('dd', `if=${fixture(old)}`, `of=${mtd.path}`, 'bs=1M');
  return bytes;
}

const imagesOf = (prefix = ''): Record<string, string> =>
  Object.fromEntries(IMAGES.map((name) => [name, fixture(`${prefix}image-${name}`)]));

const erases = (operations: readonly FlashOperation[]): FlashOperation[] =>
  operations.filter(({ kind }) => kind === 'erase');

/** A full update of the small chip from anywhere: the same bytes as flashcp's. */
function full(source: string, args: readonly string[] = [], input?: string): Scenario['body'] {
  return () => {
    const mtd = chip();
    const wanted = byFlashcp(mtd, imagesOf());
    mustWrite(source, 'mtd:', args, input === undefined ? {} : { input: readFileSync(input) });
    expectBytes(mtd, wanted);
  };
}

/** Refused, and not one operation reached the flash. */
function refused(source: string, code: string, exit: number, args: readonly string[] = []): Scenario['body'] {
  return async () => {
    const mtd = chip();
    const operations = await traced(() => {
      const { receipt } = mustRefuse(code, exit, source, 'mtd:', args);
      assert.equal(receipt.flash, 'untouched');
    });
    assert.deepEqual(operations, []);
    expectBytes(mtd, readFileSync(fixture('old.bin')));
  };
}

/** Where the host's server is; it serves the fixtures. */
const url = (name: string): string => `${readFileSync('/host/url', 'latin1')}/${name}`;

export const nor: readonly Scenario[] = [
  {
    name: 'NOR: 32 MiB of quanta-q71l are written as flashcp writes them, and again without an erase',
    async body() {
      const mtd = chip(LARGE, 'large.old.bin');
      const wanted = byFlashcp(mtd, imagesOf('large.'), 'large.old.bin');
      mustWrite(fixture('large.tar'), 'mtd:');
      expectBytes(mtd, wanted);
      const operations = await traced(() => void mustWrite(fixture('large.tar'), 'mtd:'));
      assert.deepEqual(operations, [], 'what is right already is neither erased nor programmed');
    },
  },
  {
    name: 'NOR: of a bundle that changes 5 % only those blocks are erased',
    async body() {
      const mtd = chip();
      const operations = await traced(() => void mustWrite(fixture('five.tar'), 'mtd:'));
      const blocks = part(SMALL, 'bmc').size / BLOCK;
      assert.equal(erases(operations).length, Math.round(blocks / CHANGED_EVERY));
      expectBytes(mtd, readFileSync(fixture('five.bin')));
    },
  },
  { name: 'NOR: a proven tarball from a file', body: full(fixture('full.tar')) },
  { name: 'NOR: a proven tarball from a pipe', body: full('-', [], fixture('full.tar')) },
  { name: 'NOR: a proven tarball by HTTP from the host', body: () => full(url('full.tar'))() },
  {
    name: 'NOR: a stock tarball from a file, checked before it is written',
    body: full(fixture('full.stock.tar')),
  },
  {
    name: 'NOR: a stock tarball from a pipe under before-commit',
    body: full('-', ['--trust', 'before-commit'], fixture('full.stock.tar')),
  },
  {
    name: 'NOR: --only kernel writes as flashcp does and leaves every other partition alone',
    async body() {
      const mtd = chip();
      const wanted = byFlashcp(mtd, { kernel: fixture('image-kernel') });
      const operations = await traced(
        () => void mustWrite(fixture('full.tar'), 'mtd:', ['--only', 'kernel']),
      );
      expectBytes(mtd, wanted);
      const kernel = mtdNamed('kernel').index;
      assert.ok(operations.length > 0);
      assert.deepEqual(new Set(operations.map((operation) => operation.mtd)), new Set([kernel]));
    },
  },
  {
    name: 'NOR: image-bmc goes to the whole chip',
    body() {
      const mtd = chip();
      mustWrite(fixture('bmc.tar'), 'mtd:');
      const found = readAll(mtd.path, mtd.size);
      tool('flashcp', fixture('image-bmc'), mtdNamed('bmc').path);
      assert.equal(difference(found, readAll(mtd.path, mtd.size)), null);
    },
  },
  {
    name: 'NOR: a bundle of an unknown signer does not touch the flash',
    body: refused(fixture('stranger.tar'), 'ERR_TRUST_SIGNATURE', 3),
  },
  {
    name: 'NOR: a stock tarball with one flipped bit does not touch the flash',
    body: refused(fixture('flipped.stock.tar'), 'ERR_TRUST_SIGNATURE', 3),
  },
  {
    name: 'NOR: a proven tarball with one flipped bit never has the wrong block erased, and no gate opens',
    async body() {
      const mtd = chip();
      const operations = await traced(() => {
        const { code, receipt } = write(fixture('flipped.tar'), 'mtd:');
        assert.equal(code, 3, receipt.message ?? '');
      });
      // Members begin at multiples of 512 behind the head; the flip is somewhere in rofs.
      const found = readAll(mtd.path, mtd.size);
      const old = readFileSync(fixture('old.bin'));
      for (const name of IMAGES) {
        const { offset } = part(SMALL, name);
        const head = found.subarray(offset, offset + BLOCK);
        assert.equal(
          difference(head, old.subarray(offset, offset + BLOCK)),
          null,
          `${name} has its old head`,
        );
      }
      const rofs = mtdNamed('rofs').index;
      assert.ok(
        erases(operations).filter(({ mtd }) => mtd === rofs).length < part(SMALL, 'rofs').size / BLOCK,
      );
    },
  },
  {
    name: 'NOR: kill -9 in the middle, and the second run erases only what was not finished',
    async body() {
      const mtd = chip();
      const wanted = byFlashcp(mtd, imagesOf());
      const blocks = Object.values(imagesOf()).reduce(
        (sum, path) => sum + Math.ceil(readFileSync(path).length / BLOCK),
        0,
      );
      startTrace();
      const child = startWrite(fixture('full.tar'), 'mtd:');
      const ended = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
      await until(() => child.exitCode !== null || erasesSoFar() >= blocks / 2);
      child.kill('SIGKILL');
      assert.equal(await ended, 'SIGKILL', 'it was killed, not done');
      const first = stopTrace();

      const between = readAll(mtd.path, mtd.size);
      const before = readFileSync(fixture('old.bin'));
      let finished = 0;
      for (let at = 0; at < mtd.size; at += BLOCK) {
        const is = between.subarray(at, at + BLOCK);
        const old = before.subarray(at, at + BLOCK);
        if (is.equals(wanted.subarray(at, at + BLOCK)) && !is.equals(old)) finished++;
      }
      assert.ok(finished > blocks / 4 && finished < blocks, `${finished} of ${blocks} were finished`);
      assert.ok(erases(first).length - finished <= 2, 'no more than two blocks are under way at a time');

      let skipped = 0;
      const operations = await traced(() => {
        skipped = total(mustWrite(fixture('full.tar'), 'mtd:').receipt, 'skipped');
      });
      expectBytes(mtd, wanted);
      // Where it was killed between two blocks, the one before it was the last that it touched: nobody knows that it
      // was done with.
      assert.ok(skipped === finished || skipped === finished - 1, `${skipped} of ${finished} are left alone`);
      assert.ok(erases(operations).length <= blocks - skipped, 'what was finished is not erased again');
      assert.ok(
        erases(operations).length >= blocks - skipped - 1,
        'all else is; one may have been erased already',
      );
    },
  },
];
