import t from 'tap';
import type { Platform } from '../../../../../src/core/platform.js';
import { BlockPrinter } from '../../../../../src/core/update/resume/fingerprint.js';
import { nor, platform } from '../../../../kit/update-kit.js';
import { DeviceWrapper } from '../../../../kit/device-wrapper.js';
import { noise } from '../../../../kit/noise.js';

const KIB = 1024;
const SIZES = [4, 32, 48, 64, 80].map((size) => size * KIB);

/** A device whose erase blocks have another size than those of the chip behind it, and what that holds. */
function deviceOf(eraseSize: number, content = noise(3 * eraseSize, 5)) {
  const bytes = content.slice();
  const geometry = { type: 'nor', size: bytes.length, eraseSize, writeSize: 1 } as const;
  const device = Object.assign(new DeviceWrapper(nor().chip), {
    geometry,
    read: async (offset: number, into: Uint8Array): Promise<void> => {
      if (offset < 0 || offset + into.length > bytes.length) throw new Error('outside of the device');
      into.set(bytes.subarray(offset, offset + into.length));
    },
  });
  const block = (n: number): Uint8Array => bytes.subarray(n * eraseSize, (n + 1) * eraseSize);
  return { device, block };
}

for (const eraseSize of SIZES) {
  t.test(`blocks of ${eraseSize} bytes: the print of what flash holds is that of the bytes`, async (t) => {
    const { device, block } = deviceOf(eraseSize);
    const printer = new BlockPrinter(platform);
    const prints = [];
    for (const n of [0, 1, 2]) {
      const print = await printer.print(device, n);
      t.equal(print, printer.printOf(block(n)), `block ${n}`);
      t.equal(print, BigInt.asUintN(64, print), 'of 64 bits');
      prints.push(print);
    }
    t.equal(new Set(prints).size, 3);
  });

  t.test(`blocks of ${eraseSize} bytes: each byte matters, and where it stands`, async (t) => {
    const printer = new BlockPrinter(platform);
    const image = noise(eraseSize, 6);
    const before = printer.printOf(image);
    for (const at of [0, 1, eraseSize / 2, eraseSize - KIB, eraseSize - 1]) {
      const other = image.slice();
      other[at] = (other[at] as number) ^ 1;
      t.not(printer.printOf(other), before, `byte ${at}`);
      t.not(await printer.print(deviceOf(eraseSize, other).device, 0), before, `byte ${at} in flash`);
    }
    const turned = Buffer.concat([image.subarray(eraseSize / 2), image.subarray(0, eraseSize / 2)]);
    t.not(printer.printOf(turned), before);
  });
}

t.test('no part of a block is lost in its print, however small the fingerprints are', (t) => {
  const few: Platform = { ...platform, fingerprint: (bytes) => BigInt(bytes[0] ?? 0) };
  const printer = new BlockPrinter(few);
  const prints = new Set<bigint>();
  for (const first of [0, 1, 2, 3]) {
    for (const second of [0, 1, 2, 3]) {
      const block = new Uint8Array(64 * KIB);
      [block[0], block[32 * KIB]] = [first, second];
      prints.add(printer.printOf(block));
    }
  }
  t.equal(prints.size, 16);
  t.end();
});

t.test('blocks of several sizes are read one after the other by one printer', async (t) => {
  const printer = new BlockPrinter(platform);
  for (const eraseSize of [...SIZES, ...SIZES.toReversed()]) {
    const { device, block } = deviceOf(eraseSize);
    t.equal(await printer.print(device, 1), printer.printOf(block(1)), `${eraseSize}`);
  }
});

t.test('a platform that makes other prints is told from this one', (t) => {
  const other: Platform = { ...platform, fingerprint: (bytes) => platform.fingerprint(bytes) ^ 1n };
  t.equal(new BlockPrinter(platform).kind, new BlockPrinter(platform).kind);
  t.equal(new BlockPrinter(platform).kind, platform.fingerprint(new Uint8Array(64).fill(0x5a)));
  t.not(new BlockPrinter(platform).kind, new BlockPrinter(other).kind);
  t.end();
});
