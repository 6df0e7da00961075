/** ubi: on a kernel in memory: what is selected, what is refused, whole updates. */
import t from 'tap';
import type { FlashTarget, Partition } from '../../../../../src/core/flash/device.js';
import { openUbiTarget, type UbiTargetOptions } from '../../../../../src/host/node/flash/ubi/target.js';
import { makeBundle } from '../../../../kit/bundle-maker.js';
import { MemoryKernel } from '../../../../kit/memory-kernel.js';
import type { VolumeSpec } from '../../../../kit/memory-volume.js';
import { check, same, update } from '../../../../kit/update-kit.js';
import { systemError } from '../../../../native/fake-binding.js';
import { sameBytes } from '../../../../kit/same-bytes.js';
import { noise } from '../../../../kit/noise.js';

const LEB = 3968;
const PAGE = 128;
const rofs: VolumeSpec = { name: 'rofs', lebs: 10, lebSize: LEB, minIo: PAGE };
const kernels: MemoryKernel[] = [];
t.teardown(() => kernels.forEach((kernel) => kernel.remove()));

function kernelOf(...volumes: readonly VolumeSpec[]): MemoryKernel {
  const kernel = new MemoryKernel([], volumes);
  kernels.push(kernel);
  return kernel;
}

const open = (kernel: MemoryKernel, name = 'rofs', options: UbiTargetOptions = {}): Promise<FlashTarget> =>
  openUbiTarget(name, { binding: kernel, roots: kernel.files.roots, ...options });
const part = (target: FlashTarget, name = 'rofs'): Partition => target.partitions.get(name) as Partition;
const changes = (kernel: MemoryKernel): string[] =>
  kernel.calls.filter((call) => /^(ubi(?!IsMapped)|write)/.test(call));

/** Fills a volume through the driver, as an earlier update would. */
async function fill(kernel: MemoryKernel, seed: number): Promise<Uint8Array> {
  const target = await open(kernel);
  const bytes = noise(10 * LEB, seed);
  const { device } = part(target);
  for (let leb = 0; leb < 10; leb++) await device.replace?.(leb, bytes.subarray(leb * LEB, (leb + 1) * LEB));
  await target.close();
  kernel.calls.length = 0;
  return bytes;
}

const image = noise(3 * LEB + 700, 1);
const proven = makeBundle({ images: { rofs: image }, kind: 'proven' }).bytes;
const stock = makeBundle({ images: { rofs: image }, kind: 'stock' }).bytes;

t.test('volumes are found by name; one that two have is refused', async (t) => {
  const kernel = kernelOf(rofs, { ...rofs, name: 'rwfs' });
  t.same([...(await open(kernel, '')).partitions.keys()], ['rofs', 'rwfs']);
  t.same([...(await open(kernel, 'rwfs')).partitions.keys()], ['rwfs']);
  t.match(part(await open(kernel)), {
    size: 10 * LEB,
    device: { geometry: { type: 'ubi', eraseSize: LEB, writeSize: PAGE, size: 10 * LEB } },
  });
  await t.rejects(open(kernel, 'data'), {
    code: 'ERR_FLASH_NO_DEVICE',
    message: /ubi0_0 "rofs", ubi0_1 "rwfs"/,
  });
  await t.rejects(open(kernelOf(), ''), { code: 'ERR_FLASH_NO_DEVICE' });
  const twins = kernelOf(rofs, { ...rofs });
  await t.rejects(open(twins), { code: 'ERR_FLASH_AMBIGUOUS', message: /ubi0_0 .*ubi0_1/ });
  t.same(kernel.opened, []);
});

t.test(
  'an update changes LEBs one by one, each atomically, and frees what lies behind the image',
  async (t) => {
    for (const policy of ['before-erase', 'before-commit'] as const) {
      const kernel = kernelOf(rofs);
      const old = await fill(kernel, 7);
      const target = await open(kernel);
      const { receipt, error } = await update(target, policy === 'before-erase' ? proven : stock, { policy });
      t.equal(error, null);
      const row = receipt.partitions['rofs'];
      // Behind four LEBs of the image lie six.
      t.match(row, { blocks: 4, skipped: 0, programmed: 4, readBack: 4, held: 1 });
      t.equal(row?.erased, policy === 'before-erase' ? 10 : 11, 'a shut gate is one more');
      const volume = kernel.volume(0);
      const wanted = new Uint8Array(10 * LEB).fill(0xff);
      wanted.set(image);
      sameBytes(t, volume.bytes, wanted);
      t.same(
        volume.lebs.map((leb) => leb !== null),
        [true, true, true, true, ...Array(6).fill(false)],
      );
      t.notOk(volume.isProgrammed(3, 6), 'pages behind the last byte can still be written once');
      t.ok(volume.isProgrammed(3, 5));
      t.notOk(same(volume.bytes, old));
      await target.close();

      kernel.calls.length = 0;
      const again = await open(kernel);
      t.match((await update(again, proven)).receipt, {
        outcome: 'committed',
        partitions: { rofs: { skipped: 4, erased: 0 } },
      });
      t.same(changes(kernel), []);
      await again.close();
    }
  },
);

