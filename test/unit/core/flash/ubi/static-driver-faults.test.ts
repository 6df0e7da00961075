/** What fails while a static UBI volume is written leaves it as it was, or unreadable. */
import t from 'tap';
import { makeBundle } from '../../../../kit/bundle-maker.js';
import {
  LEB,
  volumeOf,
  kernelOf,
  open,
  part,
  held,
  fill,
  image,
  proven,
  stock,
} from '../../../../kit/static-volume.js';
import { same, update } from '../../../../kit/update-kit.js';
import { systemError } from '../../../../native/fake-binding.js';
import { sameBytes } from '../../../../kit/same-bytes.js';
import { noise } from '../../../../kit/noise.js';

/** A byte of the image on its way is another one. */
function damaged(bundle: Uint8Array, at: number): Buffer {
  const bytes = Buffer.from(bundle);
  const found = bytes.indexOf(image.subarray(at, at + 20));
  bytes[found] = (bytes[found] as number) ^ 1;
  return bytes;
}

t.test('what fails in the middle leaves it unreadable, says so, and a second run mends it', async (t) => {
  const cases: [Uint8Array, { policy: 'before-erase' | 'before-commit' }, string][] = [
    [damaged(proven, 2 * LEB + 5), { policy: 'before-erase' }, 'ERR_TRUST_BLOCK'],
    [damaged(stock, 5), { policy: 'before-commit' }, 'ERR_TRUST_SIGNATURE'],
    [
      proven.subarray(0, Buffer.from(proven).indexOf(image.subarray(2 * LEB, 2 * LEB + 20)) + 99),
      { policy: 'before-erase' },
      'ERR_SOURCE_TRUNCATED',
    ],
  ];
  for (const [bundle, { policy }, code] of cases) {
    const kernel = kernelOf();
    fill(kernel, noise(10 * LEB, 7));
    const target = await open(kernel);
    const warnings: string[] = [];
    const { receipt } = await update(target, bundle, {
      policy,
      observer: { warn: (message) => warnings.push(message) },
    });
    t.match(receipt, { code, flash: 'partial' });
    t.match(warnings, [/rofs cannot be read/]);
    await target.close();
    t.equal(kernel.volume(0).updateMarker, true);

    const again = await open(kernel);
    await t.rejects(part(again).device.read(0, new Uint8Array(1)), { code: 'ERR_FLASH_READ' });
    t.equal(await part(again).device.compare?.(0, image.subarray(0, 9)), 'differs');
    t.match((await update(again, proven)).receipt, { outcome: 'committed', flash: 'complete' });
    sameBytes(t, held(kernel), image);
    await again.close();
  }
});

t.test('a write that fails is not tried again: a part of it may be there', async (t) => {
  const kernel = kernelOf();
  let left = 2;
  kernel.before = (call) => {
    if (call.startsWith('ubiAppend') && left-- === 0) throw systemError('EIO', 'write');
  };
  const target = await open(kernel);
  t.match((await update(target, proven)).error, {
    code: 'ERR_FLASH_PROGRAM',
    partition: 'rofs',
    block: 2,
    errno: 'EIO',
    flash: 'partial',
  });
  t.equal(kernel.volume(0).updateMarker, true);
  await t.rejects(part(target).device.rewrite?.append(new Uint8Array(1)) ?? Promise.resolve(), {
    code: 'ERR_FLASH_RANGE',
  });
  t.match(
    (await update(target, proven)).receipt,
    { outcome: 'committed' },
    'the same session may begin again',
  );
  await target.close();
});

