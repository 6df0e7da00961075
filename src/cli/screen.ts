import { printable } from '../core/text.js';
import { stderr } from './output.js';

/** Milliseconds between two drawings: smooth, and cheap for the CPU of a BMC. */
const INTERVAL = 100;

/** Lines on a terminal that are redrawn in place. Draws nothing without a terminal. */
export class Screen {
  #lines = 0;
  #drawn = Number.NEGATIVE_INFINITY;

  get isTerminal(): boolean {
    return stderr().isTTY;
  }

  /** Whether to use colours (no-color.org). */
  get colour(): boolean {
    return this.isTerminal && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb';
  }

  /** Draws the lines, at most once per interval. */
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

  /** Keeps the drawn lines; the next drawing begins below them. */
  settle(): void {
    this.#lines = 0;
    this.#drawn = Number.NEGATIVE_INFINITY;
  }

  /** Erases the drawn lines. */
  clear(): void {
    if (this.#lines > 0) stderr().write(`\x1b[${this.#lines}A\x1b[0J`);
    this.settle();
  }
}

/**
 * Clips a line, because a wrapped line would break the next drawing. Colour codes have no width; other control
 * characters, such as those in the name of a partition, are replaced.
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