t.test('the check pass knows the blocks of a volume that no index was made for', async (t) => {
  const kernel = kernelOf(rofs);
  const target = await open(kernel);
  const expect = await check(stock, target);
  t.match((await update(target, stock, { expect })).receipt, { outcome: 'committed' });
  sameBytes(t, kernel.volume(0).bytes.subarray(0, image.length), image);
  await target.close();
});

t.test('nothing behind the image is freed before all is proven', async (t) => {
  const kernel = kernelOf(rofs);
  const old = await fill(kernel, 7);
  const damaged = Buffer.from(proven);
  const at = damaged.indexOf(image.subarray(2 * LEB + 5, 2 * LEB + 25));
  damaged[at] = (damaged[at] as number) ^ 1;
  const target = await open(kernel);
  t.match((await update(target, damaged)).error, { code: 'ERR_TRUST_BLOCK' });
  sameBytes(t, kernel.volume(0).bytes.subarray(2 * LEB), old.subarray(2 * LEB));
  await target.close();
});

t.test('a volume whose update was interrupted is written anew', async (t) => {
  const kernel = kernelOf({ ...rofs, updateMarker: true });
  const target = await open(kernel);
  const { device } = part(target);
  await t.rejects(device.read(0, new Uint8Array(1)), { code: 'ERR_FLASH_READ', message: /last update/ });
  t.equal(await device.compare?.(0, new Uint8Array(9)), 'differs');
  t.same(changes(kernel), [], 'looking at it changes nothing');
  t.match((await update(target, proven)).receipt, { outcome: 'committed' });
  t.equal(changes(kernel).filter((call) => call.startsWith('ubiStartUpdate')).length, 1);
  t.equal(kernel.volume(0).updateMarker, false);
  sameBytes(t, kernel.volume(0).bytes.subarray(0, image.length), image);
  await target.close();
});

t.test('so is one whose new image has no more than its first block', async (t) => {
  const kernel = kernelOf({ ...rofs, updateMarker: true });
  const small = image.subarray(0, 900);
  for (const policy of ['before-erase', 'before-commit'] as const) {
    const target = await open(kernel);
    const bundle = makeBundle({ images: { rofs: small }, kind: 'proven' }).bytes;
    t.match((await update(target, bundle, { policy })).receipt, { outcome: 'committed' });
    t.equal(kernel.volume(0).updateMarker, false);
    sameBytes(t, kernel.volume(0).bytes.subarray(0, small.length), small);
    await target.close();
  }
});

t.test('a LEB change that fails is tried again on a fresh descriptor', async (t) => {
  const kernel = kernelOf(rofs);
  const target = await open(kernel);
  kernel.volume(0).failure = systemError('EIO', 'write');
  const { receipt } = await update(target, proven);
  t.match(receipt, { outcome: 'committed', partitions: { rofs: { retried: 1 } } });
  sameBytes(t, kernel.volume(0).bytes.subarray(0, image.length), image);
  t.equal(kernel.calls.filter((call) => call === 'open ubi0_0 w').length, 2);
  await target.close();
});

t.test('what the kernel refuses is told apart', async (t) => {
  for (const [errno, code] of [
    ['ENOSPC', 'ERR_FLASH_BAD_BLOCKS'],
    ['EROFS', 'ERR_FLASH_READ_ONLY'],
    ['ENOMEM', 'ERR_FLASH_SYSTEM'],
    ['EBUSY', 'ERR_BUSY_FLASH'],
    ['ETIMEDOUT', 'ERR_FLASH_TIMEOUT'],
    ['EIO', 'ERR_FLASH_PROGRAM'],
  ] as const) {
    const kernel = kernelOf(rofs);
    kernel.before = (call) => {
      if (call.startsWith('ubiChangeLeb')) throw systemError(errno, 'UBI_IOCEBCH');
    };
    const target = await open(kernel);
    t.match((await update(target, proven)).error, { code, errno }, errno);
    await target.close();
    t.same(kernel.opened, []);
  }
});

t.test('a volume that somebody else writes is refused', async (t) => {
  const kernel = kernelOf(rofs);
  const [one, two] = [await open(kernel), await open(kernel)];
  await part(one).device.isBad(0);
  await t.rejects(part(two).device.isBad(0), { code: 'ERR_BUSY_FLASH' }, 'by the kernel');
  await one.close();
  const reader = await open(kernel, 'rofs', { write: false });
  await part(reader).device.isBad(0);
  await t.rejects(part(reader).device.erase(0), { code: 'ERR_FLASH_READ_ONLY' });
  await t.rejects(part(two).device.isBad(0), { code: 'ERR_BUSY_FLASH', message: /locked/ }, 'by a reader');
  await reader.close();
  await two.close();
  t.same(kernel.opened, []);
});

t.test('in all of this no page was programmed twice', (t) => {
  t.same(
    kernels.flatMap(({ violations }) => violations),
    [],
  );
  t.end();
});
