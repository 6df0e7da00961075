/**
 * The journal of a session: what the next one must know when this one is cut off.
 *
 * Flash itself tells which blocks are finished: they are compared. What it does not tell is which block was being
 * erased or programmed when the power went, and such a block may read right once and wrong later. To name it takes a
 * record ahead of each change; to keep that to a few records, one names the blocks that may be touched next and what
 * each of them holds. The last of them that holds something else now is the one that may be torn.
 *
 * @packageDocumentation
 */
import { asSluiceError, SluiceError } from '../../errors.js';
import type { FlashTarget, Partition } from '../../flash/device.js';
import { covers } from '../../flash/overlap.js';
import type { Platform } from '../../platform.js';
import { scanForTornBlocks, type TornBlockScan } from './torn-block-scan.js';
import { BlockPrinter } from './fingerprint.js';
import type { Change, ChangeLog } from '../write/change-log.js';
import { SuspectBlocks, isRaw } from './suspect-blocks.js';
import { formatJournal, parseJournal, type JournalRecord, type JournalWindow } from './journal-record.js';
import type { JournalStore } from './journal-store.js';
import type { Observer } from '../report/observer.js';
import { partitionsOf } from './unfinished.js';
import { WindowSize } from './window-size.js';

/** Sessions in a row that may come no further. Each costs the block that stops them one erase. */
const RESUME_LIMIT = 10;

/** Of a block that cannot be read. None has it later: it will seem to have changed, which is safe. */
const NO_PRINT = 0n;

/** What a journal works with. */
export interface JournalOptions {
  readonly store: JournalStore;
  readonly platform: Platform;
  readonly target: FlashTarget;
  readonly observer: Observer;
  /** Sessions in a row that may come no further; 0 for no limit. */
  readonly resumeLimit?: number | undefined;
}

/** What is known of the update when its first image begins. */
export interface JournalFacts {
  /** Identity of the bundle, null where it is not known before its end. */
  readonly bundle: string | null;
  /** How its blocks are proven, in words: policy, proof, key. */
  readonly proven: string;
}

/** What is found when a session begins. */
interface Found {
  readonly printer: BlockPrinter;
  readonly last: JournalRecord | null;
  /** Whether there is a record, a damaged one too. */
  readonly stored: boolean;
  /** Whether the record is of the same bundle. */
  readonly resumes: boolean;
  readonly left: TornBlockScan;
}

/** The journal of one session; see the file comment. */
export class Journal implements ChangeLog {
  readonly #options: JournalOptions;
  readonly #printer: BlockPrinter;
  readonly #facts: JournalFacts;
  /** What the session before has left. */
  readonly #last: JournalRecord | null;
  /** Whether that one had the same bundle. */
  readonly #resumes: boolean;
  /** Both as in Aftermath; this session adds to them and takes from them. */
  readonly #torn: SuspectBlocks;
  readonly #maybeTorn: SuspectBlocks;
  /**
   * Where this session has come to one of `#perhaps`. The first of a partition that it changes is the one that the last
   * session would have changed; of other partitions, which may not be written this time, that says nothing.
   */
  readonly #reached = new Set<Partition>();
  /** A block that the record calls doubtful is not any more: the next change is told of in another one. */
  #mended = false;
  /** Begun by this session or an earlier one, and not finished. */
  readonly #partitions: Set<string>;
  #windows: readonly JournalWindow[];
  readonly #size: WindowSize;
  #covered: SuspectBlocks;
  /** Blocks found right or written so far. */
  #settled = 0;
  #at: number | null = null;
  #stalled = 0;
  #stored: boolean;
  /** Whether an earlier session has left something behind, were it a record that is damaged. */
  readonly hasPrevious: boolean;

