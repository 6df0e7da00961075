/** One chart of the harness's figures, readable on light and on dark. */
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
const EDGE = 24;

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
      parts.push(bar(x, y, length, isOurs(row)));
      parts.push(text(x + length + 6, y + BAR - 2, found >= 100 ? found.toFixed(0) : found.toFixed(1), ''));
    });
  });
  const { guest, machine, versions, date } = results;
  const foot =
    `${date}. QEMU ${guest.machine}, emulated (TCG), Linux ${guest.kernel}, on ${machine.cpu}; ` +
    `node ${machine.node}, swupdate ${versions['swupdate'] ?? '?'}, mtd-utils ${versions['mtd-utils'] ?? '?'}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title">
<title id="title">32 MiB onto a NOR-like chip of which 5 % differ: time, memory and flash erased, by tool</title>
<style>
svg { background: #ffffff; font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
text { fill: #24292f }
.title { font-size: 17px; font-weight: 600 }
.head, .ours { font-weight: 600 }
.end { text-anchor: end }
.foot { font-size: 11px; fill: #57606a }
.bar { fill: #8c959f }
.bar.ours { fill: #0969da }
@media (prefers-color-scheme: dark) {
svg { background: #0d1117 }
text { fill: #e6edf3 }
.foot { fill: #9198a1 }
.bar { fill: #6e7681 }
.bar.ours { fill: #4493f8 }
}
</style>
${text(EDGE, 34, '32 MiB onto a NOR-like chip of which 5 % differ', 'title')}
${parts.join('\n')}
${text(EDGE, height - 16, foot, 'foot')}
</svg>
`;
}

const isOurs = (row: Row): boolean => row.peer.startsWith('sluice');

const escape = (content: string): string =>
  content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function text(x: number, y: number, content: string, kind: string): string {
  return `<text x="${x.toFixed(1)}" y="${y}"${kind === '' ? '' : ` class="${kind}"`}>${escape(content)}</text>`;
}

function bar(x: number, y: number, length: number, ours: boolean): string {
  return `<rect x="${x}" y="${y}" width="${length.toFixed(1)}" height="${BAR}" rx="2" class="bar${ours ? ' ours' : ''}"/>`;
}
