/** The harness's charts: files that any reader of SVG takes, in which everything is there and can be read. */
import * as fc from 'fast-check';
import t, { type Test } from 'tap';
import { linearAxis, logAxis } from '../../bench/axis.js';
import { drawBarChart } from '../../bench/bar-chart.js';
import { drawLineChart } from '../../bench/line-chart.js';
import type { Chart, Series } from '../../bench/results.js';

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  text: string;
}

/** The elements of a document of XML without comments, CDATA and processing instructions; throws when it is not one. */
function parse(xml: string): Element[] {
  const found: Element[] = [];
  const open: Element[] = [];
  const token = /<(\/?)([a-zA-Z]+)((?: [\w:-]+="[^"<]*")*)(\/?)>|([^<]+)/y;
  while (token.lastIndex < xml.length) {
    const at = token.lastIndex;
    const match = token.exec(xml);
    if (match === null) throw new Error(`not XML: ${xml.slice(at, at + 60)}`);
    const [, closing, name = '', attributes = '', alone, text] = match;
    if (/&(?!amp;|lt;|gt;|quot;)/.test(match[0])) throw new Error(`not an entity: ${match[0]}`);
    const top = open.at(-1);
    if (text !== undefined) {
      if (top !== undefined) top.text += text;
      else if (text.trim() !== '') throw new Error(`text outside: ${text}`);
    } else if (closing === '/') {
      if (open.pop()?.name !== name) throw new Error(`</${name}> closes nothing`);
    } else {
      const pairs = [...attributes.matchAll(/ ([\w:-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]);
      const element: Element = { name, attributes: Object.fromEntries(pairs), text: '' };
      if (pairs.length !== Object.keys(element.attributes).length) throw new Error(`twice in ${match[0]}`);
      if (top === undefined && found.length > 0) throw new Error('two roots');
      found.push(element);
      if (alone === '') open.push(element);
    }
  }
  if (open.length > 0) throw new Error(`<${open.at(-1)?.name}> is not closed`);
  return found;
}

const plain = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');

interface Label {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly y: number;
}

/** The texts and about where they are: in Chromium, letters of DejaVu Sans at 13 px are some 0.58 of that wide. */
function labelsOf(elements: readonly Element[]): Label[] {
  return elements
    .filter(({ name }) => name === 'text')
    .map(({ attributes, text }) => {
      const kind = attributes['class'] ?? '';
      const size = kind.includes('title') ? 17 : kind.includes('foot') ? 11 : 13;
      const width = plain(text).length * size * 0.58;
      const x = Number(attributes['x']);
      const left = kind.includes('end') ? x - width : kind.includes('middle') ? x - width / 2 : x;
      return { text: plain(text), left, right: left + width, y: Number(attributes['y']) };
    });
}

/** What holds of every chart. */
function sound(t: Test, svg: string): { elements: Element[]; labels: Label[] } {
  const elements = parse(svg);
  const [root] = elements;
  t.equal(root?.name, 'svg');
  t.equal(root?.attributes['role'], 'img');
  t.equal(elements[1]?.name, 'title');
  t.equal(elements[1]?.attributes['id'], root?.attributes['aria-labelledby']);
  t.not(elements[1]?.text, '');
  t.match(svg, /prefers-color-scheme: dark/);
  t.notMatch(svg, /NaN|undefined|Infinity|null/);
  const [, , width = 0, height = 0] = (root?.attributes['viewBox'] ?? '').split(' ').map(Number);
  const labels = labelsOf(elements);
  for (const { text, left, right, y } of labels) {
    t.ok(left >= 0 && right <= width, `${text} is within the width`);
    t.ok(y >= 10 && y <= height - 3, `${text} is within the height`);
  }
  for (const one of labels) {
    const other = labels.find(
      (label) =>
        label !== one && Math.abs(label.y - one.y) < 11 && label.left < one.right && one.left < label.right,
    );
    t.equal(other, undefined, `${one.text} is over nothing`);
  }
  return { elements, labels };
}

const CHART: Chart = {
  id: 'memory-by-size',
  title: 'Memory by size',
  x: { label: 'MiB of the image', scale: 'log' },
  y: { label: 'Anonymous memory above idle, MiB' },
  limit: { value: 4, label: 'at most 4 MiB' },
};
const FOOT = '2026-11-22, commit abc1234, A processor, 2 cores, node v20.20.2';
const SIZES = [1, 4, 16, 64, 256, 1024];

const line = (name: string, points: Series['points']): Series => ({ chart: CHART.id, name, points });

/** The marks of a line and its way, by the label that a screen reader reads. */
function drawn(svg: string, name: string): { way: string; marks: [number, number][] } {
  const group = svg.split('<g ').find((part) => part.includes(`aria-label="${name}"`)) ?? '';
  const marks = [...(group.split('</g>')[0] ?? '').matchAll(/translate\(([\d.]+) ([\d.]+)\)/g)];
  return {
    way: / d="([^"]*)"/.exec(group)?.[1] ?? '',
    marks: marks.map(([, x, y]): [number, number] => [Number(x), Number(y)]),
  };
}

t.test('a chart of sizes has every line, its name, the powers of four and the limit', async (t) => {
  const names = ['file', 'pipe', 'push', 'pull'];
  const series = names.map((name, index) =>
    line(
      name,
      SIZES.map((size) => [size, 1 + index / 20]),
    ),
  );
  const svg = drawLineChart(CHART, series, FOOT);
  const { labels, elements } = sound(t, svg);
  const texts = labels.map(({ text }) => text);
  for (const text of [...names, ...SIZES.map(String), 'at most 4 MiB', CHART.y.label, CHART.x.label, FOOT]) {
    t.equal(texts.filter((found) => found === text).length >= 1, true, `${text} is there`);
  }
  for (const name of names) t.equal(drawn(svg, name).marks.length, SIZES.length, `${name} has its points`);
  t.equal(elements.filter(({ attributes }) => attributes['class'] === 'limit').length, 1);
});

t.test('lines differ by more than their colour', async (t) => {
  const series = Array.from({ length: 8 }, (_, index) =>
    line(`way ${index}`, [
      [1, index],
      [4, index + 1],
    ]),
  );
  const svg = drawLineChart(CHART, series, FOOT);
  sound(t, svg);
  const shapes = series.map(({ name }) => {
    const group = svg.split('<g ').find((part) => part.includes(`aria-label="${name}"`)) ?? '';
    const mark = /class="mark"[^>]* d="([^"]*)"/.exec(group)?.[1];
    const colour = /class="(s\d+)"/.exec(group)?.[1];
    return { mark, colour };
  });
  t.equal(new Set(shapes.map(({ mark }) => mark)).size, 8);
  t.equal(new Set(shapes.map(({ colour }) => colour)).size, 8);
  const dashes = new Set([...svg.matchAll(/stroke-dasharray="([^"]+)"/g)].map(([, pattern]) => pattern));
  t.ok(dashes.size >= 6, 'and dashes');
});

