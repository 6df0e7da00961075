import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';

const PROGRAM = fileURLToPath(new URL('../../.ci/failures.mjs', import.meta.url));

/** What is told at the end of a run with this log. */
function told(t: Test, log: string): string[] {
  const path = join(t.testdir(), 'log');
  writeFileSync(path, log);
  const text = execFileSync(process.execPath, [PROGRAM, path], { encoding: 'utf8', env: {} });
  return text.split('\n').slice(0, -1);
}

const TOTAL = '# { total: 3, pass: 1, fail: 1, skip: 0 }\n';

const LOG = `TAP version 14
# Subtest: a.test.ts
    # Subtest: outer
        ok 1 - fine
        not ok 2 - one is two
          ---
          compare: ===
          source: |
            t.equal(1, 2);
          diff: |
            -2
            +1
          ...

    not ok 1 - outer # time=5ms
      ---
      at:
        lineNumber: 2
      ...

    # Subtest: known
        not ok 1 - known
          ---
          compare: no news
          ...
    not ok 2 - known # TODO
not ok 1 - a.test.ts # time=6ms
  ---
  exitCode: 1
  ...
ok 2 - b.test.ts
`;

t.test(
  'a failed test is told with where it is and what differs, and not once more as its parents',
  async (t) => {
    t.same(told(t, LOG + TOTAL), [
      '== 1 failed:',
      'not ok 2 - one is two',
      '  in: outer < a.test.ts',
      '  compare: ===',
      '  diff: |',
      '    -2',
      '    +1',
    ]);
    t.same(told(t, `ok 1 - a\n${TOTAL}`), [], 'nothing of a run that went well');
  },
);

t.test('however many fail, there are few lines, and each is named as long as that goes', async (t) => {
  const one = (n: number): string =>
    `not ok ${n} - number ${n}\n  ---\n${'  more: of it\n'.repeat(30)}  ...\n`;
  const many = (count: number): string => Array.from({ length: count }, (_, n) => one(n + 1)).join('');
  t.equal(told(t, many(1) + TOTAL).length, 2 + 15);
  const some = told(t, many(20) + TOTAL);
  t.ok(some.length <= 90);
  t.equal(some.filter((line) => line.startsWith('not ok')).length, 20);
  const most = told(t, many(300) + TOTAL);
  t.equal(most.length, 90);
  t.match(most[0], /300 failed/);
});

t.test('a run that came to no total is told by its last lines', async (t) => {
  t.same(told(t, 'ok 1 - a\nSegmentation fault\n').slice(-1), ['Segmentation fault']);
});
