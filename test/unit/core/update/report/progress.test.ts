/**
 * The progress model: one whole number that never falls, is 100 only after the commit, and weighs blocks by the time
 * that they take.
 */
import t from 'tap';
import type { BlockState } from '../../../../../src/core/update/report/observer.js';
import { Progress, type Pass } from '../../../../../src/core/update/report/progress.js';
import { Random } from '../../../../proof/fuzz/random.js';

let clock = 0;
t.beforeEach(() => {
  clock = 0;
});

function begun(pass: Pass, size: number | null, last: Pass = 'write'): Progress {
  const progress = new Progress(() => clock, last);
  progress.begin(pass, size);
  return progress;
}

const fill = (progress: Progress, from: number, to: number, state: BlockState): void => {
  for (let block = from; block < to; block++) progress.block('rofs', block, state);
};

t.test('a bundle without an index counts by its bytes', (t) => {
  const progress = begun('write', 1000);
  t.equal(progress.percent, 0);
  progress.image('image-rofs', 'rofs', 10, null);
  progress.received(500);
  t.equal(progress.percent, 48, 'a share is left for what comes after the last byte');
  progress.received(1000);
  t.equal(progress.percent, 96);
  progress.phase('checking');
  progress.phase('committing');
  t.equal(progress.percent, 99, 'not committed yet');
  progress.phase('done');
  t.equal(progress.percent, 100);
  t.end();
});

t.test('without a size it is not known, until an index announces the images', (t) => {
  const progress = begun('write', null);
  progress.received(70_000);
  progress.image('image-rofs', 'rofs', 10, null);
  t.equal(progress.percent, null);
  t.equal(progress.secondsLeft, null);
  progress.planned();
  t.equal(progress.percent, 0);
  fill(progress, 0, 5, 'written');
  t.equal(progress.percent, 48);
  t.end();
});

t.test('a source may say its size late, and an empty one has no percentage', (t) => {
  const progress = begun('write', null);
  progress.size = 200;
  progress.received(100);
  t.equal(progress.percent, 48);
  const empty = begun('write', 0);
  empty.received(0);
  t.equal(empty.percent, null);
  empty.phase('failed');
  t.equal(empty.percent, null);
  t.end();
});

t.test('an unchanged block weighs little', (t) => {
  const progress = begun('write', 1000);
  progress.image('image-rofs', 'rofs', 100, 10);
  progress.planned();
  fill(progress, 0, 90, 'unchanged');
  // 90 compares of 90 compares and 10 changes.
  t.equal(progress.percent, 21);
  fill(progress, 90, 95, 'written');
  t.equal(progress.percent, 59);
  t.end();
});

t.test('without a forecast a block counts as one that changes until it was compared', (t) => {
  const progress = begun('write', 1000);
  progress.image('image-rofs', 'rofs', 100, null);
  progress.planned();
  fill(progress, 0, 50, 'unchanged');
  t.equal(progress.percent, 3);
  fill(progress, 50, 100, 'unchanged');
  t.equal(progress.percent, 99);
  t.end();
});

t.test('a held block is done when its gate opens', (t) => {
  const progress = begun('write', null);
  progress.image('image-kernel', 'kernel', 1, null);
  progress.image('image-rofs', 'rofs', 1, null);
  progress.planned();
  progress.block('kernel', 0, 'held');
  progress.block('rofs', 0, 'held');
  t.equal(progress.percent, 3);
  progress.phase('checking');
  progress.phase('committing');
  progress.block('kernel', 0, 'erased');
  progress.block('kernel', 0, 'written');
  t.equal(progress.percent, 51);
  progress.block('kernel', 0, 'written');
  t.equal(progress.percent, 51, 'once');
  t.same(progress.partitions, { kernel: { blocks: 1, done: 1 }, rofs: { blocks: 1, done: 1 } });
  t.end();
});

t.test('a block that is written again counts once, a bad one not at all', (t) => {
  const progress = begun('write', null);
  progress.image('image-rofs', 'rofs', 4, null);
  progress.planned();
  for (const state of ['erased', 'written', 'erased', 'written'] as const) progress.block('rofs', 0, state);
  progress.block('rofs', 1, 'bad');
  progress.block('none', 1, 'written');
  t.same(progress.partitions, { rofs: { blocks: 4, done: 1 } });
  t.equal(progress.percent, 24);
  t.end();
});

t.test('a check before the write has its share of the one percentage', (t) => {
  const progress = begun('check', 1000);
  progress.received(1000);
  t.equal(progress.percent, 5);
  progress.begin('write', 1000);
  t.equal(progress.percent, 5);
  progress.image('image-rofs', 'rofs', 100, 10);
  progress.planned();
  t.equal(progress.percent, 32, '200 of 200 + 10 * 32 + 90');
  t.equal(progress.bytes, 0, 'bytes are those of the pass');

  const stopped = begun('check', 1000);
  stopped.received(10);
  stopped.begin('write', 1000);
  stopped.image('image-rofs', 'rofs', 100, null);
  stopped.planned();
  fill(stopped, 0, 50, 'written');
  t.equal(stopped.percent, 48, 'a check that stopped at the index has none');
  t.end();
});

