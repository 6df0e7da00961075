import { printable } from '../core/text.js';
import { stderr } from './output.js';

/** Milliseconds between two drawings: smooth enough, and nothing for the CPU of a BMC. */
const INTERVAL = 100;

/** A few lines on a terminal that are drawn over themselves. Draws nothing where there is no terminal. */
export class Screen {
  #lines = 0;
  #drawn = Number.NEGATIVE_INFINITY;

  get isTerminal(): boolean {
    return stderr().isTTY;
  }

  /** Whether colours are welcome (no-color.org). */
  get colour(): boolean {
    return this.isTerminal && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb';
  }

  /** Draws what `lines` gives, unless it was drawn a moment ago. */
  draw(lines: () => readonly string[], now = false): void {
    if (!this.isTerminal) return;
    const time = process.uptime() * 1000;
    if (!now && time - this.#drawn < INTERVAL) return;
    this.#drawn = time;
    const up = this.#lines === 0 ? '' : `\x1b[${this.#lines}A`;
    const text = lines();
    const width = Math.max(20, (stderr().columns ?? 80) - 1);
    this.#lines = text.length;
    stderr().write(`${up}${text.map((line) => `\x1b[2K${clip(line, width)}\n`).join('')}`);
  }

  /** Leaves what was drawn standing; the next drawing begins below it. */
  settle(): void {
    this.#lines = 0;
    this.#drawn = Number.NEGATIVE_INFINITY;
  }

  /** Takes away what was drawn. */
  clear(): void {
    if (this.#lines > 0) stderr().write(`\x1b[${this.#lines}A\x1b[0J`);
    this.settle();
  }
}

/**
 * A line that wraps would spoil the next drawing. Colour codes take no room; nothing else of a line, such as the name
 * of a partition, drives the terminal.
 */
function clip(line: string, width: number): string {
  let room = width;
  let text = '';
  for (const [part] of line.matchAll(/\x1b\[[0-9;]*m|[^\x1b]/gu)) {
    if (part.length > 1 && part.startsWith('\x1b')) text += part;
    else if (room-- > 0) text += printable(part);
  }
  return text;
}
