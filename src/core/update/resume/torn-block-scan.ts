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
  /** Blocks that are torn for all that is known, among them the last one that the last session changed. */
  readonly torn: SuspectBlocks;
  /** Blocks of the last session's windows: it may have begun to change one of them, and it is not known which. */
  readonly maybeTorn: SuspectBlocks;
  /** Blocks that the record names, so that they can be changed without a new record. */
  readonly covered: SuspectBlocks;
  /** What remains of the last session's windows. */
  readonly windows: readonly JournalWindow[];
}

/**
 * Finds the blocks that may be torn.
 * @param last - the record of the last session; null if there is none, or none that can be read
 * @param damaged - whether there is a record that cannot be read
 * @param resumes - whether this session writes the same bundle
 */
export async function scanForTornBlocks(
  target: FlashTarget,
  printer: BlockPrinter,
  { last, damaged, resumes }: { last: JournalRecord | null; damaged: boolean; resumes: boolean },
): Promise<TornBlockScan> {
  const left = new Examination(target, printer);
  if (damaged) left.torn.addAll();
  if (last !== null) await left.read(last, resumes);
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

  /** Finds the block of the last session's windows that may be torn: the last one that was changed, or a later one. */
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
    const continues = resumes && comparable;
    window.forEach(({ partition, block, print }, k) => {
      if (k < torn) return;
      if (!continues || k === torn) this.torn.add(partition, block);
      // To repair a block that was torn before does not show that this session has reached the point of the last one.
      else if (!this.#isTorn(partition, block)) this.maybeTorn.add(partition, block, print);
    });
    if (!continues) return;
    for (const { partition, block } of window.slice(Math.max(torn, 0))) this.covered.add(partition, block);
    // While this session stays in the window, the record says of the later blocks what the last one said. The block that
    // is erased again now is listed by itself: after a second cut it may read as it did before either session.
    this.windows = behind(last.windows, torn + 1);
  }

  /** Removes bad blocks: no image will be written to them. */
  async forgetBad(): Promise<void> {
    for (const suspects of [this.torn, this.maybeTorn]) {
      for (const { partition: name, blocks } of suspects.list()) {
        for (const block of blocks ?? []) {
          const found = rawBlock(this.#target, name, block);
          if (found === null || (await found.partition.device.isBad(found.block)) !== true) continue;
          suspects.settle(found.partition, found.block);
        }
      }
    }
  }

  #isTorn(name: string, block: number): boolean {
    const found = rawBlock(this.#target, name, block);
    return found !== null && this.torn.has(found.partition, found.block);
  }

  /** Whether a block holds something else than the record says. */
  async #holdsOther(name: string, block: number, print: bigint): Promise<boolean> {
    const found = rawBlock(this.#target, name, block);
    // A block that an earlier session has torn may read differently each time without being changed.
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
