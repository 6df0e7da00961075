import t from 'tap';
import { Progress } from '../../../src/core/update/report/progress.js';
import type { Source, Take } from '../../../src/host/node/sources/source.js';
import { beginUpdate, type CheckFeed, type Jobs } from '../../../src/service/two-pass.js';
import type { Feed } from '../../../src/service/feed.js';
import type { UpdateRequest } from '../../../src/service/update-request.js';

/** Knows its size from the first byte on, as a source of HTTP does. */
class LateSource implements Source {
  readonly name = 'late';
  readonly rereadable = true;
  size: number | null = null;

  async pump(take: Take): Promise<void> {
    this.size = 4;
    for (let i = 0; i < 4; i++) await take(new Uint8Array(1));
  }

  close(): void {}
}

t.test('a size that the source learns late counts in the percentage of both readings', async (t) => {
  const progress = new Progress(() => 0, 'write');
  const percents: (number | null)[] = [];
  let taken = 0;
  const write = async (): Promise<void> => {
    progress.received(++taken);
    percents.push(progress.percent);
  };
  const begin = (pass: 'check' | 'write', size: number | null): void => {
    progress.begin(pass, size);
    taken = 0;
  };
  const checked = { result: { identity: 'checked' } };
  const sender = {
    signal: null,
    write,
    end: async () => checked,
    run: (pump: (take: Take) => unknown) => pump(write),
  };
  const feed = { attach: async () => sender, enough: false };
  const sizes: (number | null)[] = [];
  const jobs: Jobs<unknown> = {
    policy: 'before-erase',
    check: async ({ size }) => {
      begin('check', size);
      return feed as unknown as CheckFeed;
    },
    update: async ({ size, check }) => {
      t.equal(check, checked.result);
      sizes.push(size);
      begin('write', size);
      return feed as unknown as Feed<unknown>;
    },
  };
  const request: UpdateRequest = {
    only: null,
    trust: null,
    check: null,
    size: null,
    resume: null,
    from: { via: 'cli', peer: null, user: null },
    progress,
  };
  const run = await beginUpdate(jobs, new LateSource(), request);
  t.equal(progress.percent, null);
  await run({});
  t.same(sizes, [4]);
  t.equal(percents.length, 8);
  t.notOk(percents.includes(null), 'known from the first byte on');
  t.same(
    percents,
    [...percents].sort((a, b) => Number(a) - Number(b)),
  );
  t.ok(Number(percents[7]) > Number(percents[3]));
});
