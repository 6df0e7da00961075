/**
 * The journal of a session: what the next one must know when this one is cut off.
 *
 * A compare with flash shows which blocks are finished. It does not show which block was being erased or programmed
 * when the power failed, and such a block may read correctly once and wrong later. So a record is written before each
 * change. To keep the records few, each names a window: the blocks that may change next, and what each holds. The last
 * block of the window that holds something else afterwards is the one that may be torn.
 *
 * @packageDocumentation
 */
import { imageOf } from '../../bundle/image-name.js';
import { asSluiceError, SluiceError } from '../../errors.js';
import type { FlashTarget, Partition } from '../../flash/device.js';
import { covers } from '../../flash/overlap.js';
import type { Platform } from '../../platform.js';
import { HOSTFW_IMAGE } from '../../trust/image-set.js';
import { scanForTornBlocks, type TornBlockScan } from './torn-block-scan.js';
import { BlockPrinter } from './fingerprint.js';
import type { Change, ChangeLog } from '../write/change-log.js';
import { SuspectBlocks, isRaw } from './suspect-blocks.js';
import { formatJournal, parseJournal, type JournalRecord, type JournalWindow } from './journal-record.js';
import type { JournalStore } from './journal-store.js';
import type { Observer } from '../report/observer.js';
import { partitionsOf } from './unfinished.js';
import { WindowSize } from './window-size.js';

/** Sessions in a row that may make no progress. Each costs the block that stops them one erase. */
const RESUME_LIMIT = 10;

/** Print of a block that cannot be read. No block has it later: the block will seem changed, which is safe. */
const NO_PRINT = 0n;

/** What a journal works with. */
export interface JournalOptions {
  readonly store: JournalStore;
  readonly platform: Platform;
  readonly target: FlashTarget;
  readonly observer: Observer;
  /** Sessions in a row that may make no progress; 0 for no limit. */
  readonly resumeLimit?: number | undefined;
}

/** What is known of the update when its first image begins. */
export interface JournalFacts {
  /** Identity of the bundle, null if it is not known before its end. */
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
  /** What the last session has left. */
  readonly #last: JournalRecord | null;
  /** Whether the last session had the same bundle. */
  readonly #resumes: boolean;
  /** Both as in TornBlockScan; this session adds to them and removes from them. */
  readonly #torn: SuspectBlocks;
  readonly #maybeTorn: SuspectBlocks;
  /**
   * Partitions in which this session has reached one of `#maybeTorn`. The first block it changes there is the one that
   * the last session would have changed. That says nothing about other partitions: they may not be written this time.
   */
  readonly #reached = new Set<Partition>();
  /** Whether a block that the record calls torn no longer is: the next change needs a new record. */
  #recordIsStale = false;
  /** Begun by this session or an earlier one, and not finished. */
  readonly #partitions: Set<string>;
  #windows: readonly JournalWindow[];
  readonly #size: WindowSize;
  #covered: SuspectBlocks;
  /** Blocks found unchanged or written so far. */
  #settled = 0;
  #at: number | null = null;
  #stalled = 0;
  #stored: boolean;
  /** Whether an earlier session has left a record, even a damaged one. */
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
   * Reads the record of the last session and finds the blocks that it may have torn.
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
    const state = damaged ? 'damaged' : resumes ? 'of this bundle' : stored ? 'of another bundle' : 'empty';
    platform.debug?.('journal', `the record is ${state}`);
    const left = await scanForTornBlocks(target, printer, { last, damaged, resumes });
    return new Journal(options, facts, { printer, last, stored, resumes, left });
  }

  /** How often a session with this bundle has changed something, this one included if it does. */
  get attempt(): number {
    return this.#resumes ? (this.#last?.attempt ?? 0) + 1 : 1;
  }

  /** Blocks that were in place when a resumed session made its first change; null in a session that resumes none. */
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
    if (known && !first && !this.#recordIsStale) return;
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
    if (this.#torn.settle(partition, block) && this.#resumes) this.#recordIsStale = true;
  }

  /** An image is in flash as a whole, its gate open. */
  settleImage(partition: Partition): void {
    this.#torn.settleWhole(partition);
    for (const other of this.#options.target.partitions.values())
      if (covers(partition, other)) this.#partitions.delete(other.name);
  }

  /**
   * The session ended without a commit, and no operation was cut short or failed: nothing of its own is torn. A
   * failure here is a warning only: the record that is there says more than is needed.
   * @param changed - whether the session has changed anything
   */
  async checkpoint({ changed }: { readonly changed: boolean }): Promise<void> {
    if (this.#at === null) return;
    if (!changed && !this.hasPrevious) return this.#quietly(() => this.#options.store.clear());
    // A session that has not reached the point where the last one stopped keeps its windows: they say what may be torn.
    if (this.#maybeTorn.none) this.#windows = [];
    await this.#quietly(() => this.#save());
  }

  /**
   * The update is committed. The record keeps what earlier sessions left in partitions that this one did not write.
   * @param whole - whether every image of a board was written. Then the other partitions that only a damaged record
   *   makes suspect are no longer, if they can be read
   * @returns the names of those partitions
   */
  async done(whole: boolean): Promise<readonly string[]> {
    if (!this.#stored) return [];
    if (whole) await this.#quietly(() => this.#takeRest());
    this.#cover([]);
    const suspects = this.#torn.list();
    const left = partitionsOf({ partitions: [...this.#partitions], suspects, windows: [] });
    if (left.length > 0)
      this.#options.observer.warn?.(`not finished since an update was interrupted: ${left.join(', ')}`);
    await this.#quietly(async () => {
      if (left.length === 0) await this.#options.store.clear();
      else await this.#write({ bundle: null, attempt: 0, at: 0, stalled: 0 });
    });
    return left;
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

  /** Settles partitions that are suspect as a whole, and can be read. */
  async #takeRest(): Promise<void> {
    for (const partition of this.#torn.wholes) {
      // The next bundle may have an image for it.
      if (imageOf(partition.name) === HOSTFW_IMAGE || !(await this.#isReadable(partition))) continue;
      this.#torn.settleWhole(partition);
      this.#partitions.delete(partition.name);
      const why = 'the journal was damaged, and the update has no image for it';
      this.#options.observer.warn?.(`${partition.name} is readable, and is taken as it is: ${why}`);
    }
  }

  async #isReadable({ device, offset, size }: Partition): Promise<boolean> {
    const { eraseSize } = device.geometry;
    for (let block = offset / eraseSize; block < (offset + size) / eraseSize; block++) {
      if ((await device.isBad(block)) === true) continue;
      if ((await this.#printer.printIfReadable(device, block)) === null) return false;
    }
    return true;
  }

  async #look(partition: Partition, window: readonly number[]): Promise<JournalWindow> {
    const { device, offset, name } = partition;
    const first = offset / device.geometry.eraseSize;
    const blocks = [];
    for (const block of window) {
      // A block that may be torn may read differently by now.
      const former = this.#maybeTorn.printOf(partition, block);
      blocks.push({
        block: block - first,
        print: former ?? (await this.#printer.printIfReadable(device, block)) ?? NO_PRINT,
      });
    }
    return { partition: name, blocks };
  }

  /** Moves to other windows. A block outside of them that may be torn is listed by itself from here on. */
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
    this.#recordIsStale = false;
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
