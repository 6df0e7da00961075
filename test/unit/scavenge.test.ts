/** What is done to keep the heap small while bytes flow; that it is small is shown by test/system/serve-memory.test.ts. */
import { setImmediate } from 'node:timers/promises';
import t from 'tap';

const KIB = 1024;
const MIB = 1024 * KIB;

const asked: string[] = [];
// Before it is first wanted: the launcher has it there too.
globalThis.gc = ((options?: { type: string }) => void asked.push(options?.type ?? 'full')) as typeof gc;
const { MINOR_INTERVAL, Scavenger } = await import('../../src/ingress/scavenge.js');

t.beforeEach(() => void (asked.length = 0));

t.test('small collections often, full ones now and then', async (t) => {
  const scavenger = new Scavenger(MINOR_INTERVAL);
  for (let come = 0; come < 64 * MIB; come += 64 * KIB) scavenger.took(64 * KIB);
  await setImmediate();
  t.equal(asked.filter((type) => type === 'full').length, 2);
  t.equal(asked.filter((type) => type === 'minor').length, 1022);
});

t.test('where no small ones are wanted there are none', async (t) => {
  const scavenger = new Scavenger();
  const held: Uint8Array[] = [];
  for (let come = 0; come < 32 * MIB; come += MIB) {
    held.push(new Uint8Array(MIB));
    scavenger.took(MIB);
  }
  await setImmediate();
  t.same(asked, ['full']);
  t.equal(held.length, 32);
});

t.test('buffers that become more call for a full one, before much has come', async (t) => {
  const scavenger = new Scavenger(MINOR_INTERVAL);
  const held: Uint8Array[] = [];
  let come = 0;
  for (; !asked.includes('full') && come < 16 * MIB; come += 256 * KIB) {
    held.push(new Uint8Array(256 * KIB));
    scavenger.took(256 * KIB);
    await setImmediate();
  }
  t.ok(come <= 2 * MIB, `${come} bytes had come, and were kept`);
  asked.length = 0;
  for (let more = 0; more < 8 * MIB; more += 256 * KIB) scavenger.took(256 * KIB);
  await setImmediate();
  t.notOk(asked.includes('full'), 'what is there to stay does not call for one after the other');
  t.ok(held.length > 0);
});

t.test('a piece that is done with is gone, unless others may have a part of its buffer', async (t) => {
  const scavenger = new Scavenger(MINOR_INTERVAL);
  const own = new Uint8Array(64 * KIB).fill(1);
  scavenger.done(own);
  t.equal(own.length, 0);
  const whole = new Uint8Array(64 * KIB).fill(1);
  const part = whole.subarray(0, 32 * KIB);
  scavenger.done(part);
  t.equal(part.length, 32 * KIB);
  t.equal(whole[0], 1);
  const shared = new Uint8Array(new SharedArrayBuffer(4 * KIB));
  scavenger.done(shared);
  t.equal(shared.length, 4 * KIB);
  await setImmediate();
  t.same(asked, ['minor'], 'all were counted');
});
