/** Comparing two runs of the harness: what counts as better or worse, and what does not. */
import { join } from 'node:path';
import * as fc from 'fast-check';
import t, { type Test } from 'tap';
import { compareResults, formatComparison, gotWorse, resultsPath, runCompare } from '../../bench/compare.js';
import { makeFigure, makeResults as results } from '../kit/bench-results.js';
import { saveResults, type Figure } from '../../bench/results.js';

const figure = (values: readonly number[], rest: Partial<Figure> = {}): Figure =>
  makeFigure('start-write', 'wallSeconds', values, rest);

function verdict(before: readonly number[], after: readonly number[], rest: Partial<Figure> = {}): string {
  const { changes } = compareResults(results([figure(before, rest)]), results([figure(after, rest)]));
  return changes[0]?.verdict ?? 'nothing';
}

t.test('five runs that hardly differ show a change of 5 %, and none of 1 %', async (t) => {
  const before = [1, 1.002, 0.998, 1.001, 0.999];
  const times = (factor: number): number[] => before.map((value) => value * factor);
  t.equal(verdict(before, times(1.05)), 'worse');
  t.equal(verdict(before, times(0.95)), 'better');
  t.equal(verdict(before, times(1.01)), 'same');
});

t.test('of a figure that is better when it is more, more is better', async (t) => {
  const before = [100, 101, 99, 100, 100];
  const after = before.map((value) => value * 1.2);
  t.equal(verdict(before, after, { better: 'more' }), 'better');
  t.equal(verdict(after, before, { better: 'more' }), 'worse');
});

t.test('runs that differ much among themselves hide a change that quiet ones would show', async (t) => {
  t.equal(verdict([0.8, 0.9, 1, 1.1, 1.2], [0.9, 1, 1.1, 1.2, 1.3]), 'same');
  t.equal(verdict([1, 1, 1, 1, 1], [1.1, 1.1, 1.1, 1.1, 1.1]), 'worse');
});

t.test('one slow run among five neither makes a change nor hides one', async (t) => {
  t.equal(verdict([1, 1.01, 0.99, 1, 1], [1, 1.01, 0.99, 1, 9]), 'same');
  t.equal(verdict([1, 1.01, 0.99, 1, 9], [1.2, 1.21, 1.19, 1.2, 1.2]), 'worse');
});

t.test('of fewer runs, more has to change', async (t) => {
  t.equal(verdict([1], [1.09]), 'same', 'one run');
  t.equal(verdict([1], [1.12]), 'worse', 'one run');
  t.equal(verdict([1, 1, 1, 1, 1], [1.09]), 'same', 'the side with fewer decides');
  t.equal(verdict([1, 1, 1], [1.04, 1.04, 1.04]), 'same', 'three runs');
  t.equal(verdict([1, 1, 1], [1.07, 1.07, 1.07]), 'worse', 'three runs');
});

t.test('a few pages more are not more memory, however little there was', async (t) => {
  const memory = { metric: 'anonAboveIdleMiB', unit: 'MiB' };
  t.equal(verdict([0.1, 0.1, 0.1, 0.1, 0.1], [0.3, 0.3, 0.3, 0.3, 0.3], memory), 'same');
  t.equal(verdict([0.1, 0.1, 0.1, 0.1, 0.1], [0.5, 0.5, 0.5, 0.5, 0.5], memory), 'worse');
  t.equal(verdict([-0.1], [0.6], { unit: 'ms' }), 'same', 'nor is less than a turn more time');
  t.equal(verdict([-0.1], [2], { unit: 'ms' }), 'worse');
});

t.test('an exact figure has changed at any difference', async (t) => {
  const exact = { metric: 'blocksErased', unit: 'blocks', kind: 'exact' } as const;
  t.equal(verdict([100_000], [100_001], exact), 'worse');
  t.equal(verdict([100_000], [99_999], exact), 'better');
  t.equal(verdict([100_000], [100_000], exact), 'same');
  const [change] = compareResults(results([figure([0], exact)]), results([figure([3], exact)])).changes;
  t.match(change, { verdict: 'worse', percent: null, noise: 0, before: 0, after: 3 });
});

t.test('medians and the change in percent are told', async (t) => {
  const [change] = compareResults(results([figure([3, 1, 2])]), results([figure([2.5, 9, 2, 3, 0])])).changes;
  t.match(change, { before: 2, after: 2.5, percent: 25, unit: 's', kind: 'noisy' });
});

t.test('a run beside itself has no change, whatever its values', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }), { minLength: 1 }),
      fc.constantFrom('exact' as const, 'noisy' as const),
      (values, kind) => verdict(values, values, { kind }) === 'same',
    ),
  );
});

t.test('what is better one way is worse the other way', async () => {
  const values = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 9 });
  const opposite: Record<string, string> = { better: 'worse', worse: 'better', same: 'same' };
  fc.assert(fc.property(values, values, (a, b) => verdict(a, b) === opposite[verdict(b, a)]));
});

