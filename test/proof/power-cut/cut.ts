/** Where the power goes away, and how that is written. */
import type { CutMoment, TearMoment } from '../../../src/core/sim/index.js';
import type { Trace } from './board.js';

/** A cut at an operation of the chip, or at a save or clear of the journal. */
export type Cut =
  | { readonly at: 'chip'; readonly nth: number; readonly when: CutMoment; readonly seed: number }
  | { readonly at: 'journal'; readonly nth: number; readonly when: 'before' | 'after' };

const TEARS: readonly TearMoment[] = ['begun', 'torn', 'ending'];

/** `torn@37#5`; `journal-after@2`: the second change of the journal had just been made. */
export function formatCut(cut: Cut): string {
  return cut.at === 'journal' ? `journal-${cut.when}@${cut.nth}` : `${cut.when}@${cut.nth}#${cut.seed}`;
}

export function parseCut(text: string): Cut {
  const journal = /^journal-(before|after)@(\d+)$/.exec(text);
  if (journal !== null)
    return { at: 'journal', nth: Number(journal[2]), when: journal[1] as 'before' | 'after' };
  const chip = /^(before|begun|torn|ending|after)@(\d+)#(\d+)$/.exec(text);
  if (chip === null) throw new Error(`${text} is no cut`);
  return { at: 'chip', nth: Number(chip[2]), when: chip[1] as CutMoment, seed: Number(chip[3]) };
}

/** Every cut of a run: each operation at each of its moments, the torn ones with some seeds each. */
export function* cutsOf(trace: Trace, seeds: readonly number[]): Generator<Cut> {
  for (const [index, kind] of trace.operations.entries()) {
    const nth = index + 1;
    yield { at: 'chip', nth, when: 'before', seed: 0 };
    // What a read leaves is what it found: before and after are the same.
    if (kind === 'read') continue;
    for (const when of TEARS) for (const seed of seeds) yield { at: 'chip', nth, when, seed };
    yield { at: 'chip', nth, when: 'after', seed: 0 };
  }
  for (let nth = 1; nth <= trace.journal; nth++) {
    yield { at: 'journal', nth, when: 'before' };
    yield { at: 'journal', nth, when: 'after' };
  }
}
