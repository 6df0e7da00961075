/**
 * Progress of an update: one model and one percentage for all displays.
 *
 * Work is counted in the time that it takes to compare one erase block with its new content. A block that changes
 * weighs CHANGE of them, so a chip of which one partition in ten changes does not stand at 90 % when the work begins.
 * Before the images of a bundle are announced, and for a bundle that does not announce them, bytes of the source
 * stand for work.
 *
 * @packageDocumentation
 */
import type { BlockState, Observer, Phase } from './observer.js';

/** To receive, hash and compare one block, and to read it again before the commit. The unit of work. */
const COMPARE = 1;

/**
 * To compare, erase, program, read back and recheck one block. 64 KiB of SPI NOR take 330 to 830 ms to erase and
 * program (core/sim/timing.ts); to receive, hash and compare them takes a BMC 10 to 20 ms. NAND erases faster: there
 * the percentage of a chip that changes in part is less even, and still right at both ends.
 */
const CHANGE = 32;

/** To receive and hash one block in a check pass, and to compare it for the forecast. */
const CHECK = 2;

/** Milliseconds over which rates are taken: longer than an erase that takes seconds. */
const RATE_WINDOW = 5000;

/** Milliseconds after which a rate says something about the time left. */
const SETTLED = 500;

/** What a reading of the source is for. */
export type Pass = 'check' | 'write';

/** How far one partition is. */
export interface PartitionProgress {
  /** Erase blocks of its image; 0 when not known. */
  readonly blocks: number;
  /** Erase blocks of the image that were left unchanged, written or held. */
  readonly done: number;
}

class PartitionRow implements PartitionProgress {
  readonly blocks: number;
  /** Blocks that a check has found to change; null when no check has compared them. */
  readonly changes: number | null;
  unchanged = 0;
  written = 0;
  held = 0;
  /** Held blocks that were written in the commit. */
  opened = 0;
  /** The first block that has not been counted: a block that is written again counts once. */
  next = 0;

  constructor(blocks: number, changes: number | null) {
    this.blocks = blocks;
    this.changes = changes;
  }

  get done(): number {
    const { blocks, unchanged, written, held } = this;
    return Math.min(unchanged + written + held, blocks || Number.POSITIVE_INFINITY);
  }

  /** A block without a forecast counts as one that changes until it was compared, so the estimate never falls. */
  get total(): number {
    const { blocks, changes, unchanged, written, held } = this;
    const left = Math.max(0, blocks - unchanged - written - held);
    const leftToChange = changes === null ? left : Math.min(left, Math.max(0, changes - written - held));
    return (written + held + leftToChange) * CHANGE + (unchanged + left - leftToChange) * COMPARE;
  }

  /** Work done, without the recheck of what was written. */
  get work(): number {
    const { unchanged, written, held, opened } = this;
    return (unchanged + held) * COMPARE + (written + opened) * (CHANGE - COMPARE);
  }
}

/** See the file comment. Costs a few additions an event, and one small object a partition. */
export class Progress implements Observer {
  readonly #now: () => number;
  readonly #last: Pass;
  readonly #rows = new Map<string, PartitionRow>();
  /** The values of `#rows`: a walk over a map makes an object. */
  #rowList: readonly PartitionRow[] = [];
  /** In the unit of COMPARE. */
  #done = 0;
  /** As `#done`; 0 when not known. */
  #total = 0;
  #pass: Pass;
  #phase: Phase = 'receiving';
  #received = 0;
  #size: number | null = null;
  /** How much of the source a check pass has read, 0 to 1. */
  #checked = 0;
  /** Whether every image is in `#rows`. */
  #planned = false;
  #percent: number | null = null;
  /** Where the rate window begins, and where the next one will: time, bytes and work. */
  #marks: (readonly [time: number, received: number, work: number])[] = [];

  /**
   * @param now - a clock that does not go back, in milliseconds
   * @param last - the last pass: `check` for a check alone; with `write` a check may come before
   */
  constructor(now: () => number, last: Pass) {
    this.#now = now;
    this.#last = last;
    this.#pass = last;
    this.#restart();
  }

  /**
   * A reading of the source begins.
   * @param size - bytes of the source; null when not known
   */
  begin(pass: Pass, size: number | null): void {
    this.#pass = pass;
    this.#phase = 'receiving';
    this.#received = 0;
    this.#size = size;
    this.#planned = false;
    this.#rows.clear();
    this.#rowList = [];
    // A check that is begun anew counts from its own start.
    if (pass === 'check') this.#checked = 0;
    this.#restart();
  }

