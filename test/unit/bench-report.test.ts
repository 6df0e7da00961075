/** The harness's report: its first lines follow from the figures, nothing that was missed is hidden. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import t from 'tap';
import { drawPictures, judgeMarks, reportText, writeReport } from '../../bench/report.js';
import type { Chart, Figure, Mark, Results } from '../../bench/results.js';
import { makeFigure as figure, makeResults as results } from '../kit/bench-results.js';
import { STAGES } from '../../bench/summary.js';

const stage = (name: string, seconds: number): Figure =>
  figure(`stage-${name}`, 'cpuSecondsPerGiB', [seconds]);

const exact = (subject: string, metric: string, value: number): Figure =>
  figure(subject, metric, [value], { kind: 'exact', unit: 'ratio' });

const mib = (subject: string, metric: string, ...values: number[]): Figure =>
  figure(subject, metric, values, { unit: 'MiB' });

/** The lines before the first table. */
const top = (found: Results, marks: readonly Mark[] = []): string =>
  reportText('run', found, marks, []).split('\n## ')[0] ?? '';

const FULL = results([
  stage('receive', 0.2),
  stage('tar', 0.1),
  stage('hash', 1),
  stage('compare', 0.09),
  stage('erase', 0.01),
  stage('program', 0.4),
  stage('read-back', 0.2),
  exact('copies', 'copiesPerByte', 3.5),
  exact('timed-nor-100', 'overFloor', 1.0033),
  exact('timed-nand-1', 'overFloor', 8),
  exact('timed-nand-1', 'readSeconds', 3.5),
  exact('timed-nand-1', 'virtualSeconds', 4),
  exact('link-nor-5', 'overFloor', 1.01),
  exact('link-nor-5', 'chipSeconds', 20),
  exact('link-nor-5', 'floorSeconds', 32),
  mib('curve-push-1', 'anonAboveIdleMiB', 1.5, 1.25, 1.75),
  mib('curve-push-1024', 'anonAboveIdleMiB', 2.5, 9, 2.25),
  mib('idle', 'anonMiB', 16),
  mib('node', 'anonMiB', 12),
]);

t.test('the first lines say where the time goes', async (t) => {
  const said = top(FULL);
  t.match(
    said,
    /12\.5 % \(`timed-nand-1`\) to 99\.7 % \(`timed-nor-100`\) of the time is the erases and programs/,
  );
  t.match(said, /Of `link-nor-5`, 99\.0 % of the time is the link/);
  t.match(said, /A GiB costs 2(\.00)? s of CPU: 50 % is hashing, 20 % programming/);
  t.match(said, /10 % receiving/);
  t.match(said, /the chip is simulated/);
  t.match(said, /Copies of each byte on its way: 3\.50\./);
  t.notMatch(said, /erasing/, 'what is nearly nothing is left to the table');
});

t.test('the first lines say where the memory goes, by medians', async (t) => {
  const said = top(FULL);
  t.match(said, /1\.50 \(`curve-push-1`\) to 2\.50 MiB \(`curve-push-1024`\) of anonymous memory above idle/);
  t.match(said, /idle program holds 16 MiB, of which 12 MiB \(75 %\) are node itself/);
});

