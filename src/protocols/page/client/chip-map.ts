/** Appearance and meaning of a cell, by the letter that the service sends. */
export interface Cell {
  readonly letter: string;
  readonly meaning: string;
  /** CSS custom property of its colour. */
  readonly colour: string;
  readonly shape: 'dot' | 'bar' | 'ring' | 'full' | 'half' | 'cross';
}

/** The shapes differ too, for people who cannot tell the colours apart. `c` is set after a check; the service never sends it. */
export const CELLS: readonly Cell[] = [
  { letter: '.', meaning: 'not looked at', colour: '--cell-none', shape: 'dot' },
  { letter: '=', meaning: 'unchanged', colour: '--cell-same', shape: 'bar' },
  { letter: 'c', meaning: 'will change', colour: '--cell-written', shape: 'ring' },
  { letter: 'e', meaning: 'erased', colour: '--cell-erased', shape: 'ring' },
  { letter: 'w', meaning: 'written', colour: '--cell-written', shape: 'full' },
  { letter: 'h', meaning: 'held', colour: '--cell-held', shape: 'half' },
  { letter: 'b', meaning: 'bad', colour: '--cell-bad', shape: 'cross' },
];

const BY_LETTER = new Map(CELLS.map((cell) => [cell.letter, cell]));

/** Draws one cell into a square. */
export function drawCell(
  context: CanvasRenderingContext2D,
  { shape }: Cell,
  colour: string,
  x: number,
  y: number,
  side: number,
): void {
  context.fillStyle = colour;
  context.strokeStyle = colour;
  const line = Math.max(1, Math.round(side / 6));
  switch (shape) {
    case 'full':
      return context.fillRect(x, y, side, side);
    case 'dot': {
      const dot = Math.max(2, Math.round(side / 3));
      const at = Math.floor((side - dot) / 2);
      return context.fillRect(x + at, y + at, dot, dot);
    }
    case 'bar': {
      const high = Math.max(2, Math.round(side * 0.4));
      return context.fillRect(x, y + Math.floor((side - high) / 2), side, high);
    }
    case 'ring':
      context.lineWidth = line;
      return context.strokeRect(x + line / 2, y + line / 2, side - line, side - line);
    case 'half':
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x + side, y + side);
      context.lineTo(x, y + side);
      return context.fill();
    case 'cross':
      context.lineWidth = line * 1.5;
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x + side, y + side);
      context.moveTo(x + side, y);
      context.lineTo(x, y + side);
      return context.stroke();
  }
}

/** Cells of a row: a multiple of 8 if possible, which makes counting easier. */
export function columnsOf(width: number, pitch: number): number {
  const fit = Math.max(1, Math.floor(width / pitch));
  return fit >= 16 ? fit - (fit % 8) : fit;
}

/** A map of the erase blocks of one partition. Its accessible name has the counts. */
export class ChipMap {
  readonly canvas = document.createElement('canvas');
  readonly #name: string;
  #letters: string[];
  #pitch = 0;
  #columns = 1;
  #ratio = 1;
  #colours = new Map<string, string>();
  #dirty: { from: number; to: number } | null = null;

  constructor(name: string, blocks: number) {
    this.#name = name;
    this.#letters = Array.from({ length: blocks }, () => '.');
    this.canvas.setAttribute('role', 'img');
    this.#label();
  }

  get blocks(): number {
    return this.#letters.length;
  }

  /** Describes the block at a position on the canvas, in CSS pixels; null if there is no cell. */
  describe(x: number, y: number): string | null {
    const column = Math.floor(x / this.#pitch);
    const block = Math.floor(y / this.#pitch) * this.#columns + column;
    const letter = this.#letters[block];
    if (letter === undefined || column >= this.#columns) return null;
    return `${this.#name}, block ${block}: ${BY_LETTER.get(letter)?.meaning ?? 'unknown'}`;
  }

  /** Sets the letters of consecutive blocks. */
  put(from: number, letters: string): void {
    let at = from;
    for (const letter of letters) if (at < this.#letters.length) this.#letters[at++] = letter;
    this.#label();
    const { from: low, to: high } = this.#dirty ?? { from, to: at };
    if (this.#dirty === null) requestAnimationFrame(() => this.#paint());
    this.#dirty = { from: Math.min(low, from), to: Math.max(high, at) };
  }

  clear(): void {
    this.put(0, '.'.repeat(this.blocks));
  }

  /** Arranges the cells. @param pitch - CSS pixels from one cell to the next */
  layOut(width: number, pitch: number): void {
    this.#pitch = pitch;
    this.#columns = columnsOf(width, pitch);
    this.#ratio = window.devicePixelRatio;
    const rows = Math.ceil(this.blocks / this.#columns);
    const { canvas } = this;
    canvas.width = Math.ceil(this.#columns * pitch * this.#ratio);
    canvas.height = Math.ceil(rows * pitch * this.#ratio);
    canvas.style.width = `${this.#columns * pitch}px`;
    canvas.style.height = `${rows * pitch}px`;
    const style = getComputedStyle(document.documentElement);
    this.#colours = new Map(
      CELLS.map(({ letter, colour }) => [letter, style.getPropertyValue(colour).trim()]),
    );
    this.#dirty = { from: 0, to: this.blocks };
    this.#paint();
  }

  #paint(): void {
    const context = this.canvas.getContext('2d');
    if (context === null || this.#dirty === null || this.#pitch === 0) return;
    const { from, to } = this.#dirty;
    this.#dirty = null;
    // Whole device pixels; otherwise the edges of the cells are blurred.
    const step = this.#pitch * this.#ratio;
    const side = Math.max(2, Math.floor(step - Math.max(1, step / 6)));
    for (let block = from; block < to; block++) {
      const letter = this.#letters[block] as string;
      const cell = BY_LETTER.get(letter);
      if (cell === undefined) continue;
      const x = Math.round((block % this.#columns) * step);
      const y = Math.round(Math.floor(block / this.#columns) * step);
      context.clearRect(x, y, Math.ceil(step), Math.ceil(step));
      drawCell(context, cell, this.#colours.get(letter) ?? '', x, y, side);
    }
  }

  #label(): void {
    const counts = new Map<string, number>();
    for (const letter of this.#letters) counts.set(letter, (counts.get(letter) ?? 0) + 1);
    const parts = CELLS.flatMap(({ letter, meaning }) => {
      const number = counts.get(letter);
      return number === undefined ? [] : [`${number} ${meaning}`];
    });
    this.canvas.setAttribute('aria-label', `${this.#name}, ${this.blocks} erase blocks: ${parts.join(', ')}`);
  }
}
