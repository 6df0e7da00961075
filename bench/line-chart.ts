/** Curves: one quantity against another, a line for each way of doing it. */
import { linearAxis, logAxis, type Axis } from './axis.js';
import type { Chart, Series } from './results.js';
import { EDGE, escape, FOOT_LINE, footLines, frame, px, text, widthOf, type Look } from './svg.js';

const PLOT = { width: 560, height: 300 };
/** Top of the plot: below the title and the name of the axis. */
const TOP = 84;
/** Below the plot: its figures and the name of the axis. */
const BELOW = 54;
/** Between two names beside the plot. */
const NAME = 20;
/** Of the piece of a line that is shown before its name. */
const SAMPLE = 26;
/** A line of more points than this is samples: it is drawn thin, and whole, as dashes of noise tell nothing. */
const DENSE = 200;
/** Markers of one line, at most: on a line of samples each few milliseconds they would hide it. */
const MARKERS = 16;

/** For each line in turn: blue, orange, green, violet, pink, ochre, teal, grey. */
const LIGHT = ['#0969da', '#bc4c00', '#1a7f37', '#8250df', '#bf3989', '#9a6700', '#1b7c83', '#57606a'];
const DARK = ['#4493f8', '#f0883e', '#3fb950', '#a371f7', '#db61a2', '#d29922', '#39c5cf', '#9198a1'];
/** One fewer than the colours, so that colour and dashes together repeat only after 56 lines. */
const DASHES = ['', '7 3', '2 3', '9 3 2 3', '12 4', '4 2', '9 3 2 3 2 3'];
/** Each around 0, 0: disc, square, triangle, diamond, triangle on its head, cross, plus, ring. */
const MARKS = [
  'M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z',
  'M-3.2-3.2h6.4v6.4h-6.4z',
  'M0-4.4L4.2 3.2H-4.2z',
  'M0-4.6L4.6 0L0 4.6L-4.6 0z',
  'M0 4.4L4.2-3.2H-4.2z',
  'M-4.4-3L-3-4.4L0-1.4L3-4.4L4.4-3L1.4 0L4.4 3L3 4.4L0 1.4L-3 4.4L-4.4 3L-1.4 0z',
  'M-1.2-4.6h2.4v3.4h3.4v2.4h-3.4v3.4h-2.4v-3.4h-3.4v-2.4h3.4z',
  'M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0zM-2 0a2 2 0 1 1 4 0a2 2 0 1 1-4 0z',
];

type Point = readonly [x: number, y: number];

interface Line {
  readonly name: string;
  /** In pixels, from left to right. */
  readonly points: readonly Point[];
  /** Which colour, dashes and mark. */
  readonly index: number;
}

/**
 * All of `series` in one chart, named beside the plot in the order of their ends, with `foot` below. The vertical axis
 * begins at 0 (or below). What is not a number, or has no place on a scale of powers, is left out, and the foot says so.
 */
export function drawLineChart(chart: Chart, series: readonly Series[], foot: string): string {
  const log = chart.x.scale === 'log';
  const shown = series.map(({ points }) =>
    points
      .filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y) && (!log || x > 0))
      .toSorted(([a], [b]) => a - b),
  );
  const all = shown.flat();
  const left = series.reduce((sum, { points }) => sum + points.length, 0) - all.length;
  const xAxis = (log ? logAxis : linearAxis)(...range(all.map(([x]) => x)));
  const [lowest, highest] = range(all.map(([, y]) => y));
  const { limit } = chart;
  // Room above the limit for what is written there.
  const yAxis = linearAxis(
    Math.min(0, lowest),
    Math.max(highest, limit === undefined ? 0 : limit.value * 1.1),
  );

  const start = EDGE + Math.max(...yAxis.ticks.map(({ label }) => widthOf(label))) + 8;
  const end = start + PLOT.width;
  const bottom = TOP + Math.max(PLOT.height, series.length * NAME);
  const names = end + 16;
  const width = Math.max(
    names + SAMPLE + 8 + Math.max(0, ...series.map(({ name }) => widthOf(name))) + EDGE,
    widthOf(chart.title, 'title') + 2 * EDGE,
    widthOf(chart.y.label, 'head') + start + EDGE,
  );
  const place = ([x, y]: Point): Point => [
    start + xAxis.at(x) * PLOT.width,
    bottom - yAxis.at(y) * (bottom - TOP),
  ];
  const lines = series.map(({ name }, index): Line => {
    const points = (shown[index] ?? []).map(place);
    return { name, points: thin(points), index };
  });
  const note = left === 0 ? '' : ` ${left} points cannot be shown.`;
  const footer = footLines(`${foot}${note}`, width);
  const height = bottom + BELOW + 20 + footer.length * FOOT_LINE;
  const parts = [
    text(start, TOP - 16, chart.y.label, 'head'),
    ...grid(xAxis, yAxis, start, end, bottom),
    text(end, bottom + 42, chart.x.label, 'end head'),
    ...lines.map(draw),
    ...(limit === undefined ? [] : drawLimit(limit.label, place([0, limit.value])[1], start, end)),
    ...nameAll(lines, names, bottom),
  ];
  const about = `${chart.title}: ${chart.y.label} by ${chart.x.label}, for ${series.map(({ name }) => name).join(', ')}`;
  return frame({ width, height, title: chart.title, about, foot: footer, look: lookOf(lines.length), parts });
}