t.test('a check alone is all of it', (t) => {
  const progress = begun('check', 1000, 'check');
  progress.received(500);
  t.equal(progress.percent, 50);
  progress.received(1000);
  t.equal(progress.percent, 99);
  t.end();
});

t.test('the rate and the time left', (t) => {
  const progress = begun('write', 10_000);
  t.equal(progress.rate, 0);
  progress.received(100);
  clock = 100;
  t.equal(progress.rate, 1000);
  t.equal(progress.secondsLeft, null, 'too early to tell');
  clock = 1000;
  progress.received(1000);
  t.equal(progress.rate, 1000);
  t.equal(progress.secondsLeft, 10, 'a tenth in a second, and the recheck');
  for (clock = 6000; clock <= 18_000; clock += 6000) progress.received(1000 + clock / 6);
  t.ok(progress.rate < 300, 'the first second is behind the window');
  progress.phase('done');
  t.equal(progress.secondsLeft, 0);

  const check = begun('check', 1000);
  clock += 1000;
  check.received(500);
  t.equal(check.secondsLeft, null, 'the rate of a check says nothing about flash');
  t.end();
});

/** A session as it may go: any sizes, any plan, retries, bad blocks, failures; events go to all of `observers`. */
function* session(random: Random, observers: readonly Progress[]): Generator<void> {
  const each = (event: (progress: Progress) => void): void => observers.forEach(event);
  const size = random.below(3) === 0 ? null : random.below(1_000_000);
  const names = ['u-boot', 'kernel', 'rofs', 'rwfs'].slice(0, 1 + random.below(4));
  const blocks = names.map(() => random.below(20));
  const total = size ?? 500_000;
  let received = 0;
  const receive = (bytes: number): void => {
    received = Math.min(total, received + bytes);
    each((progress) => progress.received(received));
  };
  for (let checks = random.below(3); checks > 0; checks--) {
    received = 0;
    each((progress) => progress.begin('check', size));
    while (received < total && random.below(20) > 0) {
      receive(1 + random.below(200_000));
      yield;
    }
  }
  received = 0;
  each((progress) => progress.begin('write', size));
  const announced = random.below(2) === 0;
  const announce = (index: number): void => {
    const changes = random.below(2) === 0 ? null : random.below(25);
    each((p) => p.image(`image-${names[index]}`, names[index] as string, blocks[index] as number, changes));
  };
  if (announced) {
    names.forEach((_, index) => announce(index));
    each((progress) => progress.planned());
  }
  for (const [index, name] of names.entries()) {
    if (!announced) announce(index);
    let at = 0;
    for (let left = blocks[index] as number; left > 0;) {
      clock += random.below(900);
      receive(random.below(60_000));
      const states: BlockState[] = random.of([
        ['unchanged'],
        ['held'],
        ['bad'],
        ['erased', 'written'],
        ['erased', 'erased', 'written', 'written'],
        ['written', 'bad'],
      ]);
      for (const state of states) {
        each((progress) => progress.block(name, at, state));
        yield;
      }
      at++;
      if (states.at(-1) !== 'bad') left--;
      if (random.below(100) === 0) return each((progress) => progress.phase('failed'));
    }
  }
  receive(total);
  yield;
  for (const phase of ['checking', 'committing'] as const) {
    each((progress) => progress.phase(phase));
    yield;
  }
  for (const name of names) {
    each((progress) => progress.block(name, 0, 'written'));
    yield;
  }
  if (random.below(10) > 0) each((progress) => progress.phase('done'));
}

t.test(
  'whatever a session does: whole, never falling, 100 only when done, the same for all observers',
  (t) => {
    let done = 0;
    for (let seed = 1; seed <= 2000; seed++) {
      const random = new Random(seed);
      const asked = new Progress(() => clock, 'write');
      const unasked = new Progress(() => clock, 'write');
      let last = -1;
      for (const _ of session(random, [asked, unasked])) {
        const { percent, secondsLeft } = asked;
        if (percent === null) {
          if (last !== -1) t.fail(`seed ${seed}: ${last} is not known any more`);
          continue;
        }
        if (!Number.isInteger(percent) || percent < last || percent > 99)
          t.fail(`seed ${seed}: ${percent} after ${last}`);
        if (secondsLeft !== null && !(secondsLeft >= 0)) t.fail(`seed ${seed}: ${secondsLeft} s left`);
        last = percent;
      }
      // One was asked all the time, the other one never.
      if (asked.percent !== unasked.percent) t.fail(`seed ${seed}: ${asked.percent} and ${unasked.percent}`);
      if (asked.percent === 100) done++;
      if ((asked.percent === 100) !== (asked.currentPhase === 'done')) t.fail(`seed ${seed}: 100 too early`);
    }
    t.ok(done > 500 && done < 2000, `${done} of 2000 were committed`);
    t.end();
  },
);
