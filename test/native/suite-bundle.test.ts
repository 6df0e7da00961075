import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { bundleTest, readTap, type TapPoint } from '../kit/suite-bundle.js';

/** Runs a script as a guest would: plain node, nothing beside it. */
function run(script: string): {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
} {
  const { status, stdout, stderr } = spawnSync('env', ['-u', 'NODE_OPTIONS', process.execPath, script], {
    cwd: '/',
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

const names = (points: readonly TapPoint[]): string[] =>
  points.flatMap((point) => [point.name, ...names(point.points)]);

t.test('the conformance suite runs as one script with no module beside it', async (t) => {
  const script = join(t.testdir(), 'suite.mjs');
  await bundleTest('test/conformance/sim.test.ts', script);
  const { status, stdout, stderr } = run(script);
  t.equal(status, 0, stderr);
  const points = readTap(stdout);
  t.equal(points.length, 4);
  t.ok(points.every((point) => point.ok && point.points.length > 15));
  t.ok(names(points).includes('erase sets every bit of one block and of no other'));
});

t.test('the stand-in for tap fails where tap does', async (t) => {
  const folder = t.testdir();
  const source = join(folder, 'failing.ts');
  writeFileSync(
    source,
    `import t from 'tap';
     const bad = Object.assign(new Error('no'), { code: 'ERR_X' });
     void t.test('wrong', async (t) => {
       t.ok(0, 'ok'); t.equal(1, 2, 'equal'); t.not(1, 1, 'not'); t.same([1], [2], 'same');
       t.match('abc', /d/, 'match'); t.fail('fail'); t.throws(() => {}, {}, 'throws');
       await t.rejects(Promise.resolve(), { code: 'ERR_X' }, 'not rejected');
       await t.rejects(Promise.reject(bad), { code: 'ERR_Y' }, 'other code');
       await t.resolves(Promise.reject(bad), 'resolves');
     });
     void t.test('right', async (t) => {
       t.ok(1); t.equal(Number.NaN, Number.NaN); t.same({ a: [1] }, { a: [1] }); t.match({ a: 1, b: 2 }, { a: 1 });
       await t.rejects(Promise.reject(bad), { code: 'ERR_X' }, 'code');
     });
     void t.test('thrown', async () => { throw new Error('a word of it'); });
     void t.test('nested', async (t) => { await t.test('inner', async (t) => { t.fail(); }); });
     void t.test('left out', { skip: 'no chip here' }, () => { throw new Error('ran'); });`,
  );
  const script = join(folder, 'failing.mjs');
  await bundleTest(source, script);
  const { status, stdout } = run(script);
  t.equal(status, 1);
  const [wrong, right, thrown, nested, leftOut, ...more] = readTap(stdout);
  t.same(more, []);
  t.equal(wrong?.ok, false);
  t.equal(wrong?.points.length, 10);
  t.ok(wrong?.points.every((point) => !point.ok));
  t.equal(right?.ok, true);
  t.ok(right?.points.every((point) => point.ok));
  t.equal(thrown?.ok, false);
  t.match(thrown?.points[0]?.name, /a word of it/);
  t.same(
    [nested?.ok, nested?.points[0]?.ok, nested?.points[0]?.points.length],
    [false, false, 1],
    'a failure inside fails all around it',
  );
  t.same([leftOut?.ok, leftOut?.skip], [true, 'no chip here']);
});

t.test('a script that dies or hangs is not taken for one that passed', async (t) => {
  const folder = t.testdir();
  const script = join(folder, 'dead.mjs');
  const ends = { dies: 'process.exit(0)', hangs: 'await new Promise(() => {})' };
  for (const [name, end] of Object.entries(ends)) {
    const source = join(folder, `${name}.ts`);
    writeFileSync(source, `import t from 'tap';\nvoid t.test('a', async (t) => { t.pass(); ${end}; });`);
    await bundleTest(source, script);
    t.throws(() => readTap(run(script).stdout), /no plan/, name);
  }
  t.not(run(script).status, 0, 'and one that hangs does not end well');
});
