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
import { asSluiceError, SluiceError } from '../errors.js';
import type { FlashTarget, Partition } from '../flash/device.js';
import type { Platform } from '../platform.js';
import { BlockPrinter } from './block-print.js';
import type { Change } from './block-writer.js';
import { DoubtfulBlocks, isRaw, rawBlock } from './doubtful-blocks.js';
import { formatJournal, parseJournal, type JournalRecord, type JournalWindow } from './journal-record.js';
import type { JournalStore } from './journal-store.js';
import type { Observer } from './observer.js';
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

/** The journal of one session; see the file comment. */
export class Journal {
  readonly #options: JournalOptions;
  readonly #printer: BlockPrinter;
  readonly #facts: JournalFacts;
  /** What the session before has left. */
  readonly #last: JournalRecord | null;
  /** Whether that one had the same bundle. */
  readonly #resumes: boolean;
  /** Those that may be torn; the one that the last session changed last among them. */
  readonly #doubtful: DoubtfulBlocks;
  /** Blocks of the last session's window in which it may have begun to change one, of which nobody knows which. */
  readonly #perhaps: DoubtfulBlocks;
  readonly #doubts: readonly DoubtfulBlocks[];
  /**
   * Where this session has come to one of them. The first of a partition that it changes is the one that the last
   * session would have changed; of other partitions, which may not be written this time, that says nothing.
   */
  readonly #reached = new Set<Partition>();
  /** A block that the record calls doubtful is not any more: the next change is told of in another one. */
  #mended = false;
  readonly #partitions = new Set<string>();
  #windows: readonly JournalWindow[];
  readonly #size: WindowSize;
  #covered: DoubtfulBlocks;
  /** Blocks found right or written so far. */
  #settled = 0;
  #at: number | null = null;
  #stalled = 0;
  #stored: boolean;

  private constructor(
    options: JournalOptions,
    facts: JournalFacts,
    last: JournalRecord | null,
    stored: boolean,
  ) {
    const { target } = options;
    this.#options = options;
    this.#printer = new BlockPrinter(options.platform);
    this.#facts = facts;
    this.#last = last;
    this.#stored = stored;
    this.#resumes = last !== null && last.bundle !== null && last.bundle === facts.bundle;
    this.#doubtful = new DoubtfulBlocks(target);
    this.#perhaps = new DoubtfulBlocks(target);
    this.#doubts = [this.#doubtful, this.#perhaps];
    this.#covered = new DoubtfulBlocks(target);
    this.#windows = [];
    this.#size = new WindowSize(facts.bundle !== null);
  }

  /**
   * Reads what the last session has left and looks which block it may have torn.
   * @throws SluiceError ERR_SESSION_JOURNAL
   */
  static async open(options: JournalOptions, facts: JournalFacts): Promise<Journal> {
    const { store, platform, observer } = options;
    const bytes = await store.load();
    const last = bytes === null ? null : parseJournal(platform, bytes);
    const journal = new Journal(options, facts, last, bytes !== null);
    if (last !== null) await journal.#examine(last);
    else if (bytes !== null) {
      observer.warn?.('the journal is damaged: every block is written anew, whatever it reads like');
      journal.#doubtful.addAll();
      await journal.#forgetBad();
    }
    return journal;
  }

