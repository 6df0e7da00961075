/** The two chips that everybody writes, and what they hold before. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { loadNand, loadNor, readAll, type Mtd } from '../../../test/proof/guest/inside/mtd.js';
import { tool } from '../../../test/proof/guest/inside/run.js';
import {
  NAND_BAD,
  NAND_BLOCK,
  NAND_BLOCKS,
  NAND_SIZE,
  NOR_SIZE,
  type Change,
  type Medium,
} from '../shape.js';

export const payload = (name: string): string => `/host/payloads/${name}`;
const imageOf = (medium: Medium): string => payload(medium === 'nor' ? 'image-bmc' : 'image-nand');

export interface Chip {
  readonly mtd: Mtd;
  /** Makes it differ from the image in so many percent of its blocks. */
  prepare(change: Change): void;
  /** Throws when it does not hold the image. */
  check(): void;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function openChip(medium: Medium): Chip {
  const digest = sha256(readFileSync(imageOf(medium)));
  const mtd = medium === 'nor' ? norChip() : nandChip();
  return {
    mtd,
    prepare(change) {
      const wanted = change === 0 ? imageOf(medium) : payload(`${medium}.${change}`);
      if (medium === 'nor') tool('dd', `if=${wanted}`, `of=${mtd.path}`, 'bs=1M');
      else makeNandHold(mtd, wanted);
    },
    check() {
      const bytes =
        medium === 'nor'
          ? readAll(mtd.path, NOR_SIZE)
          : tool('nanddump', '-q', '--bb=skipbad', mtd.path).subarray(0, NAND_SIZE);
      if (sha256(bytes) !== digest) throw new Error(`${mtd.path} does not hold the image`);
    },
  };
}

function norChip(): Mtd {
  return loadNor(NOR_SIZE, [{ name: 'bmc', offset: 0, size: NOR_SIZE }]);
}

/** As slow as a chip: 25 us to read a page, 200 us to program one, 2 ms to erase a block, 50 ns a byte. */
function nandChip(): Mtd {
  const [mtd] = loadNand({ parts: [NAND_BLOCKS], bad: NAND_BAD, delays: true });
  if (mtd === undefined) throw new Error('nandsim made no partition');
  return mtd;
}

/** Rewrites only the blocks that hold something else: the chip is slow. */
function makeNandHold(mtd: Mtd, path: string): void {
  const file = openSync(path, 'r');
  const wanted = Buffer.alloc(NAND_BLOCK);
  const bad = new Set<number>(NAND_BAD);
  const device = openSync(mtd.path, 'r+');
  const found = Buffer.alloc(NAND_BLOCK);
  try {
    for (let block = 0, at = 0; block < NAND_BLOCKS; block++) {
      if (bad.has(block)) continue;
      readSync(file, wanted, 0, NAND_BLOCK, at);
      readSync(device, found, 0, NAND_BLOCK, block * NAND_BLOCK);
      if (!wanted.equals(found)) {
        tool('flash_erase', '-q', mtd.path, block * NAND_BLOCK, 1);
        writeSync(device, wanted, 0, NAND_BLOCK, block * NAND_BLOCK);
      }
      at += NAND_BLOCK;
    }
  } finally {
    closeSync(file);
    closeSync(device);
  }
}

/** swupdate asks for the hardware's name and revision. */
export function prepareSwupdate(): void {
  writeFileSync('/etc/hwrevision', 'bench 1.0\n');
}
