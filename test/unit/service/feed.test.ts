/**
 * What a feed promises to every protocol:
 * - one sender at a time; another one takes its place after the last bytes are taken
 * - a sender that was cut off or silent may resume, for a time; anything else ends the job
 * - silence is measured only while it is the sender's turn
 */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { SluiceError } from '../../../src/core/errors.js';
import { DeferredSender } from '../../../src/service/deferred-sender.js';
import { Feed } from '../../../src/service/feed.js';
import type { Work } from '../../../src/service/work.js';

const bytes = (count: number): Uint8Array => new Uint8Array(count);

const cut = (): SluiceError => new SluiceError('ERR_SOURCE_TRUNCATED', 'the connection closed');

/** A job that keeps what happens to it; `slow`: milliseconds of a write. */
class Script implements Work<string> {
  readonly log: string[] = [];
  slow = 0;

  async write({ length }: Uint8Array): Promise<void> {
    await sleep(this.slow);
    this.log.push(`write ${length}`);
  }

  async end(): Promise<string> {
    this.log.push('end');
    return 'ended';
  }

  async abort(reason: unknown): Promise<string> {
    this.log.push(`abort ${(reason as SluiceError).code}`);
    return 'aborted';
  }
}

t.test('a sender that was cut off resumes where the feed stands', async (t) => {
  const work = new Script();
  const feed = new Feed(work, { resumeWithin: 1000 });
  const first = await feed.attach();
  await first.write(bytes(5));
  await t.rejects(first.interrupt(cut()), { code: 'ERR_SOURCE_TRUNCATED' });
  t.ok(feed.waiting);
  await t.rejects(first.write(bytes(1)), { code: 'ERR_SOURCE_TRUNCATED' }, 'the old connection is out');
  await t.rejects(feed.resume(4), { code: 'ERR_SESSION_UPLOAD', message: 'the upload resumes at byte 5' });
  await t.rejects(feed.resume(null), { code: 'ERR_SESSION_UPLOAD' });
  t.ok(feed.waiting, 'it waits on for one that knows');
  const second = await feed.resume(5);
  t.notOk(feed.waiting);
  await second.write(bytes(2));
  t.equal(await second.end(), 'ended');
  t.equal(feed.received, 7);
  t.same(work.log, ['write 5', 'write 2', 'end']);
});

t.test('a sender that does not return in time ends the job', async (t) => {
  const work = new Script();
  const feed = new Feed(work, { resumeWithin: 30 });
  await t.rejects((await feed.attach()).interrupt(cut()), { code: 'ERR_SOURCE_TRUNCATED' });
  await sleep(80);
  t.ok(feed.ending);
  t.notOk(feed.waiting);
  t.same(work.log, ['abort ERR_SOURCE_TRUNCATED']);
});

t.test('what is wrong with the bundle ends the job, and so does a cut that cannot be resumed', async (t) => {
  for (const [error, resumeWithin] of [
    [new SluiceError('ERR_TRUST_SIGNATURE', 'wrong'), 1000],
    [cut(), 0],
  ] as const) {
    const work = new Script();
    const feed = new Feed(work, { resumeWithin });
    t.equal(await (await feed.attach()).interrupt(error), 'aborted');
    t.same(work.log, [`abort ${error.code}`]);
  }
});

t.test('another connection takes the place of a sender, after its last bytes', async (t) => {
  const work = new Script();
  work.slow = 30;
  const feed = new Feed(work, { resumeWithin: 1000 });
  const first = await feed.attach();
  const writing = first.write(bytes(3));
  const second = await feed.attach();
  await writing;
  t.same(work.log, ['write 3']);
  t.ok(first.signal.aborted);
  await t.rejects(first.end(), { code: 'ERR_SESSION_INTERRUPTED' }, 'it cannot end the job any more');
  await t.rejects(first.interrupt(cut()), { code: 'ERR_SOURCE_TRUNCATED' });
  t.notOk(feed.waiting, 'nor make it wait');
  await second.write(bytes(4));
  t.equal(await second.end(), 'ended');
});

