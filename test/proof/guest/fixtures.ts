/**
 * What the guest's tests write: made on the host with GNU tar and openssl, as the OpenBMC build makes it, and packed by
 * the program that is tested.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeStockBundle } from '../../system/stock-bundle.js';
import { BLOCK, CHANGED_EVERY, LARGE, part, SMALL, type Part } from './layout.js';
import { noise } from '../../kit/noise.js';
import { makeKey, type KeyFiles } from '../../kit/keys.js';

/** `old` with one block in twenty another one, the first one of them not the first block. */
export function changed(old: Uint8Array, blockSize = BLOCK, every = CHANGED_EVERY): Buffer {
  const bytes = Buffer.from(old);
  for (let block = every >> 1; block * blockSize < bytes.length; block += every) {
    bytes.set(noise(Math.min(blockSize, bytes.length - block * blockSize), 7000 + block), block * blockSize);
  }
  return bytes;
}

/** `old.bin` is what chips hold before; the rest are bundles and bare images. */
export class FixtureMaker {
  readonly #dir: string;
  readonly #work: string;
  readonly #program: string;
  readonly #key: KeyFiles;

  /** `dir` is what the guest sees; `work` keeps what it need not see; `program` is dist/bin/sluice.js. */
  constructor(dir: string, work: string, program: string) {
    this.#dir = dir;
    this.#work = work;
    this.#program = program;
    this.#key = makeKey(work, 'signer');
  }

  file(name: string, bytes: Uint8Array): void {
    writeFileSync(join(this.#dir, name), bytes);
  }

  /** A stock tarball NAME.stock.tar and a proven one NAME.tar; the key directory `keys` is that of all of them. */
  bundle(name: string, images: Readonly<Record<string, Uint8Array>>, options: { key?: KeyFiles } = {}): void {
    const key = options.key ?? this.#key;
    const stock = makeStockBundle(this.#work, { name, images, key });
    const stockPath = join(this.#dir, `${name}.stock.tar`);
    cpSync(stock.path, stockPath);
    if (key === this.#key) cpSync(stock.keys, join(this.#dir, 'keys'), { recursive: true });
    const args = [
      this.#program,
      'pack',
      stock.path,
      '--key',
      key.path,
      '--out',
      join(this.#dir, `${name}.tar`),
    ];
    execFileSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  }

  /** A bare image NAME, its signature NAME.sig. */
  single(name: string, bytes: Uint8Array): void {
    this.file(name, bytes);
    const path = join(this.#dir, name);
    execFileSync('openssl', ['dgst', '-sha256', '-sign', this.#key.path, '-out', `${path}.sig`, path]);
  }

  strangerKey(): KeyFiles {
    return makeKey(this.#work, 'stranger');
  }

  /** A copy of a file with one bit another one. */
  flipped(from: string, to: string, at: number): void {
    const bytes = readFileSync(join(this.#dir, from));
    bytes[at] = (bytes[at] as number) ^ 1;
    this.file(to, bytes);
  }
}

/** The images of a bundle that fills a layout, but for the last bytes of each partition. */
function images(parts: readonly Part[], seed: number): Record<string, Uint8Array> {
  const names = ['u-boot', 'kernel', 'rofs', 'rwfs'];
  return Object.fromEntries(
    names.map((name, index) => [`image-${name}`, noise(part(parts, name).size - 1001 * index, seed + index)]),
  );
}

/** The partitions' part of a whole chip. */
const piecesOf = (chip: Buffer, parts: readonly Part[]): Record<string, Buffer> =>
  Object.fromEntries(
    ['u-boot', 'kernel', 'rofs', 'rwfs'].map((name) => {
      const { offset, size } = part(parts, name);
      return [`image-${name}`, chip.subarray(offset, offset + size)];
    }),
  );

/** All fixtures of `npm run test:mtd`, in `dir`. */
export function makeFixtures(dir: string, work: string, program: string): void {
  for (const folder of [dir, work]) mkdirSync(folder, { recursive: true });
  const maker = new FixtureMaker(dir, work, program);

  const old = noise(part(SMALL, 'bmc').size, 99);
  maker.file('old.bin', old);
  maker.bundle('full', images(SMALL, 1));
  maker.file('five.bin', changed(old));
  maker.bundle('five', piecesOf(changed(old), SMALL));
  const whole = noise(part(SMALL, 'bmc').size, 21);
  maker.file('image-bmc', whole);
  maker.bundle('bmc', { 'image-bmc': whole });
  maker.bundle('stranger', images(SMALL, 1), { key: maker.strangerKey() });
  for (const [name, image] of Object.entries(images(SMALL, 1))) maker.file(name, image);
  // In rofs, which is the largest: past half of the tarball.
  maker.flipped('full.stock.tar', 'flipped.stock.tar', 5 * 2 ** 20);
  maker.flipped('full.tar', 'flipped.tar', 5 * 2 ** 20);

  const large = noise(part(LARGE, 'bmc').size, 77);
  maker.file('large.old.bin', large);
  maker.bundle('large', images(LARGE, 31));
  maker.bundle('large-five', piecesOf(changed(large), LARGE));
  for (const [name, image] of Object.entries(images(LARGE, 31))) maker.file(`large.${name}`, image);

  // For one partition: NAND, a UBI volume, a disk.
  maker.single('volume.img', noise(3 * 2 ** 20 + 12_345, 41));
  maker.single('volume-five.img', changed(noise(3 * 2 ** 20 + 12_345, 41), 128 * 1024));
}