t.test('what reads back wrong is shut again', async (t) => {
  const kernel = kernelOf(volumeOf('rofs', 'static'), volumeOf('kernel', 'dynamic'));
  const target = await open(kernel, '');
  const bundle = makeBundle({ images: { kernel: noise(LEB, 5), rofs: image }, kind: 'proven' }).bytes;
  const other = new Uint8Array(LEB);
  kernel.before = (call) => {
    const leb = kernel.volume(0).lebs[1];
    if (call === `read ubi0_0 ${LEB} ${LEB}`) leb?.set(other);
  };
  const { error } = await update(target, bundle);
  t.match(error, { code: 'ERR_FLASH_READ_BACK', partition: 'rofs', block: 1, flash: 'partial' });
  t.equal(kernel.volume(0).updateMarker, true);
  t.ok(
    kernel.volume(1).lebs.every((leb) => leb === null),
    'and the gate of the other volume stays shut',
  );
  kernel.before = undefined;
  t.match((await update(target, bundle)).receipt, { outcome: 'committed' });
  await target.close();
});

t.test('what reads back wrong and cannot be shut again is told', async (t) => {
  const kernel = kernelOf();
  const target = await open(kernel);
  let begun = 0;
  kernel.before = (call) => {
    if (call.startsWith(`read ubi0_0 ${LEB} `)) kernel.volume(0).lebs[1]?.fill(0);
    if (call.startsWith('ubiStartUpdate') && begun++ > 0) throw systemError('EBUSY', 'UBI_IOCVOLUP');
  };
  const warnings: string[] = [];
  const observer = { warn: (message: string) => warnings.push(message) };
  const { error } = await update(target, proven, { observer });
  t.match(error, {
    code: 'ERR_FLASH_READ_BACK',
    block: 1,
    message: /rofs could not be made unreadable again/,
    flash: 'partial',
  });
  t.same(warnings, [], 'it is not said to be unreadable');
  await target.close();
});

t.test('a failure behind the last bytes shuts what the kernel has opened', async (t) => {
  const kernel = kernelOf();
  const append = kernel.ubiAppend.bind(kernel);
  // The kernel takes its marker away, then reads the volume to check its CRCs.
  kernel.ubiAppend = async (...args) => {
    await append(...args);
    if (!kernel.volume(0).updateMarker) throw systemError('EIO', 'write');
  };
  const target = await open(kernel);
  t.match((await update(target, proven)).error, { code: 'ERR_FLASH_PROGRAM', block: 3, flash: 'partial' });
  t.equal(kernel.volume(0).updateMarker, true);
  await target.close();
});

t.test('wherever the kernel fails, it holds the old content, the new one, or cannot be read', async (t) => {
  const old = noise(5 * LEB, 7);
  const seen = new Set<string>();
  for (let at = 0, done = false; !done; at++) {
    const kernel = kernelOf();
    fill(kernel, old);
    let left = at;
    kernel.before = () => {
      if (left-- === 0) throw systemError('EIO', 'call');
    };
    const target = await open(kernel);
    const { receipt } = await update(target, proven);
    done = left >= 0;
    kernel.before = undefined;
    await target.close();
    const { updateMarker } = kernel.volume(0);
    const state = updateMarker ? 'unreadable' : same(held(kernel), image) ? 'new' : 'old';
    seen.add(`${receipt.outcome} ${receipt.flash} ${state}`);
    if (state === 'old') sameBytes(t, held(kernel), old, `call ${at}`);
  }
  t.same([...seen].sort(), [
    'committed complete new',
    'failed partial new',
    'failed partial old',
    'failed partial unreadable',
    'failed untouched old',
  ]);
});

t.test('a volume that comes into use is left as it is, or shut', async (t) => {
  for (const [free, flash] of [
    [1, 'untouched'],
    [2, 'partial'],
  ] as const) {
    const kernel = kernelOf();
    const opened = await open(kernel);
    let asked = 0;
    const inUse = async (): Promise<string | null> => (asked++ < free ? null : 'mounted at /x');
    const target = { ...opened, partitions: new Map([['rofs', { ...part(opened), inUse }]]) };
    t.match((await update(target, proven)).error, { code: 'ERR_BUSY_IN_USE', flash });
    t.equal(kernel.volume(0).updateMarker, flash === 'partial');
    await opened.close();
  }
});