t.test(
  'figures that one side has are listed apart, as are those of another unit or without a value',
  async (t) => {
    const { changes, onlyBefore, onlyAfter } = compareResults(
      results([figure([1]), figure([1], { subject: 'gone' }), figure([1], { subject: 'unit', unit: 'ms' })]),
      results([
        figure([1]),
        figure([1], { subject: 'new' }),
        figure([1], { subject: 'unit' }),
        figure([], { subject: 'empty' }),
      ]),
    );
    t.same(
      changes.map(({ subject }) => subject),
      ['start-write'],
    );
    t.same(
      onlyBefore.map(({ subject }) => subject),
      ['gone', 'unit'],
    );
    t.same(
      onlyAfter.map(({ subject }) => subject),
      ['new', 'unit'],
    );
  },
);

t.test('on another machine only exact figures decide, and the first line says so', async (t) => {
  const exact = { subject: 'full-nor', metric: 'blocksErased', unit: 'blocks', kind: 'exact' } as const;
  const before = results([figure([1]), figure([512], exact)]);
  for (const machine of [{ cpu: 'Another' }, { cores: 4 }, { node: 'v22.0.0' }]) {
    const other = { machine: { ...before.machine, ...machine } };
    const slower = compareResults(before, results([figure([2]), figure([512], exact)], other));
    const [first = ''] = formatComparison(slower).split('\n');
    t.match(first, /^NOT COMPARABLE: .*Times mean nothing/);
    t.match(first, String(Object.values(machine)[0]));
    t.match(formatComparison(slower), /worse\?/, 'the verdict is shown');
    t.equal(gotWorse(slower), false);
    t.equal(
      gotWorse(compareResults(before, results([figure([1]), figure([513], exact)], other))),
      true,
      'more erases are more everywhere',
    );
  }
});

t.test('with other neighbours times do not decide, memory does', async (t) => {
  const memory = { subject: 'curve-push-64', metric: 'anonAboveIdleMiB', unit: 'MiB' };
  const before = results([figure([1]), figure([2], memory)]);
  const busy = { neighbours: { load: 2, share: 0.4 } };
  const slower = compareResults(before, results([figure([2]), figure([2], memory)], busy));
  t.match(formatComparison(slower), /^NOT COMPARABLE: .*1 % .*40 %/);
  t.equal(gotWorse(slower), false);
  t.equal(gotWorse(compareResults(before, results([figure([1]), figure([4], memory)], busy))), true);
});

t.test('neighbours that were as busy both times are named, and times decide', async (t) => {
  const busy = { neighbours: { load: 2, share: 0.4 } };
  const slower = compareResults(results([figure([1])], busy), results([figure([2])], busy));
  t.match(formatComparison(slower), /^BEWARE: .*40 %/);
  t.equal(gotWorse(slower), true);
});

t.test('what is printed tells of each change, and of the others how many they are', async (t) => {
  const text = formatComparison(
    compareResults(
      results([figure([1]), figure([1], { subject: 'still' }), figure([1], { subject: 'gone' })]),
      results([figure([1.5]), figure([1], { subject: 'still' })]),
    ),
  );
  t.match(text, /^subject/, 'nothing to warn of');
  t.match(text, /start-write +wallSeconds +1 +1\.50 +s +\+50\.0 % +±0\.15 +worse/);
  t.match(text, /1 worse, 0 better, 1 the same/);
  t.match(text, /Only before: gone wallSeconds\./);
  t.notMatch(text, /Only after/);
});

t.test('the exit code is 1 when something got worse, and 2 when nothing can be compared', async (t) => {
  const folder = t.testdir({ 'old.json': '{"format": 1}', 'broken.json': '{' });
  const save = (name: string, figures: readonly Figure[]): string => {
    saveResults(join(folder, name), results(figures));
    return join(folder, name);
  };
  const a = save('a.json', [figure([1, 1, 1])]);
  const b = save('b.json', [figure([2, 2, 2])]);
  const c = save('c.json', [figure([1], { subject: 'another' })]);
  t.match(compared(t, a, b), { code: 1, said: /1 worse/ });
  t.match(compared(t, b, a), { code: 0, said: /1 better/ });
  t.match(compared(t, a, a), { code: 0, said: /1 the same/ });
  t.match(compared(t, a, c), { code: 2, said: /no figure in common/ });
  t.match(compared(t, a, join(folder, 'old.json')), {
    code: 2,
    said: /old.json holds no results of this harness/,
  });
  t.match(compared(t, a, join(folder, 'broken.json')), { code: 2, said: /JSON/ });
  t.match(compared(t, 'there-is-no-such-run', a), {
    code: 2,
    said: /bench\/results\/there-is-no-such-run\.json/,
  });
});

/** What the command answers. What it writes is not mixed with what this test writes: both go to stdout. */
function compared(t: Test, a: string, b: string): { code: number; said: string } {
  let said = '';
  const note = (text: string | Uint8Array): boolean => (said += String(text)) !== '';
  const out = t.capture(process.stdout, 'write', note);
  const err = t.capture(process.stderr, 'write', note);
  const code = runCompare(a, b);
  out.restore();
  err.restore();
  return { code, said };
}

t.test('a run is named by its file, or by its name in bench/results', async (t) => {
  t.equal(resultsPath('before-the-change'), 'bench/results/before-the-change.json');
  t.equal(resultsPath('before.json'), 'bench/results/before.json');
  t.equal(resultsPath('some/where.json'), 'some/where.json');
  t.equal(resultsPath('package.json'), 'package.json', 'a file that is there');
});
