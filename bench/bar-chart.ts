/** Bars beside each other's names: what each part of something costs. */
import { brief } from './digits.js';
import { bar, BARS, EDGE, FOOT_LINE, footLines, frame, text, widthOf } from './svg.js';

export interface Bar {
  readonly label: string;
  readonly value: number;
}

const LENGTH = 420;
const ROW = 26;
const THICK = 14;
const TOP = 84;
/** Between a name and its bar, and a bar and its figure. */
const GAP = 10;

/** Each row of `rows`, from the top down, with its figure in `unit`; those that are not numbers are left out. */
export function drawBarChart(title: string, rows: readonly Bar[], unit: string, foot: string): string {
  const known = rows.filter(({ value }) => Number.isFinite(value));
  const names = Math.max(0, ...known.map(({ label }) => widthOf(label)));
  const figures = Math.max(0, ...known.map(({ value }) => widthOf(brief(value))));
  const start = EDGE + names + GAP;
  const width = Math.max(start + LENGTH + GAP + figures + EDGE, widthOf(title, 'title') + 2 * EDGE);
  const lines = footLines(foot, width);
  const most = Math.max(...known.map(({ value }) => value), Number.MIN_VALUE);
  const parts = [text(start, TOP - 16, unit, 'head')];
  known.forEach(({ label, value }, index) => {
    const y = TOP + index * ROW;
    // Something to see of what is very little, nothing of nothing.
    const length = value <= 0 ? 0 : Math.max(1, (value / most) * LENGTH);
    parts.push(text(start - GAP, y + THICK - 2, label, 'end'));
    parts.push(bar(start, y, length, THICK, true));
    parts.push(text(start + length + GAP - 4, y + THICK - 2, brief(value)));
  });
  return frame({
    width,
    height: TOP + known.length * ROW + 32 + lines.length * FOOT_LINE,
    title,
    about: `${title}, ${unit}: ${known.map(({ label, value }) => `${label} ${brief(value)}`).join(', ')}`,
    foot: lines,
    look: BARS,
    parts,
  });
}
