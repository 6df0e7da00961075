/** The report of a run: one page of Markdown, and its charts beside it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawBarChart, type Bar } from './bar-chart.js';
import { brief, full } from './digits.js';
import { median } from './figures.js';
import { drawLineChart } from './line-chart.js';
import { markdownTable } from './markdown.js';
import { BUSY, percent } from './print.js';
import type { Chart, Figure, Mark, Results } from './results.js';
import { medianOf, stagesOf, summarise } from './summary.js';

/** A mark and what was found. */
export interface Judged {
  readonly mark: Mark;
  readonly verdict: 'met' | 'missed' | 'not measured';
  /** Median of the figure; undefined where it was not measured. */
  readonly found: number | undefined;
}

/** A chart as a file. */
export interface Picture {
  readonly id: string;
  readonly title: string;
  readonly svg: string;
}

/** Each of the marks, in their order. */
export const judgeMarks = (results: Results, marks: readonly Mark[]): Judged[] =>
  marks.map((mark) => {
    const found = medianOf(results, mark.subject, mark.metric);
    if (found === undefined) return { mark, found, verdict: 'not measured' };
    return { mark, found, verdict: found <= mark.most ? 'met' : 'missed' };
  });

/**
 * Writes `name`.md and `name`-CHART.svg of each chart into `folder`, which is made if it is not there.
 *
 * @throws Error when the name or the id of a chart cannot be that of a file
 */
export function writeReport(
  folder: string,
  name: string,
  results: Results,
  marks: readonly Mark[],
  charts: readonly Chart[],
): void {
  const pictures = drawPictures(results, charts);
  for (const part of [name, ...pictures.map(({ id }) => id)]) {
    if (!/^\w[\w.-]*$/.test(part)) throw new Error(`${JSON.stringify(part)} cannot be part of a file's name`);
  }
  mkdirSync(folder, { recursive: true });
  for (const { id, svg } of pictures) writeFileSync(join(folder, `${name}-${id}.svg`), svg);
  writeFileSync(join(folder, `${name}.md`), reportText(name, results, marks, pictures));
}

/** The charts that have lines, and bars of the stages and of what imports cost, where those were measured. */
export function drawPictures(results: Results, charts: readonly Chart[]): Picture[] {
  const { date, commit, machine } = results;
  const foot = `${date}, commit ${commit ?? 'unknown'}, ${machine.cpu}, ${machine.cores} cores, node ${machine.node}`;
  const curves = charts.flatMap((chart) => {
    const lines = results.series.filter((line) => line.chart === chart.id && line.points.length > 0);
    return lines.length === 0
      ? []
      : [{ id: chart.id, title: chart.title, svg: drawLineChart(chart, lines, foot) }];
  });
  const bars = (id: string, title: string, rows: readonly Bar[], unit: string): Picture[] =>
    rows.length === 0 ? [] : [{ id, title, svg: drawBarChart(title, rows, unit, foot) }];
  const stages = stagesOf(results).map(({ name: label, value }) => ({ label, value }));
  const imports = metricsOf(groupOf(results.figures, 'import')).flatMap(([metric, figures]) => {
    const unit = figures[0]?.unit ?? metric;
    const rows = figures
      .map(({ subject, values }): Bar => ({ label: subject.slice('import-'.length), value: median(values) }))
      .toSorted((a, b) => b.value - a.value);
    return bars(`import-${metric}`, `What each import costs, ${unit}`, rows, unit);
  });
  return [...curves, ...bars('stages', 'What each stage costs', stages, 'CPU seconds for a GiB'), ...imports];
}

/** The page. Nothing in it is asserted that the figures do not say. */
export function reportText(
  name: string,
  results: Results,
  marks: readonly Mark[],
  pictures: readonly Picture[],
): string {
  const judged = judgeMarks(results, marks);
  const lines = ['# Where the time and the memory go', ''];
  for (const sentence of summarise(results)) lines.push(`- ${sentence}`);
  const { share } = results.neighbours;
  if (judged.length > 0) lines.push(`- **Marks.** ${tally(judged)}`);
  if (share > BUSY) lines.push(`- **Doubtful.** ${warning(share)}`);
  if (judged.length > 0) lines.push('', '## Marks', '', ...markTable(judged, results));
  for (const group of groupsOf(results.figures)) {
    lines.push('', `## ${group}`, '', ...groupTable(groupOf(results.figures, group)));
  }
  if (pictures.length > 0) lines.push('', '## Charts');
  for (const { id, title } of pictures) {
    lines.push('', `![${title.replaceAll(/[[\]]/g, '')}](${name}-${id}.svg)`);
  }
  return `${[...lines, '', '## Machine', '', ...conditions(results)].join('\n')}\n`;
}

