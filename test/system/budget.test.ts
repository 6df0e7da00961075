/** The budget that the program is held to (bench/budget.json). What it means to change, `npm run bench -- --budget` writes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { loadBudget, overBudget } from '../../bench/budget.js';
import { measureCopies } from '../../bench/copies.js';
import { measurePrograms } from '../../bench/measure-programs.js';
import type { Figure } from '../../bench/results.js';
import { SCENARIOS } from '../../bench/scenarios.js';
import { measureStart } from '../../bench/start.js';
import { measureVirtual } from '../../bench/virtual.js';

const budget = loadBudget();

function folder(t: Test): string {
  const made = mkdtempSync(join(tmpdir(), 'sluice-budget-'));
  t.teardown(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** Every figure of the budget that this part measures must have been measured: one that is gone holds nothing. */
function hold(t: Test, figures: readonly Figure[], subjects: readonly string[]): void {
  const has = (subject: string, metric: string): boolean =>
    figures.some((each) => each.subject === subject && each.metric === metric);
  for (const subject of subjects) {
    const metrics = Object.keys({ ...budget.operations[subject], ...budget.ceilings[subject] });
    t.ok(metrics.length > 0, `${subject} is in the budget`);
    for (const metric of metrics) t.ok(has(subject, metric), `${subject}: ${metric} was measured`);
  }
  t.same(overBudget(figures, budget), []);
}

t.test('what updates do to their chips, and for how long, is what the budget says', async (t) => {
  for (const scenario of SCENARIOS.filter(({ how }) => how === 'virtual')) {
    hold(t, await measureVirtual(scenario), [scenario.name]);
  }
});

t.test('a byte is copied as often as the budget says', async (t) => {
  hold(t, await measureCopies(folder(t)), ['copies']);
});

t.test('the program stays under the ceilings of memory', async (t) => {
  const names = Object.keys(budget.ceilings).filter((name) => /^(curve|block)-/.test(name));
  const scenarios = SCENARIOS.filter(({ name }) => names.includes(name));
  t.equal(scenarios.length, names.length);
  const { figures } = await measurePrograms(
    scenarios.map((scenario) => ({ ...scenario, repeats: 1 })),
    folder(t),
  );
  hold(t, figures, names);
});

t.test('it starts within the ratio to an empty Node', async (t) => {
  hold(t, await measureStart(folder(t), 5, false), ['start-write']);
});

t.test('what is over the budget is told', async (t) => {
  const figure = (subject: string, metric: string, value: number): Figure => ({
    subject,
    metric,
    unit: '',
    better: 'less',
    kind: 'exact',
    values: [value],
  });
  const held = { operations: { a: { erased: 3 } }, ceilings: { b: { mib: 4 } } };
  t.same(overBudget([figure('a', 'erased', 3), figure('b', 'mib', 4), figure('c', 'mib', 9)], held), []);
  t.equal(overBudget([figure('a', 'erased', 2), figure('b', 'mib', 4.1)], held).length, 2);
  t.equal(overBudget([figure('b', 'mib', Number.NaN)], held).length, 1, 'nothing is not little');
});
