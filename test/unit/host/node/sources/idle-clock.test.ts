/** What counts as silence of a sender. */
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { IdleClock } from '../../../../../src/host/node/sources/idle-clock.js';

const SILENCE = 160;

/** Keeps this thread busy, as SIGSTOP does: no timer runs. */
const standStill = (milliseconds: number): void =>
  void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

function clockOf(): { clock: IdleClock; expired: () => boolean } {
  let isOver = false;
  const clock = new IdleClock(SILENCE, () => (isOver = true));
  return { clock, expired: () => isOver };
}

t.test('silence expires, and bytes that are too few do not prevent that', async (t) => {
  const { clock, expired } = clockOf();
  const began = performance.now();
  clock.start();
  while (!expired()) {
    await setTimeout(30);
    if (expired()) break;
    clock.received(10);
    clock.start();
  }
  t.ok(performance.now() - began >= SILENCE - 5);
});

t.test('time for which the process stood still is not silence', async (t) => {
  const { clock, expired } = clockOf();
  t.teardown(() => clock.stop());
  clock.start();
  standStill(3 * SILENCE);
  await setTimeout(1);
  t.equal(expired(), false, 'what arrived meanwhile is read first');
  clock.received(10);
  clock.start();
  await setTimeout(1);
  t.equal(expired(), false, 'and that time is not held against the sender');
  while (!expired()) await setTimeout(10);
});