  get currentPhase(): Phase {
    return this.#phase;
  }

  /** Bytes of the source that this pass has taken. */
  get bytes(): number {
    return this.#received;
  }

  /** Bytes of the source; null when not known. A source may learn its size after the pass has begun. */
  get size(): number | null {
    return this.#size;
  }

  set size(bytes: number | null) {
    if (bytes === this.#size) return;
    this.#size = bytes;
    this.#restart();
  }

  /**
   * A whole number from 0 to 100 that never falls; 100 only when the update is committed. Null as long as neither the
   * size of the source nor its images are known.
   */
  get percent(): number | null {
    return this.#percent;
  }

  /** Bytes of the source a second, over the last seconds. */
  get rate(): number {
    const [time, received] = this.#marks[0] as readonly [number, number, number];
    const elapsed = this.#now() - time;
    return elapsed <= 0 ? 0 : ((this.#received - received) * 1000) / elapsed;
  }

  /** Seconds to the commit at the present rate; null when not known, and in a check that a write follows. */
  get secondsLeft(): number | null {
    if (this.#phase === 'done') return 0;
    const [time, , before] = this.#marks[0] as readonly [number, number, number];
    const elapsed = this.#now() - time;
    const worked = this.#done - before;
    if (this.#total === 0 || this.#pass !== this.#last || elapsed < SETTLED || worked <= 0) return null;
    return Math.ceil((Math.max(0, this.#total - this.#done) * elapsed) / worked / 1000);
  }

  /** By name, in the order in which the images were announced. */
  get partitions(): Readonly<Record<string, PartitionProgress>> {
    return Object.fromEntries([...this.#rows].map(([name, { blocks, done }]) => [name, { blocks, done }]));
  }

  received(bytes: number): void {
    this.#received = bytes;
    if (this.#pass === 'check' && this.#size !== null && this.#size > 0)
      this.#checked = Math.min(1, bytes / this.#size);
    const now = this.#now();
    const [latest] = this.#marks.at(-1) as readonly [number, number, number];
    if (now - latest >= RATE_WINDOW) {
      this.#marks.push([now, bytes, this.#done]);
      if (this.#marks.length > 2) this.#marks.shift();
    }
    this.#update();
  }

  phase(phase: Phase): void {
    this.#phase = phase;
    this.#update();
  }

  image(_member: string, partition: string, blocks: number, changes: number | null = null): void {
    this.#rows.set(partition, new PartitionRow(blocks, changes));
    this.#rowList = [...this.#rows.values()];
    this.#update();
  }

  planned(): void {
    if (this.#planned) return;
    this.#planned = true;
    this.#restart();
  }

  block(partition: string, block: number, state: BlockState): void {
    const row = this.#rows.get(partition);
    if (row === undefined || state === 'erased' || state === 'bad') return;
    if (block >= row.next) {
      row.next = block + 1;
      row[state]++;
    } else if (state === 'written' && this.#phase === 'committing' && row.opened < row.held) row.opened++;
    this.#update();
  }

  /** The rate of what came before says nothing about what comes. */
  #restart(): void {
    this.#update();
    this.#marks = [[this.#now(), this.#received, this.#done]];
  }

  #update(): void {
    this.#measure();
    if (this.#phase === 'done') this.#percent = 100;
    else if (this.#total > 0) {
      const now = Math.min(99, Math.floor((this.#done * 100) / this.#total));
      this.#percent = Math.max(this.#percent ?? 0, now);
    }
  }

  #measure(): void {
    const share = this.#size === null || this.#size === 0 ? null : Math.min(1, this.#received / this.#size);
    const writing = this.#pass === 'write';
    this.#done = 0;
    this.#total = 0;
    let blocks = 1;
    let written = 1;
    if (writing && this.#planned) {
      blocks = written = 0;
      for (const row of this.#rowList) {
        blocks += row.blocks;
        written += row.written;
        this.#total += row.total;
        this.#done += row.work;
      }
    } else if (share === null) return;
    else {
      // The whole source stands for one block that changes.
      if (this.#last === 'write') this.#total = CHANGE;
      if (writing) this.#done = share * (CHANGE - COMPARE);
    }
    if (writing && isRechecked(this.#phase)) this.#done += written * COMPARE;
    this.#done += this.#checked * blocks * CHECK;
    this.#total += (writing ? this.#checked : 1) * blocks * CHECK;
  }
}

/** Whether what was written has been read once more. */
const isRechecked = (phase: Phase): boolean =>
  phase !== 'receiving' && phase !== 'checking' && phase !== 'failed';