function tally(judged: readonly Judged[]): string {
  const named = (verdict: Judged['verdict']): string[] =>
    judged.filter((one) => one.verdict === verdict).map(({ mark }) => mark.what);
  const missed = named('missed');
  const unknown = named('not measured');
  return [
    `${named('met').length} of ${judged.length} met.`,
    ...(missed.length > 0 ? [`Missed: ${some(missed)}.`] : []),
    ...(unknown.length > 0 ? [`Not measured: ${some(unknown)}.`] : []),
  ].join(' ');
}

/** The first of them: a first line is to be read, and the table has all. */
const some = (names: readonly string[]): string =>
  names.length <= NAMED + 1
    ? names.join('; ')
    : `${names.slice(0, NAMED).join('; ')}; and ${names.length - NAMED} more (below)`;

const NAMED = 5;

const markTable = (judged: readonly Judged[], { figures }: Results): string[] =>
  markdownTable(
    ['mark', 'subject', 'metric', 'found', 'at most', ''],
    judged.map(({ mark, found, verdict }) => {
      const figure = figures.find(
        ({ subject, metric }) => subject === mark.subject && metric === mark.metric,
      );
      const shown = found === undefined ? '' : full(found);
      return [
        mark.what,
        mark.subject,
        mark.metric,
        `${shown}${spread(figure)}`,
        String(mark.most),
        verdict === 'missed' ? '**missed**' : verdict,
      ];
    }),
    (column) => column < 3 || column === 5,
  );

/** The parts of subjects before their first `-`, in the order in which they come. */
const groupsOf = (figures: readonly Figure[]): string[] => [
  ...new Set(figures.filter(({ values }) => values.length > 0).map(({ subject }) => groupName(subject))),
];

const groupName = (subject: string): string => subject.split('-', 1)[0] ?? subject;

const groupOf = (figures: readonly Figure[], group: string): Figure[] =>
  figures.flatMap((figure) => {
    const values = figure.values.filter((value) => Number.isFinite(value));
    return groupName(figure.subject) === group && values.length > 0 ? [{ ...figure, values }] : [];
  });

function metricsOf(figures: readonly Figure[]): [metric: string, figures: Figure[]][] {
  const names = [...new Set(figures.map(({ metric }) => metric))];
  return names.map((name) => [name, figures.filter(({ metric }) => metric === name)]);
}

/** What there is more of goes down, as a page is longer than it is wide. */
function groupTable(figures: readonly Figure[]): string[] {
  const subjects = [...new Set(figures.map(({ subject }) => subject))];
  const metrics = metricsOf(figures).map(([metric, [first]]) => ({ metric, unit: first?.unit ?? '' }));
  const cell = (subject: string, metric: string): string => {
    const figure = figures.find((one) => one.subject === subject && one.metric === metric);
    if (figure === undefined) return '';
    const middle = median(figure.values);
    return figure.kind === 'exact' ? full(middle) : `${brief(middle)}${spread(figure)}`;
  };
  if (metrics.length > subjects.length) {
    return markdownTable(
      ['', ...subjects, 'unit'],
      metrics.map(({ metric, unit }) => [metric, ...subjects.map((subject) => cell(subject, metric)), unit]),
      (column) => column === 0 || column === subjects.length + 1,
    );
  }
  return markdownTable(
    ['', ...metrics.map(({ metric, unit }) => (unit === '' ? metric : `${metric}, ${unit}`))],
    subjects.map((subject) => [subject, ...metrics.map(({ metric }) => cell(subject, metric))]),
    (column) => column === 0,
  );
}

/** Least and most of what differs from run to run. */
function spread(figure: Figure | undefined): string {
  const values = figure?.values.filter((value) => Number.isFinite(value)) ?? [];
  if (figure?.kind !== 'noisy' || values.length < 2) return '';
  return ` (${brief(Math.min(...values))}..${brief(Math.max(...values))})`;
}

const warning = (share: number): string =>
  `Other programs used ${percent(share)} of the machine meanwhile: times and CPU seconds are not worth much. ` +
  'What is counted and virtual time do not mind.';

function conditions({ date, commit, machine, neighbours }: Results): string[] {
  const { cpu, cores, memoryMiB, system, node, openssl } = machine;
  return [
    `- ${cpu}, ${cores} cores, ${memoryMiB} MiB`,
    `- ${system}, node ${node}, ${openssl}`,
    `- commit ${commit ?? 'unknown'}${commit?.endsWith('+') === true ? ' (with changes)' : ''}, ${date}`,
    `- load ${neighbours.load.toFixed(2)} when it began. ${
      neighbours.share > BUSY
        ? `**${warning(neighbours.share)}**`
        : `Other programs used ${percent(neighbours.share)} of the machine meanwhile.`
    }`,
    '',
    'Medians; in brackets the least and the most of what differs from run to run. What each figure means is in',
    '[../README.md](../README.md).',
  ];
}
