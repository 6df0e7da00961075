import { imageOf } from '../../core/bundle/image-name.js';
import { createCipheriv, generateKeyPairSync } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { LayoutPartition } from '../../core/flash/layout.js';

/** Erase block of the board's chip. */
export const BLOCK = 64 * 1024;

/** Images of about the sizes that a quanta-q71l build has, in blocks. */
export const IMAGE_BLOCKS = { kernel: 60, rofs: 320, rwfs: 4, 'u-boot': 5 } as const;

export type ImageName = keyof typeof IMAGE_BLOCKS;

/** One build of the board's firmware: what each image's noise grows from, and which blocks differ from it. */
export interface Build {
  readonly version: string;
  readonly seeds: Readonly<Record<ImageName, number>>;
  /** Blocks of the kernel that this build has changed. */
  readonly kernelChanges?: readonly number[];
}

/** Noise that is the same in every run; firmware is compressed, so it looks like this. */
function noise(seed: number, block: number): Buffer {
  const key = Buffer.alloc(16);
  key.writeUInt32BE(seed, 0);
  key.writeUInt32BE(block, 4);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(BLOCK));
}

function* blocksOf(build: Build, name: ImageName): Generator<Buffer> {
  const changed = new Set(name === 'kernel' ? (build.kernelChanges ?? []) : []);
  for (let block = 0; block < IMAGE_BLOCKS[name]; block++) {
    const bytes = noise(build.seeds[name] + (changed.has(block) ? 0x10000 : 0), block);
    // The last block is not full, as no image is a multiple of an erase block.
    yield block === IMAGE_BLOCKS[name] - 1 ? bytes.subarray(0, BLOCK - 20_000) : bytes;
  }
}

/** Writes `image-*` files of a build into a folder. */
export function writeImages(build: Build, folder: string): string {
  mkdirSync(folder, { recursive: true });
  for (const name of Object.keys(IMAGE_BLOCKS) as ImageName[]) {
    const fd = openSync(join(folder, imageOf(name)), 'w');
    for (const bytes of blocksOf(build, name)) writeSync(fd, bytes);
    closeSync(fd);
  }
  return folder;
}

/** Puts a build into the chip file by hand: the firmware that the board left the factory with. */
export function burn(build: Build, chip: string, partitions: readonly LayoutPartition[]): void {
  const fd = openSync(chip, 'r+');
  for (const name of Object.keys(IMAGE_BLOCKS) as ImageName[]) {
    let at = partitions.find((partition) => partition.name === name)?.offset ?? 0;
    for (const bytes of blocksOf(build, name)) {
      writeSync(fd, bytes, 0, bytes.length, at);
      at += BLOCK;
    }
  }
  closeSync(fd);
}

/** A key pair: the private key as a file, the public one where boards keep theirs. */
export function writeKeys(folder: string): { privateKey: string; keys: string } {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const keys = join(folder, 'keys');
  mkdirSync(join(keys, 'OpenBMC'), { recursive: true });
  writeFileSync(join(keys, 'OpenBMC', 'publickey'), publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(join(keys, 'OpenBMC', 'hashfunc'), 'HashType=RSA-SHA256\n');
  const path = join(folder, 'signing-key.pem');
  writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return { privateKey: path, keys };
}

/** Flips one bit of a file. */
export function flipBit(path: string, offset: number): void {
  const fd = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, offset);
  byte[0] = (byte[0] as number) ^ 1;
  writeSync(fd, byte, 0, 1, offset);
  closeSync(fd);
}
