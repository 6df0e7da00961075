/** A chip and bundles for tests of the journal, and updates that are cut. */
import type { Test } from 'tap';
import type { MemoryTarget } from '../../src/core/sim/index.js';
import { makeBundle } from './bundle-maker.js';
import { MemoryJournal } from './memory-journal.js';
import { ERASE, layoutOf, nor, update } from './update-kit.js';
import { noise } from './noise.js';

// More blocks than one record covers.
export const BLOCKS = 150;
export const layout = layoutOf({ kernel: 4, rofs: BLOCKS });
export const chip = (faults: readonly string[] = []): MemoryTarget => nor({ layout, faults });
export const kernel = noise(3 * ERASE, 1);
export const rofs = noise(BLOCKS * ERASE, 2);
export const bundle = makeBundle({ images: { kernel, rofs }, kind: 'proven' }).bytes;
export const other = makeBundle({ images: { kernel, rofs: noise(BLOCKS * ERASE, 3) }, kind: 'proven' }).bytes;

/** Device block of block `n` of rofs. */
export const inRofs = (n: number): number => 4 + n;

/** Cuts an update in the erase of block `n` of rofs, so that it has the first `n` - 1 of them. */
export async function cutAt(t: Test, n: number, when: 'before' | 'after' = 'before') {
  const journal = new MemoryJournal();
  const target = chip([`cut:${when}:erase@${inRofs(n)}:1`]);
  const { error } = await update(target, bundle, { journal });
  t.equal(error?.code, 'ERR_FLASH_POWER_CUT');
  return { journal, target };
}

/** Blocks that an update erases, in order. */
export async function erasesOf(from: MemoryTarget, bytes: Uint8Array, journal: MemoryJournal) {
  const erased: number[] = [];
  const target = await from.reopen({
    onOperation: ({ kind, block }) => kind === 'erase' && erased.push(block),
  });
  const result = await update(target, bytes, { journal });
  return { ...result, erased, target };
}