  private constructor(
    options: JournalOptions,
    facts: JournalFacts,
    { printer, last, stored, resumes, left }: Found,
  ) {
    this.#options = options;
    this.#printer = printer;
    this.#facts = facts;
    this.#last = last;
    this.hasPrevious = this.#stored = stored;
    this.#resumes = resumes;
    this.#partitions = new Set(last === null ? [] : partitionsOf(last));
    this.#torn = left.torn;
    this.#maybeTorn = left.maybeTorn;
    this.#covered = left.covered;
    this.#windows = left.windows;
    this.#size = new WindowSize(facts.bundle !== null);
  }

  /**
   * Reads what the last session has left and looks which block it may have torn.
   * @throws SluiceError ERR_SESSION_JOURNAL
   */
  static async open(options: JournalOptions, facts: JournalFacts): Promise<Journal> {
    const { store, platform, target, observer } = options;
    const bytes = await store.load();
    const stored = bytes !== null;
    const last = stored ? parseJournal(platform, bytes) : null;
    const damaged = stored && last === null;
    const anew = 'the journal is damaged: every block is written anew, whatever it reads like';
    if (damaged) observer.warn?.(anew);
    const resumes = last !== null && last.bundle !== null && last.bundle === facts.bundle;
    const printer = new BlockPrinter(platform);
    const left = await scanForTornBlocks(target, printer, { last, damaged, goesOn: resumes });
    return new Journal(options, facts, { printer, last, stored, resumes, left });
  }

  /** How often a session with this bundle has changed something, this one included if it goes on to. */
  get attempt(): number {
    return this.#resumes ? (this.#last?.attempt ?? 0) + 1 : 1;
  }

  /** Blocks that were right when a resumed session went on; null when it is not a resumed one. */
  get resumedFrom(): number | null {
    return this.#resumes ? (this.#at ?? this.#settled) : null;
  }

  /** Records and bytes that were written, clearing included. */
  get wear(): { readonly writes: number; readonly bytes: number } {
    return this.#options.store.wear;
  }

