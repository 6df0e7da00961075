/** What a run of the harness is kept as, and the clock that it runs by. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { EventClock } from '../../bench/event-clock.js';
import { exact, loadResults, noisy, saveResults } from '../../bench/results.js';
import { makeResults } from '../kit/bench-results.js';

t.test('results are read as they were written, each figure a line', async (t) => {
  const path = join(t.testdir(), 'results.json');
  const series = [{ chart: 'a', name: 'b', points: [[1, 2] as const, [3, 4] as const] }];
  const figures = [
    exact('timed-nor', 'readings', 'images', 1.23456),
    noisy('start', 'wallMs', 'ms', [3, 1, 2]),
  ];
  const results = makeResults(figures, { series });
  saveResults(path, results);
  t.same(loadResults(path), results);
  t.same(figures[0]?.values, [1.2346]);
  const lines = readFileSync(path, 'utf8').split('\n');
  t.equal(lines.filter((line) => line.includes('"subject"')).length, 2);
});

t.test('what is not results of this form is refused', async (t) => {
  const path = join(t.testdir(), 'results.json');
  for (const text of ['null', '{}', '{"format":1,"figures":[]}', '{"format":2}']) {
    writeFileSync(path, text);
    t.throws(() => loadResults(path), { message: /holds no results of this harness/ }, text);
  }
  writeFileSync(path, '{');
  t.throws(() => loadResults(path), { message: /cannot be read/ });
});

t.test('whoever waits is woken in the order of time, and time passes for all at once', async (t) => {
  const clock = new EventClock();
  const seen: string[] = [];
  const wait = async (name: string, ms: number): Promise<void> => {
    await clock.until(ms);
    seen.push(`${name} ${clock.now}`);
  };
  await clock.run(Promise.all([wait('b', 20), wait('a', 10), wait('c', 30), clock.pass(25)]));
  t.same(seen, ['a 10', 'b 20', 'c 30']);
  t.equal(clock.elapsed, 25, 'only the chip is busy');
});

t.test('what waits for nothing that will ever come is told instead of waited for', async (t) => {
  const never = new Promise<void>(() => {});
  await t.rejects(new EventClock(50).run(never), { message: /nobody for time/ });
});
