/**
 * What the scenarios send: bundles, good and bad, and the files beside a bare image. Their bytes are the same in every
 * run: noise from seeds, signed by RSA PKCS#1 v1.5 and Ed25519, which have no randomness. The private keys in this folder
 * were made for these tests and protect nothing.
 */
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  makeMembers,
  tarOf,
  withMember,
  type MadeBundle,
  type MakerOptions,
  type Member,
} from '../kit/bundle-maker.js';
import { BLOCK, IMAGES, LAYOUT } from './chips.js';
import { noise } from '../kit/noise.js';
import { Signer } from '../kit/keys.js';

/** Tarballs that the tools of OpenBMC have made, signed with a system key and an image key. */
const VECTORS = resolve('test/fixtures/tar');

/** The key pair of a private key in this folder. */
function signer(name: string, hashType: string): Signer {
  const key = createPrivateKey(readFileSync(resolve('test/golden/keys', `${name}.pem`)));
  const pem = createPublicKey(key).export({ type: 'spki', format: 'pem' });
  return new Signer(hashType, Buffer.from(pem), key);
}

/** Signs the SHA-512 of the bytes, as `Ed25519-SHA512` says. */
class Ed25519Signer extends Signer {
  override sign(bytes: Uint8Array): Uint8Array {
    return sign(null, createHash('sha512').update(bytes).digest(), this.privateKey);
  }
}

const release = signer('release', 'RSA-SHA256');
const foreign = signer('foreign', 'RSA-SHA256');
const { hashType, pem, privateKey } = signer('ed25519', 'Ed25519-SHA512');
const ed25519 = new Ed25519Signer(hashType, pem, privateKey);

/** A key directory that trusts all keys but the foreign one. */
export function writeKeys(dir: string): void {
  const vectors = { pem: readFileSync(join(VECTORS, 'system-publickey.pem')), hashType: 'RSA-SHA256' };
  for (const [name, key] of Object.entries({ OpenBMC: release, Ed25519: ed25519, Vectors: vectors })) {
    mkdirSync(join(dir, name), { recursive: true });
    writeFileSync(join(dir, name, 'publickey'), key.pem);
    writeFileSync(join(dir, name, 'hashfunc'), `HashType=${key.hashType}\n`);
  }
}

const members = (kind: MakerOptions['kind'], other: Partial<MakerOptions> = {}): Member[] =>
  makeMembers({ images: IMAGES, kind, blockSize: BLOCK, version: '2.20.0', signer: release, ...other });

const bundle = (kind: MakerOptions['kind'], other?: Partial<MakerOptions>): Uint8Array =>
  tarOf(members(kind, other)).bytes;

/** A bundle with one bit of a member flipped after it was signed. */
function flipped(kind: MakerOptions['kind'], member: string, at: number): Uint8Array {
  const { bytes, places }: MadeBundle = tarOf(members(kind));
  const start = places.get(member)?.start;
  if (start === undefined) throw new Error(`no ${member} in a ${kind} bundle`);
  bytes[start + at]! ^= 1;
  return bytes;
}

const WHOLE_CHIP = { bmc: noise(LAYOUT.size, 31) };

const firstPart = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, Math.floor(bytes.length * 0.6));

/** The bytes of a member of a proven bundle that has nothing but the kernel. */
function ofKernel(name: string): Uint8Array {
  const found = members('proven', { images: { kernel: IMAGES.kernel } }).find((each) => each.name === name);
  if (found === undefined) throw new Error(`no ${name} in a proven bundle`);
  return found.bytes;
}

/** The bytes of each source by its name. */
export const SOURCES = {
  proven: () => bundle('proven'),
  stock: () => bundle('stock'),
  'signatures-first': () => bundle('signatures-first'),
  ed25519: () => bundle('proven', { signer: ed25519 }),
  older: () => bundle('proven', { version: '2.19.0', images: { ...IMAGES, rofs: noise(8 * BLOCK + 5, 21) } }),
  'finer-index': () => bundle('proven', { blockSize: BLOCK / 4 }),
  'two-keys': () => readFileSync(join(VECTORS, 'good-stock.tar')),
  bmc: () => bundle('stock', { images: WHOLE_CHIP }),
  'bmc-proven': () => bundle('proven', { images: WHOLE_CHIP }),

  truncated: () => firstPart(bundle('proven')),
  'stock-truncated': () => firstPart(bundle('stock')),
  trailing: () => Buffer.concat([bundle('proven'), noise(20_000, 5)]),
  flipped: () => flipped('proven', 'image-rofs', 3 * BLOCK + 17),
  'stock-flipped': () => flipped('stock', 'image-rofs', 3 * BLOCK + 17),
  'index-flipped': () => flipped('proven', 'BLOCKS', 300),
  'other-machine': () => bundle('proven', { machine: 'palmetto' }),
  foreign: () => bundle('proven', { signer: foreign }),
  unsigned: () => tarOf(members('stock').filter(({ name }) => !name.endsWith('.sig'))).bytes,
  'without-signature': () => tarOf(members('proven').filter(({ name }) => name !== 'image-rofs.sig')).bytes,
  duplicate: () => {
    const all = members('proven');
    return tarOf([...all, ...all.filter(({ name }) => name === 'image-kernel')]).bytes;
  },
  'unknown-member': () => tarOf([...members('stock'), { name: 'README', bytes: noise(99, 6) }]).bytes,
  'too-big': () => bundle('proven', { images: { kernel: IMAGES.kernel, rwfs: noise(4 * BLOCK + 1, 7) } }),
  'no-partition': () => bundle('proven', { images: { kernel: IMAGES.kernel, nvram: noise(9, 8) } }),
  'manifest-edited': () => {
    const text = 'purpose=xyz.openbmc_project.Software.Version.VersionPurpose.BMC\nversion=2.30.0\n';
    return tarOf(withMember(members('stock'), 'MANIFEST', Buffer.from(text))).bytes;
  },

  kernel: () => IMAGES.kernel,
  'kernel.sig': () => release.sign(IMAGES.kernel),
  'kernel.blocks': () => ofKernel('BLOCKS'),
  'kernel.blocks.sig': () => ofKernel('BLOCKS.sig'),
  'other-kernel': () => noise(IMAGES.kernel.length, 9),
} as const satisfies Record<string, () => Uint8Array>;

/** A name with `.gz` behind it is the same, compressed. */
export type SourceName = keyof typeof SOURCES | `${'proven' | 'stock'}.gz`;