t.test('the next limit follows from the figures', async (t) => {
  t.match(
    top(FULL),
    /The next limit.*2 of 3 scenarios.*`timed-nand-1`, 87\.5 % of its time \(87\.5 % is reading/,
  );
  t.match(top(FULL), /it is hashing: without it a GiB would cost 1(\.00)? s instead of 2(\.00)? s/);
  const other = results([stage('hash', 0.1), stage('receive', 0.9)]);
  t.match(top(other), /it is receiving: without it a GiB would cost 0\.1 s instead of 1 s/);
  t.match(
    top(results([exact('timed-a', 'overFloor', 1.02)])),
    /no program can save more than `timed-a`, 2\.0 %/,
  );
});

t.test('without a figure its sentence is not there, and nothing is NaN', async (t) => {
  const said = top(results([]));
  t.same(said.trim().split('\n'), ['# Where the time and the memory go']);
  t.match(top(results([mib('idle', 'anonMiB', 16)])), /idle program holds 16 MiB\./);
  const most: Mark = { what: 'a mark', subject: 'idle', metric: 'anonMiB', most: 1 };
  fc.assert(
    fc.property(
      fc.subarray([...FULL.figures]),
      fc.subarray([...FULL.figures]),
      fc.constantFrom<unknown[]>([], [null], [Number.NaN]),
      (kept, empty, values) => {
        // JSON has null where a figure was NaN.
        const hollow = empty.map((one): Figure => ({ ...one, values: values as number[] }));
        const some = results([...hollow, ...kept.filter((one) => !empty.includes(one))]);
        const text = reportText('run', some, [most], drawPictures(some, []));
        return !/NaN|undefined|Infinity|null/.test(text);
      },
    ),
  );
});

const MARKS: Mark[] = [
  { what: 'full write', subject: 'timed-nor-100', metric: 'overFloor', most: 1.02 },
  { what: 'memory', subject: 'curve-push-1024', metric: 'anonAboveIdleMiB', most: 2.5 },
  { what: 'nand', subject: 'timed-nand-1', metric: 'overFloor', most: 1.05 },
  { what: 'not there', subject: 'timed-nor-0', metric: 'overFloor', most: 1 },
];

t.test('marks are held against medians', async (t) => {
  t.same(
    judgeMarks(FULL, MARKS).map(({ found, verdict }) => [found, verdict]),
    [
      [1.0033, 'met'],
      [2.5, 'met'],
      [8, 'missed'],
      [undefined, 'not measured'],
    ],
  );
});

t.test('a mark that was missed, or not measured, is named in the first lines and in the table', async (t) => {
  t.match(top(FULL, MARKS), /2 of 4 met\. Missed: nand\. Not measured: not there\./);
  const text = reportText('run', FULL, MARKS, []);
  t.match(text, /\| nand +\| timed-nand-1 +\| overFloor +\| +8 \| +1\.05 \| \*\*missed\*\*/);
  t.match(text, /\| memory .* 2\.50? \(2\.25\.\.9\) \| +2\.5 \| met/);
  t.match(text, /\| not there .*\| not measured/);
  t.match(text, /1\.0033/, 'with the digits that decide');
  t.notMatch(top(FULL), /Marks/);
  const [mark] = MARKS;
  if (mark === undefined) throw new Error('no mark');
  const many = Array.from({ length: 20 }, (_, at): Mark => ({ ...mark, what: `mark ${at}.`, most: 1 }));
  t.match(top(FULL, many), /0 of 20 met\. Missed: mark 0\.; .*mark 4\.; and 15 more/);
  t.match(reportText('run', FULL, many, []), /\| mark 19\. .*\*\*missed\*\*/, 'the table has all');
});

t.test(
  'each group of subjects has a table; noisy figures have their range, exact ones all digits',
  async (t) => {
    const found = results([
      mib('curve-a', 'anonMiB', 2, 1, 3),
      mib('curve-b', 'anonMiB', 5),
      figure('timed-x', 'bytesErased', [33_554_432], { kind: 'exact', unit: 'B' }),
      figure('timed-x', 'overFloor', [1.00331], { kind: 'exact', unit: 'ratio' }),
      figure('with|pipe', 'wallSeconds', [1]),
    ]);
    const [, curve = '', timed = '', pipe = ''] = reportText('run', found, [], []).split('\n## ');
    t.match(curve, /^curve\n\n\| +\| anonMiB, MiB \|/);
    t.match(curve, /\| curve-a \| +2 \(1\.\.3\) \|/);
    t.match(curve, /\| curve-b \| +5 \|/);
    t.match(timed, /\| bytesErased +\| 33554432 \| B /, 'more metrics than subjects: they go down');
    t.match(timed, /1\.00331/);
    t.match(pipe, String.raw`with\|pipe`);
    for (const table of [curve, timed, pipe]) {
      const rows = table.split('\n').filter((line) => line.startsWith('|'));
      const widths = new Set(rows.map((row) => row.replaceAll('\\|', '').split('|').length));
      t.equal(widths.size, 1, 'every row has the same cells');
    }
  },
);

t.test('neighbours that used much are warned of, at the top and with the machine', async (t) => {
  t.notMatch(reportText('run', FULL, [], []), /not worth much/);
  const busy = { ...FULL, neighbours: { load: 1, share: 0.3 } };
  t.match(top(busy), /Doubtful.*30 % of the machine/);
  t.match(reportText('run', busy, [], []).split('## Machine')[1] ?? '', /\*\*Other programs used 30 %/);
});

t.test('the page says on what and of what it was measured', async (t) => {
  const said = reportText('run', { ...FULL, commit: 'abc1234+' }, [], []).split('## Machine')[1] ?? '';
  for (const part of ['A processor, 2 cores, 1024 MiB', 'Linux 6', 'v20.20.2', 'OpenSSL 3', '2026-11-22']) {
    t.match(said, part);
  }
  t.match(said, 'abc1234+ (with changes)');
  t.match(said, 'load 0.25');
});

const CHARTS: Chart[] = [
  { id: 'memory-by-size', title: 'Memory', x: { label: 'MiB', scale: 'log' }, y: { label: 'MiB' } },
  { id: 'no-lines', title: 'Nothing', x: { label: 'x', scale: 'log' }, y: { label: 'y' } },
];
const SERIES = [
  { chart: 'memory-by-size', name: 'push', points: [[1, 2] as const, [4, 2] as const] },
  { chart: 'another', name: 'elsewhere', points: [[1, 2] as const] },
];

t.test('a report is a page and the charts that it shows', async (t) => {
  const folder = join(t.testdir(), 'results');
  const found = results([...FULL.figures, mib('import-node:http', 'rssMiB', 4, 5, 6)], { series: SERIES });
  writeReport(folder, 'run', found, MARKS, CHARTS);
  const files = readdirSync(folder).toSorted();
  t.same(files, ['run-import-rssMiB.svg', 'run-memory-by-size.svg', 'run-stages.svg', 'run.md']);
  const page = readFileSync(join(folder, 'run.md'), 'utf8');
  const shown = [...page.matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map(([, file]) => file);
  t.same(shown.toSorted(), files.slice(0, 3), 'what it shows is what there is');
  t.match(readFileSync(join(folder, 'run-memory-by-size.svg'), 'utf8'), />push</);
  t.notMatch(readFileSync(join(folder, 'run-memory-by-size.svg'), 'utf8'), /elsewhere/);
  t.match(readFileSync(join(folder, 'run-import-rssMiB.svg'), 'utf8'), />node:http</);
  t.match(readFileSync(join(folder, 'run-stages.svg'), 'utf8'), />hashing</);
  t.ok(page.endsWith('\n') && !/[ \t]\n/.test(page), 'no spaces at the ends of lines');
});

t.test('names that would leave the folder are refused', async (t) => {
  const folder = t.testdir();
  t.throws(() => writeReport(folder, '../run', FULL, [], []), /name/);
  const [chart] = CHARTS;
  if (chart === undefined) throw new Error('no chart');
  const away = results([], { series: [{ chart: '../x', name: 'a', points: [[1, 1]] }] });
  t.throws(() => writeReport(folder, 'run', away, [], [{ ...chart, id: '../x' }]), /name/);
  t.same(readdirSync(folder), []);
});

t.test('every stage has a name of its own', async (t) => {
  t.equal(new Set(STAGES.map(([, name]) => name)).size, STAGES.length);
  t.ok(STAGES.every(([subject]) => subject.startsWith('stage-')));
});
