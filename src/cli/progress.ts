import type { BlockState, Observer, Phase } from '../core/update/report/observer.js';
import { ChipMap } from './chip-map.js';
import type { Job } from './job.js';
import { mib, note } from './print.js';
import { Screen } from './screen.js';

/** Cells of the bar. */
const BAR = 30;

/** Shows an update on a terminal while it runs; elsewhere it says warnings only. */
export interface Progress extends Observer {
  /** A new reading of the source begins. */
  pass(name: string, size: number | null): void;
  /** Takes the drawing away; what is to be kept is in the receipt. */
  close(): void;
}

/** Progress for a command. */
export function openProgress(options: { job: Job; quiet: boolean; map: boolean }): Progress {
  const screen = new Screen();
  const { job, quiet, map } = options;
  const drawing = !quiet && screen.isTerminal;
  const chip = map && !quiet && job.target !== null ? new ChipMap(job.target, job.only, screen.colour) : null;
  return new TerminalProgress(screen, chip, drawing, quiet);
}

/** Progress of a transfer to a service, which knows nothing of a chip. */
export function openTransferProgress(quiet: boolean): Progress {
  const screen = new Screen();
  return new TerminalProgress(screen, null, !quiet && screen.isTerminal, quiet);
}

class TerminalProgress implements Progress {
  readonly #screen: Screen;
  readonly #map: ChipMap | null;
  readonly #drawing: boolean;
  readonly #quiet: boolean;
  #name = '';
  #size: number | null = null;
  #received = 0;
  #started = 0;
  #where = '';

  constructor(screen: Screen, map: ChipMap | null, drawing: boolean, quiet: boolean) {
    this.#screen = screen;
    this.#map = map;
    this.#drawing = drawing;
    this.#quiet = quiet;
  }

  pass(name: string, size: number | null): void {
    this.#name = name;
    this.#size = size;
    this.#received = 0;
    this.#where = '';
    this.#started = process.uptime();
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
    this.#received = bytes;
    this.#draw();
  }

  phase(phase: Phase): void {
    if (phase === 'checking') this.#where = 'reading back';
    if (phase === 'committing') this.#where = 'opening the gates';
    this.#draw(true);
  }

  image(_member: string, partition: string): void {
    this.#where = partition;
  }

  block(partition: string, block: number, state: BlockState): void {
    this.#where = partition;
    this.#map?.set(partition, block, state);
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
    const seconds = process.uptime() - this.#started;
    const rate = seconds > 0.2 ? this.#received / seconds : 0;
    const speed = rate > 0 ? `${mib(rate)}/s` : '';
    if (this.#size === null || this.#size === 0) {
      return `${this.#name} ${mib(this.#received)}  ${speed}  ${this.#where}`;
    }
    const share = Math.min(1, this.#received / this.#size);
    const filled = Math.round(share * BAR);
    const left = rate > 0 && share < 1 ? `${Math.ceil((this.#size - this.#received) / rate)} s left` : '';
    const bar = '#'.repeat(filled) + '-'.repeat(BAR - filled);
    return `${this.#name} [${bar}] ${Math.floor(share * 100)} %  ${speed}  ${left}  ${this.#where}`;
  }
}