t.test(
  'a silent sender is interrupted; the time of its bytes on their way to flash does not count',
  async (t) => {
    const work = new Script();
    work.slow = 120;
    const feed = new Feed(work, { resumeWithin: 1000 });
    const sender = await feed.attach({ silence: 60 });
    await sender.write(bytes(2000));
    t.notOk(sender.signal.aborted, 'its bytes took longer than it may be silent');
    await sleep(100);
    t.ok(sender.signal.aborted);
    t.match(sender.signal.reason, {
      code: 'ERR_SOURCE_SILENT',
      message: 'sender was silent for 0.06 seconds',
    });
    t.ok(feed.waiting, 'and may resume');
    t.equal(await feed.abort(new SluiceError('ERR_SESSION_INTERRUPTED', 'enough')), 'aborted');
    t.notOk(feed.waiting);
    const trickle = new Feed(new Script(), { resumeWithin: 0 });
    const slow = await trickle.attach({ silence: 60 });
    const end = performance.now() + 200;
    while (!slow.signal.aborted && performance.now() < end) {
      await sleep(15);
      await slow.write(bytes(1)).catch(() => {});
    }
    t.ok(slow.signal.aborted, 'a byte now and then is silence too');
    t.ok(trickle.ending);
  },
);

t.test('a sender that was replaced does not stop the end of the job', async (t) => {
  for (const error of [cut(), new SluiceError('ERR_SESSION_STATE', 'not a lost connection')]) {
    const work = new Script();
    const feed = new Feed(work, { resumeWithin: 1000 });
    const first = await feed.attach();
    const second = await feed.attach();
    const ended = second.end();
    t.equal(await first.interrupt(error), 'ended');
    t.equal(await ended, 'ended');
    t.same(work.log, ['end']);
  }
});

t.test('an aborted job stops its sender and takes nothing more', async (t) => {
  const work = new Script();
  const feed = new Feed(work, { resumeWithin: 1000 });
  const sender = await feed.attach();
  const reason = new SluiceError('ERR_SESSION_INTERRUPTED', 'stopping');
  const read = sender.run(
    (_take, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  );
  t.equal(await feed.abort(reason), 'aborted');
  t.equal(await read, 'aborted', 'the sender gets the same answer');
  await t.rejects((await feed.attach()).write(bytes(1)), { code: 'ERR_SESSION_INTERRUPTED' });
  t.same(work.log, ['abort ERR_SESSION_INTERRUPTED', 'abort ERR_SESSION_INTERRUPTED']);
});

t.test('a detached feed waits for a sender', async (t) => {
  const work = new Script();
  const feed = new Feed(work, { resumeWithin: 1000 });
  const sender = await feed.attach();
  await feed.detach();
  t.ok(sender.signal.aborted);
  t.ok(feed.waiting);
  const again = await feed.resume(0);
  t.equal(await again.end(), 'ended');
  await feed.detach();
  t.notOk(feed.waiting, 'one that has ended waits for nobody');
});

t.test('a deferred sender begins the job with its first byte', async (t) => {
  const work = new Script();
  let begun = 0;
  const begin = async (): Promise<Feed<string>> => {
    begun++;
    return new Feed(work, { resumeWithin: 0 });
  };
  const empty = new DeferredSender(begin);
  await t.rejects(
    empty.run(() => Promise.reject(cut())),
    { code: 'ERR_SOURCE_TRUNCATED' },
  );
  t.equal(begun, 0);
  const sender = new DeferredSender(begin);
  let received = 0;
  const answer = await sender.run(
    async () => {
      t.equal(sender.feed, null);
      await sender.write(bytes(1));
      await sender.write(bytes(2));
      t.not(sender.feed, null);
    },
    () => received++,
  );
  t.equal(answer, 'ended');
  t.equal(begun, 1);
  t.equal(received, 1);
  const cutOff = new DeferredSender(begin);
  t.equal(
    await cutOff.run(async () => {
      await cutOff.write(bytes(1));
      throw cut();
    }),
    'aborted',
  );
});
