/** A board between two cuts: what survives, and one session on it. */
import { SluiceError } from '../../../src/core/errors.js';
import {
  memoryTarget,
  parseFault,
  type ChipState,
  type Fault,
  type MemoryTarget,
} from '../../../src/core/sim/index.js';
import type { OperationKind } from '../../../src/core/sim/fault-plan.js';
import type { Receipt } from '../../../src/core/update/report/receipt.js';
import type { UpdateSession } from '../../../src/core/update/session.js';
import { sessionOf } from '../../kit/update-kit.js';
import type { Cut } from './cut.js';
import { CuttableJournal } from './cuttable-journal.js';
import type { Ending, Scenario, Update } from './scenario.js';

/** What is there when the power is off. */
export interface Remains {
  readonly bytes: Uint8Array;
  readonly chip: Omit<ChipState, 'wear'>;
  readonly record: Uint8Array | null;
}

/** What a session did, as far as cuts can be put there. */
export interface Trace {
  /** Erases, programs and reads of the chip, in order. */
  readonly operations: readonly OperationKind[];
  /** Saves and clears of the journal. */
  readonly journal: number;
  /** Of each block. */
  readonly erases: Uint32Array;
}

/** A session that is over. */
export interface Run {
  readonly receipt: Receipt;
  readonly error: SluiceError | null;
  readonly trace: Trace;
  readonly left: Remains;
  /** Whether the cut came. */
  readonly cut: boolean;
}

/** Whether sessions are given a journal; without one the harness must find torn blocks that were left. */
export type Journalled = boolean;

const ABANDONED = new SluiceError('ERR_SESSION_INTERRUPTED', 'no commit came in time');

/** The board before anything was done. */
export function freshRemains(scenario: Scenario): Remains {
  const faults = (scenario.faults ?? []).map(parseFault);
  const { content, factoryBad = [] } = scenario;
  return { bytes: content, chip: { factoryBad, grownBad: [], faults, torn: [] }, record: null };
}

/** Opens the chip on a copy of what is there. */
export function openChip(scenario: Scenario, remains: Remains, more: readonly Fault[] = []): MemoryTarget {
  const { type, eraseSize, layout } = scenario;
  return memoryTarget(layout, {
    type,
    eraseSize,
    ...(type === 'nand' ? { writeSize: 512 } : {}),
    ...remains.chip,
    faults: [...remains.chip.faults, ...more],
    content: remains.bytes.slice(),
  });
}

/** Runs one update on a board, which stays as it was; the power goes at `cut`. */
export async function runUpdate(
  scenario: Scenario,
  remains: Remains,
  what: Update,
  { cut = null, journalled = true }: { cut?: Cut | null; journalled?: Journalled },
): Promise<Run> {
  const fault: Fault[] =
    cut?.at === 'chip' ? [{ kind: 'cut', on: 'any', when: cut.when, nth: cut.nth, seed: cut.seed }] : [];
  const target = openChip(scenario, remains, fault);
  const operations: OperationKind[] = [];
  let powerless = false;
  target.chip.onOperation = ({ kind, outcome }) => {
    if (kind !== 'mark-bad') operations.push(kind);
    powerless ||= outcome === 'cut';
  };
  const journal = new CuttableJournal(remains.record, (nth) => {
    if (powerless) return 'before';
    if (cut?.at !== 'journal' || cut.nth !== nth) return null;
    powerless = true;
    target.chip.cutPower();
    return cut.when;
  });
  const session = sessionOf(target, { ...what.options(), journal: journalled ? journal : null });
  const receipt = await runSession(session, what.bytes, what.ending);
  const erases = target.chip.stats().wear;
  const { factoryBad, grownBad, faults, torn } = target.chip.state();
  // A cut that did not come must not come later.
  const kept = faults.filter(({ kind }) => kind !== 'cut');
  return {
    receipt,
    error: session.error,
    trace: { operations, journal: journal.changes, erases },
    left: { bytes: target.bytes, chip: { factoryBad, grownBad, faults: kept, torn }, record: journal.record },
    cut: powerless,
  };
}

async function runSession(session: UpdateSession, bytes: Uint8Array, ending: Ending): Promise<Receipt> {
  try {
    await session.write(bytes);
  } catch (thrown) {
    return session.abort(thrown);
  }
  if (ending === 'at-once') return session.end();
  const proven = await session.prove();
  if (!session.isProven) return proven;
  return ending === 'later' ? session.commit() : session.abort(ABANDONED);
}