t.test(
  'points are where their values are: doubling is one step, more is higher, the limit between',
  async (t) => {
    const svg = drawLineChart(
      CHART,
      [
        line('a', [
          [1, 2],
          [2, 4],
          [4, 5],
        ]),
      ],
      FOOT,
    );
    const [first, second, third] = drawn(svg, 'a').marks;
    if (first === undefined || second === undefined || third === undefined)
      throw new Error('points are missing');
    t.ok(Math.abs(second[0] - first[0] - (third[0] - second[0])) < 0.2, 'equal steps');
    t.ok(first[1] > second[1] && second[1] > third[1]);
    const limit = Number(/class="limit" d="M[\d.]+ ([\d.]+)H/.exec(svg)?.[1]);
    t.ok(Math.abs(limit - second[1]) < 0.2, 'a value of the limit is on it');
  },
);

t.test('the names of lines that end together stand below each other, in the order of the ends', async (t) => {
  const series = Array.from({ length: 20 }, (_, index) =>
    line(`line ${index}`, [
      [1, 0.1],
      [1024, 1 + index / 1000],
    ]),
  );
  const { labels } = sound(t, drawLineChart(CHART, series, FOOT));
  const names = labels
    .filter(({ text }) => text.startsWith('line '))
    .toSorted((a, b) => a.y - b.y)
    .map(({ text }) => text);
  t.same(names, series.map(({ name }) => name).toReversed());
});

t.test('a line of very many samples is thinned, and its peak stays', async (t) => {
  const points = Array.from({ length: 50_000 }, (_, at): [number, number] => [
    at / 200,
    at === 31_337 ? 9 : 1,
  ]);
  const chart: Chart = { ...CHART, x: { label: 's', scale: 'linear' } };
  const svg = drawLineChart(chart, [line('push', points)], FOOT);
  sound(t, svg);
  t.ok(svg.length < 40_000, `${svg.length} bytes`);
  const heights = [...drawn(svg, 'push').way.matchAll(/[ML][\d.]+ ([\d.]+)/g)].map(([, y]) => Number(y));
  t.ok(Math.max(...heights) - Math.min(...heights) > 200, 'the peak is eight ninths of the plot high');
});

t.test('markup in names is text', async (t) => {
  const name = '<b onload="x">&amp;';
  const chart: Chart = { ...CHART, title: 'a < b & "c"' };
  const { labels } = sound(t, drawLineChart(chart, [line(name, [[1, 1]])], 'foot & <foot>'));
  const texts = new Set(labels.map(({ text }) => text));
  for (const text of [name, chart.title, 'foot & <foot>']) t.ok(texts.has(text), text);
  sound(t, drawBarChart('a < b', [{ label: name, value: 1 }], 's & "t"', '<foot>'));
});

t.test('what cannot be shown is said, not drawn', async (t) => {
  const svg = drawLineChart(
    CHART,
    [
      line('a', [
        [0, 1],
        [1, Number.NaN],
        [2, 1],
        [4, Number.POSITIVE_INFINITY],
      ]),
    ],
    FOOT,
  );
  const { labels } = sound(t, svg);
  t.equal(drawn(svg, 'a').marks.length, 1);
  t.match(labels.map(({ text }) => text).join(' '), /3 points cannot be shown/);
});

t.test('any points make a sound chart', async () => {
  const value = fc.oneof(
    fc.double({ min: 0, max: 1e6, noNaN: true }),
    fc.integer({ min: 0, max: 5 }),
    fc.constantFrom(Number.NaN, 0, 1e-6),
  );
  const some = fc.array(
    fc.array(fc.tuple(value, value), { maxLength: 12 }).map((points) => line('one of them', points)),
    { maxLength: 9 },
  );
  fc.assert(
    fc.property(some, fc.constantFrom('log' as const, 'linear' as const), (series, scale) => {
      const svg = drawLineChart({ ...CHART, x: { label: 'x', scale } }, series, FOOT);
      parse(svg);
      const numbers = [...svg.matchAll(/translate\((\S+) (\S+)\)/g)].flatMap(([, x, y]) => [
        Number(x),
        Number(y),
      ]);
      return !/NaN|undefined|Infinity/.test(svg) && numbers.every((number) => number >= 0 && number < 1000);
    }),
    {
      numRuns: 60,
      examples: [
        // A range that has no tenth.
        [
          [
            line('one of them', [
              [Number.MIN_VALUE, 0],
              [0, 1],
            ]),
          ],
          'linear',
        ],
        // Steps that are lost beside the values.
        [
          [
            line('one of them', [
              [1e6, 0],
              [1e6 + 2 ** -33, 1],
            ]),
          ],
          'linear',
        ],
      ],
    },
  );
});

t.test('bars have their names, figures and lengths', async (t) => {
  const rows = [
    { label: 'hashing', value: 1.5 },
    { label: 'reading back', value: 0.75 },
    { label: 'erasing', value: 0.0001 },
    { label: 'nothing', value: 0 },
    { label: 'unknown', value: Number.NaN },
  ];
  const { elements, labels } = sound(t, drawBarChart('What each stage costs', rows, 's/GiB', FOOT));
  const lengths = elements
    .filter(({ name }) => name === 'rect')
    .map(({ attributes }) => Number(attributes['width']));
  t.equal(lengths.length, 4, 'what is not a number has no bar');
  const [most = 0, half = 0, little = 0, none] = lengths;
  t.equal(half * 2, most);
  t.equal(little, 1, 'very little can be seen');
  t.equal(none, 0);
  const texts = new Set(labels.map(({ text }) => text));
  for (const text of [
    'hashing',
    '1.50',
    'reading back',
    '0.75',
    'erasing',
    '0.0001',
    'nothing',
    '0',
    's/GiB',
  ]) {
    t.ok(texts.has(text), text);
  }
  t.notOk(texts.has('unknown'));
});

t.test('a long title and a long foot fit', async (t) => {
  const long = 'a sentence that goes on for a while '.repeat(8).trim();
  sound(t, drawLineChart({ ...CHART, title: long.slice(0, 140) }, [line('a', [[1, 1]])], long));
  sound(t, drawBarChart(long.slice(0, 140), [{ label: 'a', value: 1 }], 's', long));
  sound(t, drawBarChart('None', [], 's', FOOT));
});

t.test('an axis has round marks around its values, and few', async (t) => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1e9, noNaN: true }),
      fc.double({ min: 1e-3, max: 1e9, noNaN: true }),
      (least, more) => {
        const most = least + more;
        const { ticks, at } = linearAxis(least, most);
        const steps = ticks.length;
        return at(least) >= -1e-6 && at(most) <= 1 + 1e-6 && steps >= 2 && steps <= 9;
      },
    ),
  );
  const says = (axis: ReturnType<typeof logAxis>): string[] => axis.ticks.map(({ label }) => label);
  t.same(says(linearAxis(0, 100)), ['0', '20', '40', '60', '80', '100']);
  t.same(says(linearAxis(0, 0.3)), ['0.00', '0.05', '0.10', '0.15', '0.20', '0.25', '0.30']);
  t.same(says(linearAxis(0, 0)), ['0.0', '0.2', '0.4', '0.6', '0.8', '1.0']);
  t.same(says(logAxis(1, 1024)), ['1', '4', '16', '64', '256', '1024']);
  t.same(says(logAxis(4, 512)), ['4', '8', '16', '32', '64', '128', '256', '512']);
  t.same(says(logAxis(3, 3)), ['2', '4']);
});