  /** Whether an earlier session has left something behind. */
  get follows(): boolean {
    return this.#last !== null;
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

  /**
   * What a block needs that was compared: one that may be torn is erased whatever it reads like.
   * @param bytes - what the block is to hold
   */
  judge(partition: Partition, block: number, change: Change, bytes: Uint8Array): Change {
    if (this.#doubtful.has(partition, block)) return 'erase';
    const former = this.#perhaps.printOf(partition, block);
    if (former === null) return change;
    // It held something else when this session began. What reads right now and did not then is torn.
    return change === 'none' && former === this.#printer.printOf(bytes) ? 'none' : 'erase';
  }

  /** Whether the block can be taken for what it reads like. */
  trusts(partition: Partition, block: number): boolean {
    return !this.#doubts.some((doubts) => doubts.has(partition, block));
  }

  /**
   * Asked before a block is erased or programmed; when it resolves the block is told of in the journal.
   * @param block - of the partition's device
   * @param ahead - the blocks of the device that come behind, itself the first
   * @throws SluiceError ERR_SESSION_JOURNAL, ERR_SESSION_STUCK: then it must not be touched
   */
  async touch(partition: Partition, block: number, ahead: Iterable<number>): Promise<void> {
    const first = this.#at === null;
    if (first) this.#begin();
    if (this.#perhaps.has(partition, block)) this.#reached.add(partition);
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
  async touchGates(gates: readonly { partition: Partition; block: number }[]): Promise<void> {
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

  /** A block holds what it shall: it was right and not in doubt, or was written and read back. */
  settle(partition: Partition, block: number): void {
    this.#settled++;
    this.forget(partition, block);
    if (this.#reached.has(partition)) this.#perhaps.settleBlocks(partition);
  }

  /** A block has gone out of use. */
  forget(partition: Partition, block: number): void {
    this.#perhaps.settle(partition, block);
    if (this.#doubtful.settle(partition, block) && this.#resumes) this.#mended = true;
  }

  /** An image is in flash as a whole, its gate open. */
  settleImage(partition: Partition): void {
    this.#doubtful.settleWhole(partition);
  }

  /**
   * The session ended without a commit, and no operation was cut short or failed: nothing of its own is torn. What
   * goes wrong here is told and changes nothing: the record that is there says more than is needed.
   */
  async rest(): Promise<void> {
    if (this.#at === null) return;
    // Where it has not come to where the last one stopped, that one's windows still say what may be torn.
    if (this.#perhaps.none) this.#windows = [];
    await this.#quietly(() => this.#save());
  }

  /** The update is committed: what is left is what earlier sessions left where this one did not come. */
  async done(): Promise<void> {
    if (!this.#stored) return;
    this.#cover([]);
    await this.#quietly(async () => {
      if (this.#doubtful.none) await this.#options.store.clear();
      else await this.#write({ bundle: null, attempt: 0, at: 0, stalled: 0 });
    });
  }

  /** Which block of the last session's windows may be torn: the last one that was changed, or one behind it. */
  async #examine(last: JournalRecord): Promise<void> {
    for (const { partition, blocks } of last.suspects) {
      if (blocks === null) this.#doubtful.addWhole(partition);
      else for (const block of blocks) this.#doubtful.add(partition, block);
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
    const goesOn = this.#resumes && comparable;
    window.forEach(({ partition, block, print }, k) => {
      if (k < torn) return;
      if (!goesOn || k === torn) this.#doubtful.add(partition, block);
      // To mend one that is in doubt already does not tell that this session has come to where the last one was.
      else if (!this.#isInDoubt(partition, block)) this.#perhaps.add(partition, block, print);
    });
    await this.#forgetBad();
    if (!goesOn) return;
    for (const { partition, block } of window.slice(Math.max(torn, 0))) this.#covered.add(partition, block);
    // As long as this session stays among them it says of those behind what the last one said. What a cut leaves of
    // the one that is erased again now may read as it did before either session: that one is named.
    this.#windows = behind(last.windows, torn + 1);
  }

  #isInDoubt(name: string, block: number): boolean {
    const found = rawBlock(this.#options.target, name, block);
    return found !== null && this.#doubtful.has(found.partition, found.block);
  }

  /** Bad blocks are nobody's any more: no image will come to them and end the doubt. */
  async #forgetBad(): Promise<void> {
    for (const doubts of this.#doubts) {
      for (const { partition: name, blocks } of doubts.list()) {
        for (const block of blocks ?? []) {
          const found = rawBlock(this.#options.target, name, block);
          if (found === null || (await found.partition.device.isBad(found.block)) !== true) continue;
          doubts.settle(found.partition, found.block);
        }
      }
    }
  }

  /** Whether a block holds something else than it did. */
  async #holdsOther(name: string, block: number, print: bigint): Promise<boolean> {
    const found = rawBlock(this.#options.target, name, block);
    // One that an earlier session has left in doubt reads other from time to time without being touched.
    if (found === null || this.#doubtful.has(found.partition, found.block)) return false;
    return (await this.#print(found.partition, found.block)) !== print;
  }

  /**
   * Null for a block that cannot be read. That is no reason to stop: it may be about to be erased, and what has to be
   * read is read, and tried again, by who writes it.
   */
  async #print({ device }: Partition, block: number): Promise<bigint | null> {
    try {
      return await this.#printer.print(device, block);
    } catch (thrown) {
      if (asSluiceError(thrown).code === 'ERR_FLASH_READ') return null;
      throw thrown;
    }
  }

  #begin(): void {
    const { resumeLimit = RESUME_LIMIT } = this.#options;
    const last = this.#resumes ? this.#last : null;
    const stalled = last !== null && this.#settled <= last.at ? last.stalled + 1 : 0;
    if (resumeLimit > 0 && stalled >= resumeLimit) {
      throw new SluiceError(
        'ERR_SESSION_STUCK',
        `the update was resumed ${stalled} times and came no further than block ${this.#settled}`,
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
      const former = this.#perhaps.printOf(partition, block);
      blocks.push({
        block: block - first,
        print: former ?? (await this.#print(partition, block)) ?? NO_PRINT,
      });
    }
    return { partition: name, blocks };
  }

  /** Goes on to other windows. What is in doubt outside of them is told by itself from here on. */
  #cover(windows: readonly JournalWindow[]): void {
    this.#windows = windows;
    this.#covered = new DoubtfulBlocks(this.#options.target);
    for (const { partition, blocks } of windows)
      for (const { block } of blocks) this.#covered.add(partition, block);
    this.#perhaps.moveTo(this.#doubtful, this.#covered);
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
    const suspects = this.#doubtful.list();
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

/** What is left of windows without their first blocks. */
function behind(windows: readonly JournalWindow[], count: number): JournalWindow[] {
  let skip = count;
  return windows.flatMap(({ partition, blocks }) => {
    const left = blocks.slice(skip);
    skip = Math.max(0, skip - blocks.length);
    return left.length === 0 ? [] : [{ partition, blocks: left }];
  });
}
