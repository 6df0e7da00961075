import type { FlashTarget } from '../core/flash/device.js';
import type { BlockState, Observer, Phase } from '../core/update/report/observer.js';
import type { EventHub } from './events.js';

/** Milliseconds between two progress events: what a person still sees as moving. */
const INTERVAL = 250;

/** Milliseconds over which the rate is taken: longer than an erase that takes seconds. */
const RATE_WINDOW = 5000;

/** How a block is told in a map: one character each. `.` not looked at yet. */
const LETTERS: Readonly<Record<BlockState, string>> = {
  unchanged: '=',
  erased: 'e',
  written: 'w',
  held: 'h',
  bad: 'b',
};

/** How far one partition is. */
export interface PartitionProgress {
  /** Erase blocks of its image; 0 when not known. */
  blocks: number;
  /** Erase blocks that are done with: left alone, written or held. */
  done: number;
}

/** How far a job is. */
export interface JobProgress {
  readonly phase: Phase;
  /** Bytes of the source taken so far. */
  readonly received: number;
  /** Bytes of the source; null when not known. */
  readonly total: number | null;
  /** Bytes a second, over the last seconds. */
  readonly rate: number;
  /** Seconds until the source is taken at this rate; null when not known. */
  readonly secondsLeft: number | null;
  readonly partitions: Readonly<Record<string, PartitionProgress>>;
}

/** The blocks of one partition as a map shows them. */
class BlockRow {
  readonly letters: Uint8Array;
  /** Blocks that were told since the last event: from, up to and without. */
  from = Number.POSITIVE_INFINITY;
  to = 0;

  constructor(blocks: number) {
    this.letters = new Uint8Array(blocks).fill('.'.charCodeAt(0));
  }

  set(block: number, state: BlockState): void {
    this.letters[block] = LETTERS[state].charCodeAt(0);
    this.from = Math.min(this.from, block);
    this.to = Math.max(this.to, block + 1);
  }

  text(from = 0, to = this.letters.length): string {
    return Buffer.from(this.letters.buffer, from, to - from).toString('latin1');
  }
}

/** Watches one job for the service: keeps how far it is, and tells the hub some times a second. */
export class JobMonitor implements Observer {
  readonly #hub: EventHub;
  readonly #now: () => number;
  readonly #rows = new Map<string, BlockRow>();
  readonly #partitions: Record<string, PartitionProgress> = {};
  readonly #total: number | null;
  #phase: Phase = 'receiving';
  #received = 0;
  #told = Number.NEGATIVE_INFINITY;
  /** Where the window of the rate begins, and where the one before it did. */
  #marks: [time: number, received: number][] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(hub: EventHub, now: () => number, total: number | null) {
    this.#hub = hub;
    this.#now = now;
    this.#total = total;
    this.#marks = [[now(), 0]];
  }

  /** Makes room for the map of the flash; blocks of partitions that are not in it are not drawn. */
  drawOn(target: FlashTarget): void {
    for (const [name, { size, device }] of target.partitions) {
      this.#rows.set(name, new BlockRow(size / device.geometry.eraseSize));
    }
  }

  get progress(): JobProgress {
    const { rate } = this;
    const left = this.#total === null ? null : Math.max(0, this.#total - this.#received);
    return {
      phase: this.#phase,
      received: this.#received,
      total: this.#total,
      rate: Math.round(rate),
      secondsLeft: left === null || rate === 0 ? null : Math.ceil(left / rate),
      partitions: this.#partitions,
    };
  }

  /** By partition one letter for each erase block: `=` right already, `e` erased, `w` written, `h` held, `b` bad. */
  get map(): Record<string, string> {
    const touched = [...this.#rows].filter(([name]) => Object.hasOwn(this.#partitions, name));
    return Object.fromEntries(touched.map(([name, row]) => [name, row.text()]));
  }

  get rate(): number {
    const [time, received] = this.#marks[0] as [number, number];
    const elapsed = this.#now() - time;
    return elapsed <= 0 ? 0 : ((this.#received - received) * 1000) / elapsed;
  }

  received(bytes: number): void {
    this.#received = bytes;
    const now = this.#now();
    const [latest] = this.#marks.at(-1) as [number, number];
    if (now - latest >= RATE_WINDOW) {
      this.#marks.push([now, bytes]);
      if (this.#marks.length > 2) this.#marks.shift();
    }
    this.#tell(now);
  }

  phase(phase: Phase): void {
    this.#phase = phase;
    this.flush();
  }

  image(_member: string, partition: string, blocks: number): void {
    this.#partitions[partition] = { blocks, done: 0 };
    this.flush();
  }

  block(partition: string, block: number, state: BlockState): void {
    this.#rows.get(partition)?.set(block, state);
    const progress = this.#partitions[partition];
    if (progress !== undefined && state !== 'erased' && state !== 'bad') {
      progress.done = Math.min(progress.done + 1, progress.blocks || Number.POSITIVE_INFINITY);
    }
    this.#tell(this.#now());
  }

  warn(message: string): void {
    this.#hub.publish('warning', { message });
  }

  /** Tells what has not been told yet. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#told = this.#now();
    this.#hub.publish('progress', this.progress);
    const changed: Record<string, { from: number; blocks: string }> = {};
    for (const [name, row] of this.#rows) {
      if (row.to <= row.from) continue;
      changed[name] = { from: row.from, blocks: row.text(row.from, row.to) };
      row.from = Number.POSITIVE_INFINITY;
      row.to = 0;
    }
    if (Object.keys(changed).length > 0) this.#hub.publish('blocks', changed);
  }

  /** Call when the job is over: nothing is told after it. */
  close(): void {
    this.flush();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#rows.clear();
  }

  #tell(now: number): void {
    if (now - this.#told >= INTERVAL) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), INTERVAL).unref();
  }
}
