import type { FlashTarget } from '../core/flash/device.js';
import { printable } from '../core/text.js';
import type { BlockState } from '../core/update/report/observer.js';

/** A cell: a character that is distinct without colour, and an SGR colour. */
interface Cell {
  readonly glyph: string;
  readonly colour: number;
  readonly meaning: string;
}

/** The cells by state; `unseen` is a block that was not looked at yet. */
export const CELLS: Readonly<Record<BlockState | 'unseen', Cell>> = {
  unseen: { glyph: '·', colour: 90, meaning: 'not looked at' },
  unchanged: { glyph: '=', colour: 34, meaning: 'unchanged' },
  erased: { glyph: '░', colour: 33, meaning: 'erased' },
  written: { glyph: '█', colour: 32, meaning: 'written' },
  held: { glyph: 'H', colour: 36, meaning: 'held' },
  bad: { glyph: 'X', colour: 31, meaning: 'bad' },
};

/** Cells of one line: 64 blocks of 64 KiB are 4 MiB, and the line fits 80 columns. */
const COLUMNS = 64;

/** Characters for the name of a partition; a longer one has a line of its own. */
const LABEL = 11;

/** A picture of a chip, one cell an erase block, a heading for each partition. */
export class ChipMap {
  readonly #rows = new Map<string, (BlockState | 'unseen')[]>();
  readonly #colour: boolean;

  /** @param only - partitions to show; null for all except those that overlap others */
  constructor(target: FlashTarget, only: readonly string[] | null, colour: boolean) {
    this.#colour = colour;
    const all = [...target.partitions.values()];
    for (const partition of all) {
      const covers = all.some(
        (other) =>
          other !== partition &&
          other.device === partition.device &&
          other.offset >= partition.offset &&
          other.offset + other.size <= partition.offset + partition.size,
      );
      if (only === null ? covers : !only.includes(partition.name)) continue;
      const blocks = partition.size / partition.device.geometry.eraseSize;
      this.#rows.set(
        partition.name,
        Array.from({ length: blocks }, () => 'unseen' as const),
      );
    }
  }

  set(partition: string, block: number, state: BlockState): void {
    const row = this.#rows.get(partition);
    if (row !== undefined && block >= 0 && block < row.length) row[block] = state;
  }

  /** Number of blocks of a partition in a state. */
  count(partition: string, state: BlockState | 'unseen'): number {
    return this.#rows.get(partition)?.filter((cell) => cell === state).length ?? 0;
  }

  /** Lines of text. */
  render(): string[] {
    const lines: string[] = [];
    for (const [name, cells] of this.#rows) {
      const label = printable(name);
      const fits = label.length < LABEL;
      if (!fits) lines.push(`  ${label}`);
      for (let at = 0; at < cells.length; at += COLUMNS) {
        const head = at === 0 && fits ? label : '';
        lines.push(`  ${head.padEnd(LABEL)}${this.#cells(cells.slice(at, at + COLUMNS))}`);
      }
    }
    const legend = Object.values(CELLS).map((cell) => `${this.#paint(cell, cell.glyph)} ${cell.meaning}`);
    lines.push(`  ${' '.repeat(LABEL)}${legend.join('   ')}`);
    return lines;
  }

  /** Neighbouring cells of the same state share colour codes: a serial terminal is slow. */
  #cells(states: readonly (BlockState | 'unseen')[]): string {
    let text = '';
    for (let at = 0; at < states.length;) {
      const state = states[at] as BlockState;
      let end = at + 1;
      while (end < states.length && states[end] === state) end++;
      text += this.#paint(CELLS[state], CELLS[state].glyph.repeat(end - at));
      at = end;
    }
    return text;
  }

  #paint({ colour }: Cell, text: string): string {
    return this.#colour ? `\x1b[${colour}m${text}\x1b[0m` : text;
  }
}
