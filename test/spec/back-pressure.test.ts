/**
 * Back-pressure: a sender is held back until the flash has taken its bytes, and memory is two blocks.
 *
 * | promised | shown by |
 * |---|---|
 * | a slow flash holds the sender | "a slow flash holds the sender back: one block under way, one being filled, no more" |
 * |  | "each block that the flash takes lets in one more" |
 * |  | "a compressed source is held back as well" |
 * | a write resolves when its bytes are no longer needed | "a write larger than both buffers resolves when all but the last two blocks are in flash" |
 * |  | "what was written may be overwritten as soon as the write has resolved" |
 *
 * More: `test/spec/takes-any-pieces.test.ts`.
 */
import t from 'tap';
import type { UpdateSession } from '../../src/core/update/session.js';
import { gzipSync } from 'node:zlib';
import { makeBundle } from '../kit/bundle-maker.js';
import { HeldDevice, settle } from '../kit/held-device.js';
import { ERASE, nor, oldContent, sessionOf, SMALL, through, written } from '../kit/update-kit.js';
import { sameBytes } from '../kit/same-bytes.js';
import { noise } from '../kit/noise.js';

const rofs = noise(6 * ERASE, 1);
const bundle = makeBundle({ images: { rofs }, kind: 'proven' });
const start = bundle.places.get('image-rofs')?.start ?? 0;

/** A promise, and whether it has settled. */
function watch(promise: Promise<void>): { promise: Promise<void>; done: boolean } {
  const watched = { promise, done: false };
  watched.promise = promise.finally(() => {
    watched.done = true;
  });
  return watched;
}

/** Writes pieces for as long as they are taken; stops where one is not. */
async function fill(
  session: UpdateSession,
  from: number,
  size: number,
): Promise<{ taken: number; pending: Promise<void> | null }> {
  let at = from;
  for (;;) {
    const write = watch(session.write(bundle.bytes.subarray(at, at + size)));
    await settle();
    if (!write.done) return { taken: at - from, pending: write.promise };
    at += size;
    if (at >= bundle.bytes.length) return { taken: at - from, pending: null };
  }
}

t.test('a slow flash holds the sender back: one block under way, one being filled, no more', async (t) => {
  const target = nor();
  const device = new HeldDevice(target.chip);
  const session = sessionOf(through(target, device));
  await session.write(bundle.bytes.subarray(0, start));
  device.hold();
  const { taken, pending } = await fill(session, start, 512);
  t.equal(device.running, 1);
  // The piece that fills the second buffer is copied, but not acknowledged.
  t.equal(taken, 2 * ERASE - 512);
  device.letGo();
  await pending;
  await session.write(bundle.bytes.subarray(start + taken + 512));
  t.equal((await session.end()).outcome, 'committed');
  sameBytes(t, target.bytes, written(oldContent(), SMALL, { rofs }));
});

t.test('each block that the flash takes lets in one more', async (t) => {
  const target = nor();
  const device = new HeldDevice(target.chip);
  const session = sessionOf(through(target, device));
  let stored = 0;
  let accepted = 0;
  let most = 0;
  target.chip.onOperation = ({ kind, offset }) => {
    // A block is first read to be compared; all that come before it are done with then.
    if (kind === 'read') stored = Math.max(stored, offset / ERASE - 6);
  };
  for (let at = 0; at < bundle.bytes.length; at += 512) {
    await session.write(bundle.bytes.subarray(at, at + 512));
    accepted = Math.min(rofs.length, Math.max(0, at + 512 - start));
    most = Math.max(most, accepted - stored * ERASE);
  }
  t.ok(most <= 2 * ERASE, `${most} bytes were taken and not in flash`);
  t.equal((await session.end()).outcome, 'committed');
});

t.test(
  'a write larger than both buffers resolves when all but the last two blocks are in flash',
  async (t) => {
    const target = nor();
    const device = new HeldDevice(target.chip);
    const session = sessionOf(through(target, device));
    await session.write(bundle.bytes.subarray(0, start));
    device.hold();
    const write = watch(session.write(bundle.bytes.subarray(start, start + rofs.length)));
    await settle();
    t.notOk(write.done);
    device.letGo();
    await write.promise;
    for (const block of [7, 8, 9]) {
      const image = rofs.subarray((block - 6) * ERASE, (block - 5) * ERASE);
      sameBytes(t, target.bytes.subarray(block * ERASE, (block + 1) * ERASE), image);
    }
    await session.write(bundle.bytes.subarray(start + rofs.length));
    t.equal((await session.end()).outcome, 'committed');
  },
);

t.test('a compressed source is held back as well', async (t) => {
  const compressed = gzipSync(bundle.bytes);
  const target = nor();
  const device = new HeldDevice(target.chip);
  const session = sessionOf(through(target, device));
  device.hold();
  const write = watch(session.write(compressed));
  // zlib works in a thread of its own.
  while (device.running === 0) await settle();
  await settle();
  t.notOk(write.done);
  device.letGo();
  await write.promise;
  t.equal((await session.end()).outcome, 'committed');
});

t.test('what was written may be overwritten as soon as the write has resolved', async (t) => {
  const target = nor();
  const device = new HeldDevice(target.chip);
  const session = sessionOf(through(target, device));
  const piece = new Uint8Array(ERASE);
  for (let at = 0; at < bundle.bytes.length; at += piece.length) {
    const bytes = bundle.bytes.subarray(at, at + piece.length);
    piece.set(bytes);
    device.hold();
    const write = session.write(piece.subarray(0, bytes.length));
    await settle();
    device.letGo();
    await write;
    piece.fill(0xee);
  }
  t.equal((await session.end()).outcome, 'committed');
  sameBytes(t, target.bytes, written(oldContent(), SMALL, { rofs }));
});
