/** One chart of the harness's figures, readable on light and on dark. */
import { bar, BARS, EDGE, frame, text } from '../svg.js';
import { dropOf, wallOf, type Results } from './report.js';
import type { Row } from './shape.js';

interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly value: (row: Row) => number;
}

const PANELS: readonly Panel[] = [
  { title: 'Wall time, emulated', unit: 's', value: wallOf },
  { title: 'RAM taken at worst', unit: 'MiB', value: dropOf },
  { title: 'Erased', unit: 'MiB', value: (row) => row.wear.erased / 2 ** 20 },
];

const NAMES = 300;
const PANEL = 190;
const GAP = 64;
const ROW = 26;
const BAR = 14;
const TOP = 84;

/** Bars for each peer on the NOR-like chip when 5 % of the blocks have changed. */
export function drawChart(results: Results): string {
  const rows = results.rows.filter(({ medium, change }) => medium === 'nor' && change === 5);
  const width = EDGE + NAMES + PANELS.length * (PANEL + GAP);
  const height = TOP + rows.length * ROW + 48;
  const parts: string[] = [];
  rows.forEach((row, index) => {
    const y = TOP + index * ROW + BAR - 2;
    parts.push(text(EDGE + NAMES - 12, y, row.peer, isOurs(row) ? 'end ours' : 'end'));
  });
  PANELS.forEach(({ title, unit, value }, column) => {
    const x = EDGE + NAMES + column * (PANEL + GAP);
    parts.push(text(x, TOP - 16, `${title}, ${unit}`, 'head'));
    const values = rows.map(value);
    const most = Math.max(...values, Number.MIN_VALUE);
    rows.forEach((row, index) => {
      const found = values[index] ?? 0;
      const y = TOP + index * ROW;
      // Something to see of what is very little, nothing of nothing.
      const length = found <= 0 ? 0 : Math.max(1, (found / most) * PANEL);
      parts.push(bar(x, y, length, BAR, isOurs(row)));
      parts.push(text(x + length + 6, y + BAR - 2, found >= 100 ? found.toFixed(0) : found.toFixed(1)));
    });
  });
  const { guest, machine, versions, date } = results;
  const foot =
    `${date}. QEMU ${guest.machine}, emulated (TCG), Linux ${guest.kernel}, on ${machine.cpu}; ` +
    `node ${machine.node}, swupdate ${versions['swupdate'] ?? '?'}, mtd-utils ${versions['mtd-utils'] ?? '?'}`;
  return frame({
    width,
    height,
    title: '32 MiB onto a NOR-like chip of which 5 % differ',
    about: '32 MiB onto a NOR-like chip of which 5 % differ: time, memory and flash erased, by tool',
    foot: [foot],
    look: BARS,
    parts,
  });
}

const isOurs = (row: Row): boolean => row.peer.startsWith('sluice');
