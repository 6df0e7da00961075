/**
 * What an interrupted session has left in flash: which blocks may be torn.
 *
 * @packageDocumentation
 */
import type { FlashTarget } from '../../flash/device.js';
import type { BlockPrinter } from './fingerprint.js';
import { SuspectBlocks, rawBlock } from './suspect-blocks.js';
import type { JournalRecord, JournalWindow } from './journal-record.js';

/** Erase blocks that are not to be taken for what they read like, and what the journal says of them so far. */
export interface TornBlockScan {
  /** Those that may be torn; the one that the last session changed last among them. */
  readonly torn: SuspectBlocks;
  /** Blocks of the last session's windows in which it may have begun to change one, of which nobody knows which. */
  readonly maybeTorn: SuspectBlocks;
  /** Those that the record tells of, so that they can be touched without another one. */
  readonly covered: SuspectBlocks;
  /** What is left to say of the last session's windows. */
  readonly windows: readonly JournalWindow[];
}

/**
 * Looks which blocks may be torn.
 * @param last - what the session before has left; null where nothing is left, or nothing that can be read
 * @param damaged - whether there is something that cannot be read
 * @param goesOn - whether this session writes the same bundle
 */
export async function scanForTornBlocks(
  target: FlashTarget,
  printer: BlockPrinter,
  { last, damaged, goesOn }: { last: JournalRecord | null; damaged: boolean; goesOn: boolean },
): Promise<TornBlockScan> {
  const left = new Examination(target, printer);
  if (damaged) left.torn.addAll();
  if (last !== null) await left.read(last, goesOn);
  await left.forgetBad();
  return left;
}

class Examination implements TornBlockScan {
  readonly torn: SuspectBlocks;
  readonly maybeTorn: SuspectBlocks;
  readonly covered: SuspectBlocks;
  windows: readonly JournalWindow[] = [];
  readonly #target: FlashTarget;
  readonly #printer: BlockPrinter;

  constructor(target: FlashTarget, printer: BlockPrinter) {
    this.#target = target;
    this.#printer = printer;
    this.torn = new SuspectBlocks(target);
    this.maybeTorn = new SuspectBlocks(target);
    this.covered = new SuspectBlocks(target);
  }

  /** Which block of the last session's windows may be torn: the last one that was changed, or one behind it. */
  async read(last: JournalRecord, resumes: boolean): Promise<void> {
    for (const { partition, blocks } of last.suspects) {
      if (blocks === null) this.torn.addWhole(partition);
      else for (const block of blocks) this.torn.add(partition, block);
    }
    const comparable = last.kind === this.#printer.kind;
    const window = last.windows.flatMap(({ partition, blocks }) =>
      blocks.map(({ block, print }) => ({ partition, block, print })),
    );
    let torn = comparable ? -1 : 0;
    for (let k = 0; comparable && k < window.length; k++) {
      const { partition, block, print } = window[k] as (typeof window)[number];
      if (await this.#holdsOther(partition, block, print)) torn = k;
    }
    const goesOn = resumes && comparable;
    window.forEach(({ partition, block, print }, k) => {
      if (k < torn) return;
      if (!goesOn || k === torn) this.torn.add(partition, block);
      // To mend one that is in doubt already does not tell that this session has come to where the last one was.
      else if (!this.#isInDoubt(partition, block)) this.maybeTorn.add(partition, block, print);
    });
    if (!goesOn) return;
    for (const { partition, block } of window.slice(Math.max(torn, 0))) this.covered.add(partition, block);
    // As long as this session stays among them it says of those behind what the last one said. What a cut leaves of
    // the one that is erased again now may read as it did before either session: that one is named.
    this.windows = behind(last.windows, torn + 1);
  }

  /** Bad blocks are nobody's any more: no image will come to them and end the doubt. */
  async forgetBad(): Promise<void> {
    for (const doubts of [this.torn, this.maybeTorn]) {
      for (const { partition: name, blocks } of doubts.list()) {
        for (const block of blocks ?? []) {
          const found = rawBlock(this.#target, name, block);
          if (found === null || (await found.partition.device.isBad(found.block)) !== true) continue;
          doubts.settle(found.partition, found.block);
        }
      }
    }
  }

  #isInDoubt(name: string, block: number): boolean {
    const found = rawBlock(this.#target, name, block);
    return found !== null && this.torn.has(found.partition, found.block);
  }

  /** Whether a block holds something else than it did. */
  async #holdsOther(name: string, block: number, print: bigint): Promise<boolean> {
    const found = rawBlock(this.#target, name, block);
    // One that an earlier session has left in doubt reads other from time to time without being touched.
    if (found === null || this.torn.has(found.partition, found.block)) return false;
    return (await this.#printer.printIfReadable(found.partition.device, found.block)) !== print;
  }
}

/** What is left of windows without their first blocks. */
function behind(windows: readonly JournalWindow[], count: number): JournalWindow[] {
  let skip = count;
  return windows.flatMap(({ partition, blocks }) => {
    const left = blocks.slice(skip);
    skip = Math.max(0, skip - blocks.length);
    return left.length === 0 ? [] : [{ partition, blocks: left }];
  });
}
