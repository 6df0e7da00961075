/** Updates of NAND with bad blocks, beside what nandwrite and nanddump make of the same image. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { loadNand, NAND_BLOCK, NAND_PAGE, nandDump, type Mtd, type NandOptions } from './mtd.js';
import { tool } from './run.js';
import type { Scenario } from './scenario.js';
import { traced } from './trace.js';
import { fixture, mustRefuse, mustWrite, total, type Written } from './update.js';
import { difference } from '../../../kit/same-bytes.js';

const BLOCKS = 64;
const BAD = [0, 3, 4, 17, 40];
const IMAGE = 'volume.img';
const image = (name = IMAGE): Buffer => readFileSync(fixture(name));
/** Blocks of the image. */
const imageBlocks = (): number => Math.ceil(image().length / NAND_BLOCK);

/** A partition whose good blocks all hold something else. */
function chip(options: Partial<NandOptions> = {}): Mtd {
  const [nand] = loadNand({ parts: [BLOCKS], bad: BAD, ...options });
  assert.ok(nand !== undefined);
  const { bad = BAD, parts = [BLOCKS] } = options;
  const good = (parts[0] ?? 0) - bad.filter((block) => block < (parts[0] ?? 0)).length;
  writeFileSync('/tmp/old', readFileSync(fixture('old.bin')).subarray(0, good * NAND_BLOCK));
  tool('flash_erase', '-q', nand.path, 0, 0);
  tool('nandwrite', '-q', nand.path, '/tmp/old');
  return nand;
}

const single = (name: string, nand: Mtd): string[] => [
  '--partition',
  nand.name,
  '--sig',
  `${fixture(name)}.sig`,
];
const put = (nand: Mtd, name = IMAGE, args: readonly string[] = []): Written =>
  mustWrite(fixture(name), `mtd:${nand.name}`, [...single(name, nand), ...args]);

/** What nandwrite leaves of the image, padded to whole blocks as nanddump gives them. */
function byNandwrite(nand: Mtd, name = IMAGE): Buffer {
  tool('flash_erase', '-q', nand.path, 0, 0);
  tool('nandwrite', '-q', '-p', nand.path, fixture(name));
  return nandDump(nand).subarray(0, imageBlocks() * NAND_BLOCK);
}

function expectImage(nand: Mtd, wanted: Uint8Array): void {
  assert.equal(difference(nandDump(nand).subarray(0, wanted.length), wanted), null);
}

export const nand: readonly Scenario[] = [
  {
    name: 'NAND with 5 bad blocks: as nandwrite writes it, and what is behind it stays',
    body() {
      const nand = chip();
      const before = nandDump(nand);
      const { receipt } = put(nand);
      const after = nandDump(nand);
      assert.equal(total(receipt, 'bad'), 0);
      const end = imageBlocks() * NAND_BLOCK;
      assert.equal(
        difference(after.subarray(end), before.subarray(end)),
        null,
        'what is behind the image stays',
      );
      assert.equal(difference(after.subarray(0, end), byNandwrite(nand)), null);
    },
  },
  {
    name: 'NAND: 5 % of another image: only the blocks that differ are erased',
    async body() {
      const nand = chip();
      tool('flash_erase', '-q', nand.path, 0, 0);
      tool('nandwrite', '-q', '-p', nand.path, fixture(IMAGE));
      const operations = await traced(() => void put(nand, 'volume-five.img'));
      const [a, b] = [image(), image('volume-five.img')];
      let differing = 0;
      for (let at = 0; at < a.length; at += NAND_BLOCK) {
        if (!a.subarray(at, at + NAND_BLOCK).equals(b.subarray(at, at + NAND_BLOCK))) differing++;
      }
      assert.ok(differing > 0);
      assert.equal(operations.filter(({ kind }) => kind === 'erase').length, differing);
      expectImage(nand, byNandwrite(nand, 'volume-five.img'));
    },
  },
  {
    name: 'NAND: blocks that fail to erase in the middle of the update are marked bad and replaced',
    body() {
      const nand = chip({
        weakBlocks: [
          [7, 1],
          [20, 1],
        ],
      });
      const { receipt } = put(nand);
      assert.equal(total(receipt, 'bad'), 2);
      expectImage(nand, Buffer.concat([image(), Buffer.alloc(-image().length & (NAND_BLOCK - 1), 0xff)]));
      assert.match(badBlocks(nand), new RegExp(`^${BAD.length + 2}$`));
    },
  },
  {
    name: 'NAND: pages that fail to program in the middle of the update: their blocks are replaced, no byte is lost',
    body() {
      const pages = NAND_BLOCK / NAND_PAGE;
      const nand = chip({
        weakPages: [
          [9 * pages + 5, 1],
          [21 * pages + pages - 1, 1],
        ],
      });
      const { receipt } = put(nand);
      assert.equal(total(receipt, 'bad'), 2);
      expectImage(nand, Buffer.concat([image(), Buffer.alloc(-image().length & (NAND_BLOCK - 1), 0xff)]));
    },
  },
  {
    name: 'NAND: with too few good blocks it is refused before the first erase',
    async body() {
      const blocks = imageBlocks();
      const nand = chip({ parts: [blocks + 4], bad: BAD.map((block) => Math.min(block, blocks)) });
      const before = nandDump(nand);
      const operations = await traced(() => {
        const args = single(IMAGE, nand);
        const { receipt } = mustRefuse('ERR_FLASH_BAD_BLOCKS', 5, fixture(IMAGE), `mtd:${nand.name}`, args);
        assert.equal(receipt.flash, 'untouched');
      });
      assert.deepEqual(operations, []);
      assert.equal(difference(nandDump(nand), before), null);
    },
  },
  {
    name: 'NAND that is as slow as a chip',
    body() {
      const nand = chip({ delays: true });
      put(nand);
      expectImage(nand, byNandwrite(nand));
    },
  },
];

const badBlocks = (nand: Mtd): string =>
  readFileSync(`/sys/class/mtd/mtd${nand.index}/bad_blocks`, 'latin1').trim();