function grid(xAxis: Axis, yAxis: Axis, start: number, end: number, bottom: number): string[] {
  const parts: string[] = [];
  for (const { value, label } of yAxis.ticks) {
    const y = bottom - yAxis.at(value) * (bottom - TOP);
    parts.push(`<path class="grid" d="M${px(start)} ${px(y)}H${px(end)}"/>`);
    parts.push(text(start - 8, y + 4, label, 'end tick'));
  }
  for (const { value, label } of xAxis.ticks) {
    const x = start + xAxis.at(value) * (end - start);
    parts.push(`<path class="grid" d="M${px(x)} ${px(bottom)}V${TOP}"/>`);
    parts.push(text(x, bottom + 20, label, 'middle tick'));
  }
  parts.push(`<path class="axis" d="M${px(start)} ${TOP}V${px(bottom)}H${px(end)}"/>`);
  return parts;
}

function draw({ name, points, index }: Line): string {
  const path = points.map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${px(x)} ${px(y)}`).join('');
  const each = Math.ceil(points.length / MARKERS);
  const marks = points.filter((_, at) => at % each === 0 || at === points.length - 1);
  return [
    `<g class="s${index}" aria-label="${escape(name)}">`,
    points.length > DENSE
      ? `<path class="line fine" d="${path}"/>`
      : `<path class="line" d="${path === '' ? 'M0 0' : path}"${dashes(index)}/>`,
    ...marks.map((point) => mark(point, index)),
    '</g>',
  ].join('\n');
}

const dashes = (index: number): string => {
  const pattern = DASHES[index % DASHES.length] ?? '';
  return pattern === '' ? '' : ` stroke-dasharray="${pattern}"`;
};

const mark = ([x, y]: Point, index: number): string =>
  `<path class="mark" transform="translate(${px(x)} ${px(y)})" d="${MARKS[index % MARKS.length] ?? ''}"/>`;

function drawLimit(label: string, y: number, start: number, end: number): string[] {
  return [
    `<path class="limit" d="M${px(start)} ${px(y)}H${px(end)}"/>`,
    text(start + 8, y - 6, label, 'limit-name'),
  ];
}

/** The names beside the plot: each where its line ends, or as near to that as the others let it. */
function nameAll(lines: readonly Line[], x: number, bottom: number): string[] {
  const wanted = lines
    .map((line) => ({ line, y: line.points.at(-1)?.[1] ?? bottom }))
    .toSorted((a, b) => a.y - b.y);
  let lowest = TOP - NAME;
  for (const name of wanted) lowest = name.y = Math.max(name.y, lowest + NAME);
  let highest = bottom + NAME;
  for (const name of wanted.toReversed()) highest = name.y = Math.min(name.y, highest - NAME);
  return wanted.map(({ line: { name, index }, y }) =>
    [
      `<g class="s${index}">`,
      `<path class="line" d="M${px(x)} ${px(y)}h${SAMPLE}"${dashes(index)}/>`,
      mark([x + SAMPLE / 2, y], index),
      '</g>',
      text(x + SAMPLE + 8, y + 4, name, 'name'),
    ].join('\n'),
  );
}

/**
 * A line of more points than the plot has columns, by the least and the most of each column: no peak is lost. `points`
 * go from left to right.
 */
function thin(points: readonly Point[]): readonly Point[] {
  if (points.length <= 2 * PLOT.width) return points;
  const columns = new Map<number, Point[]>();
  for (const point of points) {
    const column = Math.floor(point[0]);
    const found = columns.get(column);
    if (found === undefined) columns.set(column, [point]);
    else found.push(point);
  }
  return [...columns.values()].flatMap((column) => {
    const least = column.reduce((a, b) => (b[1] < a[1] ? b : a));
    const most = column.reduce((a, b) => (b[1] > a[1] ? b : a));
    return least === most ? [least] : [least, most].toSorted(([a], [b]) => a - b);
  });
}

/** Least and most; of nothing, some range that can be drawn. Not by spreading: a line may have 100 000 points. */
function range(values: readonly number[]): [least: number, most: number] {
  if (values.length === 0) return [1, 2];
  return values.reduce<[number, number]>(
    ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
}

function lookOf(lines: number): Look {
  const colours = (of: readonly string[]): string =>
    Array.from({ length: lines }, (_, index) => {
      const colour = of[index % of.length] ?? '';
      return `.s${index} { stroke: ${colour}; fill: ${colour} }`;
    }).join('\n');
  return {
    light: `.middle { text-anchor: middle }
.tick { fill: #57606a; font-size: 12px }
.grid { stroke: #d8dee4; stroke-width: 1 }
.axis { stroke: #8c959f; stroke-width: 1; fill: none }
.line { stroke-width: 2; fill: none; stroke-linejoin: round }
.fine { stroke-width: 1 }
.mark { stroke: none; fill-rule: evenodd }
.limit { stroke: #cf222e; stroke-width: 1.5; stroke-dasharray: 5 4 }
.limit-name { fill: #cf222e; stroke: #ffffff; stroke-width: 4; paint-order: stroke; font-weight: 600 }
${colours(LIGHT)}`,
    dark: `.tick { fill: #9198a1 }
.grid { stroke: #21262d }
.axis { stroke: #6e7681 }
.limit { stroke: #f85149 }
.limit-name { fill: #f85149; stroke: #0d1117 }
${colours(DARK)}`,
  };
}