  decide(partition: Partition, block: number, change: Change, bytes: Uint8Array): Change {
    if (this.#torn.has(partition, block)) return 'erase';
    const former = this.#maybeTorn.printOf(partition, block);
    if (former === null) return change;
    // It held something else when this session began. What reads right now and did not then is torn.
    return change === 'none' && former === this.#printer.printOf(bytes) ? 'none' : 'erase';
  }

  trustsErased(partition: Partition, block: number): boolean {
    return this.hasPrevious && !this.#torn.has(partition, block) && !this.#maybeTorn.has(partition, block);
  }

  async beforeChange(partition: Partition, block: number, ahead: Iterable<number>): Promise<void> {
    const first = this.#at === null;
    if (first) this.#begin();
    if (this.#maybeTorn.has(partition, block)) this.#reached.add(partition);
    this.#partitions.add(partition.name);
    const known = !isRaw(partition) || this.#covered.has(partition, block);
    if (known && !first && !this.#mended) return;
    if (!known) this.#cover([await this.#look(partition, this.#size.take(partition, ahead))]);
    await this.#save();
  }

  /**
   * Asked before the gates open, with their blocks in the order in which they do.
   * @throws SluiceError ERR_SESSION_JOURNAL, ERR_SESSION_STUCK
   */
  async recordBeforeGates(gates: readonly { partition: Partition; block: number }[]): Promise<void> {
    if (gates.length === 0) return;
    if (this.#at === null) this.#begin();
    const windows: JournalWindow[] = [];
    for (const { partition, block } of gates) {
      this.#partitions.add(partition.name);
      if (isRaw(partition)) windows.push(await this.#look(partition, [block]));
    }
    this.#cover(windows);
    await this.#save();
  }

  settle(partition: Partition, block: number): void {
    this.#settled++;
    this.retire(partition, block);
    if (this.#reached.has(partition)) this.#maybeTorn.settleBlocks(partition);
  }

  retire(partition: Partition, block: number): void {
    this.#maybeTorn.settle(partition, block);
    if (this.#torn.settle(partition, block) && this.#resumes) this.#mended = true;
  }

  /** An image is in flash as a whole, its gate open. */
  settleImage(partition: Partition): void {
    this.#torn.settleWhole(partition);
    for (const other of this.#options.target.partitions.values())
      if (covers(partition, other)) this.#partitions.delete(other.name);
  }

  /**
   * The session ended without a commit, and no operation was cut short or failed: nothing of its own is torn. What
   * goes wrong here is told and changes nothing: the record that is there says more than is needed.
   * @param changed - whether the session has changed anything
   */
  async checkpoint({ changed }: { readonly changed: boolean }): Promise<void> {
    if (this.#at === null) return;
    if (!changed && !this.hasPrevious) return this.#quietly(() => this.#options.store.clear());
    // Where it has not come to where the last one stopped, that one's windows still say what may be torn.
    if (this.#maybeTorn.none) this.#windows = [];
    await this.#quietly(() => this.#save());
  }

  /** The update is committed: what is left is what earlier sessions left where this one did not come. */
  async done(): Promise<void> {
    if (!this.#stored) return;
    this.#cover([]);
    const suspects = this.#torn.list();
    const left = partitionsOf({ partitions: [...this.#partitions], suspects, windows: [] });
    if (left.length > 0)
      this.#options.observer.warn?.(`not finished since an update was broken off: ${left.join(', ')}`);
    await this.#quietly(async () => {
      if (left.length === 0) await this.#options.store.clear();
      else await this.#write({ bundle: null, attempt: 0, at: 0, stalled: 0 });
    });
  }

  #begin(): void {
    const { resumeLimit = RESUME_LIMIT } = this.#options;
    const last = this.#resumes ? this.#last : null;
    const stalled = last !== null && this.#settled <= last.at ? last.stalled + 1 : 0;
    if (resumeLimit > 0 && stalled >= resumeLimit) {
      throw new SluiceError(
        'ERR_SESSION_STUCK',
        `the update was resumed ${stalled} times and always stopped when ${this.#settled} of its blocks were right`,
      );
    }
    this.#at = this.#settled;
    this.#stalled = stalled;
  }

  async #look(partition: Partition, window: readonly number[]): Promise<JournalWindow> {
    const { device, offset, name } = partition;
    const first = offset / device.geometry.eraseSize;
    const blocks = [];
    for (const block of window) {
      // One of which it is not known whether it is torn may read in any way by now.
      const former = this.#maybeTorn.printOf(partition, block);
      blocks.push({
        block: block - first,
        print: former ?? (await this.#printer.printIfReadable(device, block)) ?? NO_PRINT,
      });
    }
    return { partition: name, blocks };
  }

  /** Goes on to other windows. What is in doubt outside of them is told by itself from here on. */
  #cover(windows: readonly JournalWindow[]): void {
    this.#windows = windows;
    this.#covered = new SuspectBlocks(this.#options.target);
    for (const { partition, blocks } of windows)
      for (const { block } of blocks) this.#covered.add(partition, block);
    this.#maybeTorn.moveTo(this.#torn, this.#covered);
  }

  async #save(): Promise<void> {
    await this.#write({
      bundle: this.#facts.bundle,
      attempt: this.attempt,
      at: this.#at ?? 0,
      stalled: this.#stalled,
    });
  }

  async #write(counts: Pick<JournalRecord, 'bundle' | 'attempt' | 'at' | 'stalled'>): Promise<void> {
    const { store, platform } = this.#options;
    const suspects = this.#torn.list();
    const record: JournalRecord = {
      ...counts,
      proven: this.#facts.proven,
      partitions: [...this.#partitions],
      kind: this.#printer.kind,
      windows: this.#windows,
      suspects,
    };
    await store.save(formatJournal(platform, record));
    this.#stored = true;
    this.#mended = false;
  }

  async #quietly(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      const { message } = asSluiceError(thrown);
      this.#options.observer.warn?.(`the journal could not be brought up to date: ${message}`);
    }
  }
}
