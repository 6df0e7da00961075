/** What is done to keep the heap small while bytes flow; that it is small is shown by test/system/serve-memory.test.ts. */
import { setImmediate } from 'node:timers/promises';
import t from 'tap';

const KIB = 1024;
const MIB = 1024 * KIB;

const asked: string[] = [];
// Before it is first wanted: the launcher has it there too.
globalThis.gc = ((options?: { type: string }) => void asked.push(options?.type ?? 'full')) as typeof gc;
const { MINOR_GC_BYTES, HeapTrimmer } = await import('../../../../../src/host/node/memory/heap.js');

t.beforeEach(() => void (asked.length = 0));

t.test('small collections often, full ones now and then', async (t) => {
  const scavenger = new HeapTrimmer(MINOR_GC_BYTES);
  for (let come = 0; come < 64 * MIB; come += 64 * KIB) scavenger.consumed(64 * KIB);
  await setImmediate();
  t.equal(asked.filter((type) => type === 'full').length, 2);
  t.equal(asked.filter((type) => type === 'minor').length, 1022);
});

t.test('where no small ones are wanted there are none', async (t) => {
  const scavenger = new HeapTrimmer();
  const held: Uint8Array[] = [];
  for (let come = 0; come < 32 * MIB; come += MIB) {
    held.push(new Uint8Array(MIB));
    scavenger.consumed(MIB);
  }
  await setImmediate();
  t.same(asked, ['full']);
  t.equal(held.length, 32);
});

t.test('buffers that become more call for a full one, before much has come', async (t) => {
  const usage = process.memoryUsage();
  let arrayBuffers = 9 * MIB;
  const memoryUsage = Object.assign(() => ({ ...usage, arrayBuffers }), { rss: () => usage.rss });
  t.intercept(process, 'memoryUsage', { value: memoryUsage });
  const scavenger = new HeapTrimmer(MINOR_GC_BYTES);
  const come = async (bytes: number, kept: number): Promise<void> => {
    for (let at = 0; at < bytes; at += 256 * KIB) {
      scavenger.consumed(256 * KIB);
      arrayBuffers += kept;
    }
    await setImmediate();
  };
  await come(4 * MIB, 0);
  t.notOk(asked.includes('full'));
  arrayBuffers -= 4 * MIB;
  await come(1.5 * MIB, 256 * KIB);
  t.equal(asked.filter((type) => type === 'full').length, 1, 'more than when there were least');
  await come(8 * MIB, 0);
  t.equal(asked.filter((type) => type === 'full').length, 1, 'what is there to stay calls for no other');
});

t.test('a piece that is done with is gone, unless others may have a part of its buffer', async (t) => {
  const scavenger = new HeapTrimmer(MINOR_GC_BYTES);
  const own = new Uint8Array(64 * KIB).fill(1);
  scavenger.release(own);
  t.equal(own.length, 0);
  const whole = new Uint8Array(64 * KIB).fill(1);
  const part = whole.subarray(0, 32 * KIB);
  scavenger.release(part);
  t.equal(part.length, 32 * KIB);
  t.equal(whole[0], 1);
  const shared = new Uint8Array(new SharedArrayBuffer(4 * KIB));
  scavenger.release(shared);
  t.equal(shared.length, 4 * KIB);
  await setImmediate();
  t.same(asked, ['minor'], 'all were counted');
});
