import { printable } from '../core/text.js';
import type { BlockState, Observer, Phase } from '../core/update/report/observer.js';
import { Progress as Model, type Pass } from '../core/update/report/progress.js';
import { ChipMap } from './chip-map.js';
import type { Job } from './job.js';
import { mib, note } from './print.js';
import { Screen } from './screen.js';

/** Cells of the bar. */
const BAR = 30;

/** Shows an update on a terminal while it runs; without a terminal it prints warnings only. */
export interface Progress extends Observer {
  /**
   * Begins a pass over the source.
   * @param name - name of the pass on the bar
   * @param size - bytes of the source; null when not known
   */
  pass(name: string, size: number | null, pass?: Pass): void;
  /** The percentage that a service reports for the job; null when the service does not know. */
  reported(percent: number | null): void;
  /** Removes the bar. A map stays. */
  close(): void;
}

/** Progress for a command. @param last - the last pass of the command: a check, or the write after it */
export function openProgress(options: { job: Job; quiet: boolean; map: boolean; last: Pass }): Progress {
  const screen = new Screen();
  const { job, quiet, map, last } = options;
  const chip = map && !quiet && job.target !== null ? new ChipMap(job.target, job.only, screen.colour) : null;
  return new TerminalProgress({ screen, map: chip, quiet, last, remote: false });
}

/** Progress of a transfer to a service, which knows its chip and reports its own percentage. */
export function openTransferProgress(quiet: boolean): Progress {
  return new TerminalProgress({ screen: new Screen(), map: null, quiet, last: 'write', remote: true });
}

interface TerminalOptions {
  readonly screen: Screen;
  readonly map: ChipMap | null;
  readonly quiet: boolean;
  readonly last: Pass;
  /** Whether a service does the work, so that its percentage counts and not the bytes that were sent. */
  readonly remote: boolean;
}

class TerminalProgress implements Progress {
  readonly #screen: Screen;
  readonly #map: ChipMap | null;
  readonly #drawing: boolean;
  readonly #quiet: boolean;
  readonly #model: Model;
  readonly #last: Pass;
  #name = '';
  #where = '';
  readonly #remote: boolean;
  #reported: number | null = null;

  constructor({ screen, map, quiet, last, remote }: TerminalOptions) {
    this.#screen = screen;
    this.#map = map;
    this.#drawing = !quiet && screen.isTerminal;
    this.#quiet = quiet;
    this.#last = last;
    this.#remote = remote;
    this.#model = new Model(() => performance.now(), last);
  }

  pass(name: string, size: number | null, pass: Pass = this.#last): void {
    this.#name = name;
    this.#where = '';
    this.#reported = null;
    this.#model.begin(pass, size);
    this.#draw();
  }

  close(): void {
    if (!this.#drawing) {
      for (const line of this.#map?.render() ?? []) note(line);
    } else if (this.#map === null) this.#screen.clear();
    else {
      this.#screen.draw(() => this.#lines(), true);
      this.#screen.settle();
    }
  }

  received(bytes: number): void {
    this.#model.received(bytes);
    this.#draw();
  }

  reported(percent: number | null): void {
    this.#reported = percent;
    this.#draw();
  }

  phase(phase: Phase): void {
    this.#model.phase(phase);
    if (phase === 'checking') this.#where = 'reading back';
    if (phase === 'committing') this.#where = 'committing';
    this.#draw(true);
  }

  image(member: string, partition: string, blocks: number, changes: number | null): void {
    this.#model.image(member, partition, blocks, changes);
    this.#where = printable(partition);
  }

  planned(): void {
    this.#model.planned();
  }

  block(partition: string, block: number, state: BlockState): void {
    this.#where = printable(partition);
    this.#map?.set(partition, block, state);
    this.#model.block(partition, block, state);
    this.#draw();
  }

  warn(message: string): void {
    if (this.#quiet) return;
    if (this.#drawing) this.#screen.clear();
    note(`sluice: ${message}`);
  }

  #draw(now = false): void {
    if (this.#drawing) this.#screen.draw(() => this.#lines(), now);
  }

  #lines(): string[] {
    return [...(this.#map?.render() ?? []), this.#bar()];
  }

  #bar(): string {
    const { rate, bytes, secondsLeft } = this.#model;
    const percent = this.#remote ? this.#reported : this.#model.percent;
    const left = this.#remote || secondsLeft === null ? '' : `${secondsLeft} s left`;
    const facts = [rate > 0 ? `${mib(rate)}/s` : '', left, this.#where].filter((fact) => fact !== '');
    const filled = Math.round(((percent ?? 0) * BAR) / 100);
    const bar = '#'.repeat(filled) + '-'.repeat(BAR - filled);
    const share = percent === null ? mib(bytes) : `[${bar}] ${percent} %`;
    return [`${this.#name} ${share}`, ...facts].join('  ');
  }
}
