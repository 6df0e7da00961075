/** Static UBI volumes on a kernel in memory: they are written as a whole, and the kernel keeps their gate. */
import t from 'tap';
import { makeBundle } from '../../../../kit/bundle-maker.js';
import {
  LEB,
  kernelOf,
  open,
  part,
  changes,
  held,
  fill,
  image,
  proven,
  stock,
} from '../../../../kit/static-volume.js';
import { check, update } from '../../../../kit/update-kit.js';
import { sameBytes } from '../../../../kit/same-bytes.js';
import { noise } from '../../../../kit/noise.js';

t.test('new content is written as a whole, its last block when all is proven', async (t) => {
  for (const policy of ['before-erase', 'before-commit'] as const) {
    const kernel = kernelOf();
    fill(kernel, noise(10 * LEB, 7));
    const target = await open(kernel);
    const { receipt, error } = await update(target, policy === 'before-erase' ? proven : stock, { policy });
    t.equal(error, null);
    t.match(receipt, {
      outcome: 'committed',
      flash: 'complete',
      partitions: {
        rofs: { blocks: 4, skipped: 0, erased: 4, programmed: 4, readBack: 4, held: 1, bytes: image.length },
      },
    });
    t.same(changes(kernel), [
      `ubiStartUpdate ubi0_0 ${image.length}`,
      ...[LEB, LEB, LEB, 700].map((length) => `ubiAppend ubi0_0 ${length}`),
    ]);
    sameBytes(t, held(kernel), image, 'that and no more, though it held more before');
    await target.close();
  }
});

t.test('a volume that holds the image is left alone where its digests come ahead', async (t) => {
  const kernel = kernelOf();
  fill(kernel, image);
  const target = await open(kernel);
  const expect = await check(stock, target);
  const unchanged = {
    outcome: 'committed',
    partitions: { rofs: { blocks: 4, skipped: 4, erased: 0, held: 0 } },
  };
  t.match((await update(target, proven)).receipt, unchanged);
  t.match((await update(target, stock, { expect })).receipt, unchanged);
  t.same(changes(kernel), []);
  const blind = await update(target, stock, { policy: 'before-commit' });
  t.match(blind.receipt.partitions['rofs'], { skipped: 0, erased: 4 }, 'without them it is written');
  sameBytes(t, held(kernel), image);
  await target.close();
});

t.test('a forecast knows that all of it is written, or none', async (t) => {
  const kernel = kernelOf();
  const target = await open(kernel);
  const longer = new Uint8Array(image.length + 1).fill(0xff);
  longer.set(image);
  const changed = image.slice();
  changed[2 * LEB] = (changed[2 * LEB] as number) ^ 1;
  const all = { blocks: 4, unchanged: 0, erases: 4, changed: [0, 1, 2, 3] };
  for (const [content, wanted] of [
    [image, { blocks: 4, unchanged: 4, erases: 0, changed: [] }],
    [changed, all],
    [longer, all],
  ] as const) {
    fill(kernel, content);
    const fresh = await open(kernel);
    const { forecasts } = await check(stock, fresh, { forecast: true });
    t.match(forecasts[0], wanted);
    await fresh.close();
  }
  t.same(changes(kernel), []);
  await target.close();
});

t.test('what holds the image and more is another content', async (t) => {
  const kernel = kernelOf();
  const longer = new Uint8Array(image.length + 1).fill(0xff);
  longer.set(image);
  fill(kernel, longer);
  const target = await open(kernel);
  t.match((await update(target, proven)).receipt.partitions['rofs'], { skipped: 0, erased: 4 });
  t.equal(held(kernel).length, image.length);
  await target.close();
});

t.test('an image of one block, and one that fills the volume', async (t) => {
  for (const length of [1, LEB, 10 * LEB]) {
    const kernel = kernelOf();
    const bytes = noise(length, 3);
    const target = await open(kernel);
    const bundle = makeBundle({ images: { rofs: bytes }, kind: 'proven' }).bytes;
    t.match((await update(target, bundle)).receipt, { outcome: 'committed' });
    sameBytes(t, held(kernel), bytes, `${length} bytes`);
    await target.close();
  }
});

t.test('what cannot be written is refused before the old content is gone', async (t) => {
  const kernel = kernelOf();
  const old = noise(2 * LEB, 7);
  fill(kernel, old);
  const target = await open(kernel);
  const large = makeBundle({ images: { rofs: noise(10 * LEB + 1, 3) }, kind: 'proven' }).bytes;
  t.match((await update(target, large)).error, { code: 'ERR_BUNDLE_TOO_BIG', flash: 'untouched' });
  const reader = await kernel.open('/dev/ubi0_0', { write: false });
  t.match((await update(target, proven)).error, { code: 'ERR_BUSY_FLASH', flash: 'untouched' });
  await kernel.close(reader);
  sameBytes(t, held(kernel), old);
  t.equal(kernel.volume(0).updateMarker, false);
  t.match((await update(target, proven)).receipt, { outcome: 'committed' });
  await target.close();
});

t.test('the device keeps to its contract', async (t) => {
  const kernel = kernelOf();
  const target = await open(kernel);
  const { device } = part(target);
  const { rewrite } = device;
  if (rewrite === undefined) throw new Error('no rewrite');
  const leb = new Uint8Array(LEB);
  for (const refused of [() => device.erase(0), () => device.program(0, leb)])
    await t.rejects(refused(), { code: 'ERR_FLASH_READ_ONLY', message: /static/ });
  t.equal(await rewrite.length(), 0);
  await device.read(LEB - 1, leb);
  t.ok(
    leb.every((byte) => byte === 0xff),
    'behind what it holds it reads as erased',
  );
  await t.rejects(rewrite.begin(10 * LEB + 1), { code: 'ERR_FLASH_RANGE' });
  t.same(changes(kernel), []);
  await rewrite.begin(100);
  t.equal(await rewrite.length(), null);
  await rewrite.append(noise(60, 1));
  await t.rejects(rewrite.append(noise(41, 1)), { code: 'ERR_FLASH_RANGE' });
  await rewrite.begin(50);
  await rewrite.append(noise(50, 2));
  t.equal(await rewrite.length(), 50);
  const read = new Uint8Array(60);
  await device.read(0, read);
  sameBytes(t, read.subarray(0, 50), noise(50, 2));
  t.equal(await device.compare?.(0, read), 'same');
  read[55] = 0;
  t.equal(await device.compare?.(0, read), 'differs');
  const signal = { aborted: true } as AbortSignal;
  await t.rejects(rewrite.begin(9, { signal }), { code: 'ERR_SESSION_INTERRUPTED' });
  t.equal(await rewrite.length(), 50);
  await target.close();
});
