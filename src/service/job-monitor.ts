import type { FlashTarget } from '../core/flash/device.js';
import type { BlockState, Observer, Phase } from '../core/update/report/observer.js';
import type { PartitionProgress, Progress } from '../core/update/report/progress.js';
import type { EventHub } from './events.js';

/** Interval of progress events. */
const PUBLISH_INTERVAL_MS = 250;

/** Letters of block states in a map; `.`: not looked at yet. */
const LETTERS: Readonly<Record<BlockState, string>> = {
  unchanged: '=',
  erased: 'e',
  written: 'w',
  held: 'h',
  bad: 'b',
};

/** Progress of a job. */
export interface JobProgress {
  readonly phase: Phase;
  /** See Progress.percent. */
  readonly percent: number | null;
  /** Bytes of the source taken so far. */
  readonly received: number;
  /** Bytes of the source; null if unknown. */
  readonly total: number | null;
  /** Bytes per second, over the last seconds. */
  readonly rate: number;
  /** See Progress.secondsLeft. */
  readonly secondsLeft: number | null;
  readonly partitions: Readonly<Record<string, PartitionProgress>>;
}

/** The map of one partition. */
class BlockRow {
  readonly letters: Uint8Array;
  /** The range of blocks changed since the last event, without `to`. */
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

/** Observes a job: collects its progress and its map, and publishes both several times a second. */
export class JobMonitor implements Observer {
  readonly #events: EventHub;
  readonly #now: () => number;
  readonly #progress: Progress;
  readonly #rows = new Map<string, BlockRow>();
  #published = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;

  /** @param progress - with the pass of this job begun */
  constructor(hub: EventHub, now: () => number, progress: Progress) {
    this.#events = hub;
    this.#now = now;
    this.#progress = progress;
  }

  /** Sets the partitions of the map. Blocks of other partitions are ignored. */
  setPartitions(target: FlashTarget): void {
    for (const [name, { size, device }] of target.partitions) {
      this.#rows.set(name, new BlockRow(size / device.geometry.eraseSize));
    }
  }

  get progress(): JobProgress {
    const {
      currentPhase: phase,
      percent,
      bytes: received,
      size,
      rate,
      secondsLeft,
      partitions,
    } = this.#progress;
    return { phase, percent, received, total: size, rate: Math.round(rate), secondsLeft, partitions };
  }

  /** By partition one letter for each erase block: `=` unchanged, `e` erased, `w` written, `h` held, `b` bad. */
  get map(): Record<string, string> {
    const { partitions } = this.#progress;
    const started = [...this.#rows].filter(([name]) => Object.hasOwn(partitions, name));
    return Object.fromEntries(started.map(([name, row]) => [name, row.text()]));
  }

  received(bytes: number): void {
    this.#progress.received(bytes);
    this.#publish();
  }

  phase(phase: Phase): void {
    this.#progress.phase(phase);
    this.flush();
  }

  image(member: string, partition: string, blocks: number, changes: number | null): void {
    this.#progress.image(member, partition, blocks, changes);
    this.flush();
  }

  planned(): void {
    this.#progress.planned();
  }

  block(partition: string, block: number, state: BlockState): void {
    this.#rows.get(partition)?.set(block, state);
    this.#progress.block(partition, block, state);
    this.#publish();
  }

  warn(message: string): void {
    this.#events.publish('warning', { message });
  }

  /** Publishes all unpublished changes. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#published = this.#now();
    this.#events.publish('progress', this.progress);
    const changed: Record<string, { from: number; blocks: string }> = {};
    for (const [name, row] of this.#rows) {
      if (row.to <= row.from) continue;
      changed[name] = { from: row.from, blocks: row.text(row.from, row.to) };
      row.from = Number.POSITIVE_INFINITY;
      row.to = 0;
    }
    if (Object.keys(changed).length > 0) this.#events.publish('blocks', changed);
  }

  /** Call at the end of the job; nothing is published afterwards. */
  close(): void {
    this.flush();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#rows.clear();
  }

  #publish(): void {
    if (this.#now() - this.#published >= PUBLISH_INTERVAL_MS) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), PUBLISH_INTERVAL_MS).unref();
  }
}
