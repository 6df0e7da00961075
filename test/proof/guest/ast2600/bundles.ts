/** What the guest writes: real sizes, noise that no file system or compression makes smaller. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeMembers, tarOf, withMember, type MakerKind } from '../../../kit/bundle-maker.js';
import { CHIP_SIZE, ERASE_SIZE, range, type Images } from './chip.js';
import { noise } from '../../../kit/noise.js';
import { makeSigner, writeKeyStore, type Signer } from '../../../kit/keys.js';

export const MACHINE = 'ast2600-evb';

/** Of BLOCKS: what `sluice pack` takes when nothing is said. */
const INDEX_BLOCK = 65_536;

/** One erase block in so many is another one in `five`. */
const CHANGED_EVERY = 20;

/** Bundles by their file names, with what they hold. */
export interface Bundles {
  readonly folder: string;
  /** MiB of the tarballs, for people. */
  readonly mib: number;
  /** What the chip holds before the first write: nothing of it is erased or like an image. */
  readonly old: Buffer;
  readonly images: Readonly<Record<'one' | 'five' | 'two', Images>>;
}

/** u-boot fills its partition, the kernel ends within an erase block. */
function release(seed: number, rofs: number) {
  return {
    kernel: Buffer.from(noise(5 * 2 ** 20 + 1234, seed)),
    rofs: Buffer.from(noise(rofs, seed + 1)),
    'u-boot': Buffer.from(noise(range('u-boot').size, seed + 2)),
  };
}

function changed(old: Uint8Array): Buffer {
  const bytes = Buffer.from(old);
  for (let block = CHANGED_EVERY >> 1; block * ERASE_SIZE < bytes.length; block += CHANGED_EVERY) {
    const at = block * ERASE_SIZE;
    bytes.set(noise(Math.min(ERASE_SIZE, bytes.length - at), 7000 + block), at);
  }
  return bytes;
}

/**
 * Makes `keys/` and the bundles one.tar, five.tar, two.tar, ... and rofs.img in `folder`.
 * @param rofs - bytes of image-rofs, by far the largest
 */
export function makeBundles(folder: string, rofs: number): Bundles {
  mkdirSync(folder, { recursive: true });
  writeKeyStore(join(folder, 'keys'));
  const one = release(11, rofs);
  const five = Object.fromEntries(Object.entries(one).map(([name, bytes]) => [name, changed(bytes)]));
  const images = { one, five, two: release(41, rofs) };
  const members = (images: Images, kind: MakerKind, signer?: Signer) =>
    makeMembers({ images, kind, blockSize: INDEX_BLOCK, machine: MACHINE, ...(signer && { signer }) });
  const save = (name: string, list: ReturnType<typeof members>): void =>
    writeFileSync(join(folder, name), tarOf(list).bytes);
  save('one.tar', members(images.one, 'proven'));
  save('five.tar', members(images.five, 'proven'));
  save('two.tar', members(images.two, 'proven'));
  save('two.stock.tar', members(images.two, 'stock'));
  save('rwfs.tar', members({ rwfs: noise(2 ** 20, 51) }, 'proven'));
  save('stranger.tar', members({ kernel: one.kernel }, 'proven', makeSigner()));
  const { kernel } = images.two;
  const bent = Buffer.from(kernel);
  bent[bent.length >> 1] = (bent[bent.length >> 1] as number) ^ 1;
  save('bent.stock.tar', withMember(members({ kernel }, 'stock'), 'image-kernel', bent));
  writeFileSync(join(folder, 'rofs.img'), images.two.rofs);
  const old = Buffer.from(noise(CHIP_SIZE, 99));
  // Where a read-write file system is mounted: erased, as after the factory.
  old.fill(0xff, range('rwfs').offset);
  const bytes = Object.values(images.one).reduce((sum, { length }) => sum + length, 0);
  return { folder, mib: Math.round(bytes / 2 ** 20), old, images };
}
