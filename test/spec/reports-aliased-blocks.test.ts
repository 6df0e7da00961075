/**
 * Reports truthfully: a chip whose addresses wrap has two names for one block.
 *
 * | promised | shown by |
 * |---|---|
 * | what a wrapped write has hit is found | "addresses that wrap are found before any gate opens" |
 * |  | "a gate that wraps onto another block is found, and the receipt does not say committed" |
 * |  | "an unchanged block is read again if a wrapped write may have hit it" |
 * | no block is taken for what it was | "every block of the images is read again before the gates open, and no more often" |
 */
import t from 'tap';
import type { MemoryTarget } from '../../src/core/sim/index.js';
import { makeBundle } from '../kit/bundle-maker.js';
import {
  ERASE,
  layoutOf,
  nor,
  padded,
  partitionBytes,
  same,
  through,
  update,
  type UpdateOptions,
} from '../kit/update-kit.js';
import { DeviceWrapper } from '../kit/device-wrapper.js';
import { noise } from '../kit/noise.js';

const images = { kernel: noise(3 * ERASE - 9, 1), rofs: noise(4 * ERASE + 1, 2), 'u-boot': noise(ERASE, 3) };
const ways: [bytes: Uint8Array, options: UpdateOptions][] = [
  [makeBundle({ images, kind: 'proven' }).bytes, {}],
  [makeBundle({ images, kind: 'stock' }).bytes, { policy: 'before-commit' }],
];

/** A driver that loses the upper bits of an address. */
class Wrapping extends DeviceWrapper {
  constructor(
    target: MemoryTarget,
    readonly span: number,
  ) {
    super(target.chip);
  }
  override read(offset: number, into: Uint8Array): Promise<void> {
    return super.read(offset % this.span, into);
  }
  override erase(block: number): Promise<void> {
    return super.erase(block % (this.span / this.geometry.eraseSize));
  }
  override program(offset: number, bytes: Uint8Array): Promise<void> {
    return super.program(offset % this.span, bytes);
  }
}

t.test('addresses that wrap are found before any gate opens', async (t) => {
  for (const [bytes, options] of ways) {
    const target = nor();
    const { error, receipt } = await update(through(target, new Wrapping(target, 7 * ERASE)), bytes, options);
    t.match(error, { code: 'ERR_FLASH_CHANGED', flash: 'partial' });
    t.equal(receipt.outcome, 'failed');
  }
});

// A chip above 16 MiB: rwfs begins where a driver that wraps goes over the middle of kernel.
const BLOCK = 64 * 1024;
const MIB16 = 256;
const layout = layoutOf({ kernel: 16, rofs: MIB16 - 8, rwfs: 8 }, BLOCK);
const old = (): Uint8Array => new Uint8Array(layout.size);
const kernel = noise(16 * BLOCK, 5);

t.test('a gate that wraps onto another block is found, and the receipt does not say committed', async (t) => {
  const two = { kernel, rwfs: noise(BLOCK, 6) };
  const bundle = makeBundle({ images: two, kind: 'proven', blockSize: BLOCK }).bytes;
  const target = nor({ layout, eraseSize: BLOCK, content: old() });
  const { error } = await update(through(target, new Wrapping(target, MIB16 * BLOCK)), bundle);
  t.match(error, { code: 'ERR_FLASH_CHANGED', partition: 'kernel', block: 8 });

  const sound = nor({ layout, eraseSize: BLOCK, content: old() });
  t.equal((await update(sound, bundle)).error, null);
});

t.test('an unchanged block is read again if a wrapped write may have hit it', async (t) => {
  const rwfs = noise(3 * BLOCK, 7);
  const bundle = makeBundle({ images: { kernel, rwfs }, kind: 'proven', blockSize: BLOCK }).bytes;
  const content = old();
  content.set(kernel);
  const target = nor({ layout, eraseSize: BLOCK, content });
  const { error } = await update(through(target, new Wrapping(target, MIB16 * BLOCK)), bundle);
  t.match(error, { code: 'ERR_FLASH_CHANGED', partition: 'kernel', block: 9, flash: 'partial' });
  const head = partitionBytes(target, 'rwfs').subarray(0, BLOCK);
  t.notOk(same(head, padded(rwfs, BLOCK).subarray(0, BLOCK)), 'the gate of rwfs is not open');
});

t.test('every block of the images is read again before the gates open, and no more often', async (t) => {
  const image = noise(200 * ERASE, 8);
  const bundle = makeBundle({ images: { rofs: image }, kind: 'proven' }).bytes;
  const wide = layoutOf({ kernel: 2, rofs: 200 }, ERASE);
  const content = new Uint8Array(wide.size);
  content.set(image, 2 * ERASE);
  const changed = [0, 70, 71, 199];
  for (const block of changed) content.fill(0, (2 + block) * ERASE, (3 + block) * ERASE);
  const target = nor({ layout: wide, content });

  class Counting extends DeviceWrapper {
    readonly bytes = new Map<number, number>();
    override read(offset: number, into: Uint8Array): Promise<void> {
      const block = Math.floor(offset / ERASE) - 2;
      this.bytes.set(block, (this.bytes.get(block) ?? 0) + into.length);
      return super.read(offset, into);
    }
  }
  const counting = new Counting(target.chip);
  const { receipt, error } = await update(through(target, counting), bundle);
  t.equal(error, null);
  t.match(receipt.partitions['rofs'], { skipped: 196, erased: 4 });
  for (let block = 0; block < 200; block++) {
    const read = counting.bytes.get(block) ?? 0;
    if (changed.includes(block)) {
      if (read < 2 * ERASE)
        t.fail(`block ${block} was changed, and ${read} bytes of it were read afterwards`);
    } else if (read !== 2 * ERASE) t.fail(`block ${block} is unchanged, and ${read} bytes of it were read`);
  }
});
