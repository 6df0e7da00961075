/** What the guest itself must be for the other tests to mean anything. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { KIB, loadNand, loadNor, MIB, NAND_BLOCK, nandDump, readAll } from './mtd.js';
import { tool } from './run.js';
import type { Scenario } from './scenario.js';
import { traced } from './trace.js';

export const guest: readonly Scenario[] = [
  {
    name: 'the trace of flash operations sees what flashcp does, at which MTD and where',
    async body() {
      const chip = loadNor(MIB, [{ name: 'kernel', offset: 128 * KIB, size: 256 * KIB }]);
      writeFileSync('/tmp/image', Buffer.alloc(100_000, 1));
      const operations = await traced(() => void tool('flashcp', '/tmp/image', '/dev/mtd1'));
      const erased = operations.filter(({ kind }) => kind === 'erase');
      assert.deepEqual(
        erased.map(({ mtd }) => mtd),
        erased.map(() => 1),
      );
      assert.equal(
        erased.reduce((sum, { length }) => sum + length, 0),
        128 * KIB,
      );
      const programmed = operations.filter(({ kind }) => kind === 'program');
      assert.equal(
        programmed.reduce((sum, { length }) => sum + length, 0),
        100_000,
      );
      assert.equal(readAll(chip.path, chip.size)[128 * KIB + 99_999], 1);
    },
  },
  {
    name: 'nandsim has the bad blocks that it was given, and nandwrite and nanddump skip them',
    body() {
      const [nand] = loadNand({ parts: [16], bad: [0, 3] });
      assert.ok(nand !== undefined);
      const image = Buffer.alloc(5 * NAND_BLOCK, 0x5a);
      writeFileSync('/tmp/image', image);
      tool('flash_erase', '-q', nand.path, 0, 0);
      tool('nandwrite', '-q', nand.path, '/tmp/image');
      const dump = nandDump(nand);
      assert.equal(dump.length, 14 * NAND_BLOCK);
      assert.ok(dump.subarray(0, image.length).equals(image));
      assert.ok(
        readAll(nand.path, nand.size)
          .subarray(3 * NAND_BLOCK, 4 * NAND_BLOCK)
          .every((byte) => byte !== 0x5a),
      );
    },
  },
];
