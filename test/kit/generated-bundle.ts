/**
 * Signed bundles of any size, made as they are read: nothing of an image is kept, so that a test of memory or
 * speed measures the reader. Images are noise that depends on a seed and on the block, by 64 KiB.
 */
import { createHash, createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatBlocks, type ImageIndex } from '../../src/core/bundle/block-index.js';
import { FULL_ORDER } from '../../src/core/bundle/members.js';
import { tarEnd, tarHeader, tarPadding } from '../../src/core/bundle/tar/tar-writer.js';

/** Bytes of one piece of noise, and of a block in BLOCKS where nothing else is said. */
export const PIECE = 64 * 1024;

export interface Keys {
  readonly privateKey: KeyObject;
  readonly pem: Buffer;
}

/** One RSA-2048 pair a process: making it is what takes long. */
let made: Keys | undefined;
export function keys(): Keys {
  if (made === undefined) {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    made = { privateKey, pem: Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })) };
  }
  return made;
}

/** A key store directory that trusts `keys()`; `name` is that of the key. */
export function writeKeyStore(dir: string, name = 'OpenBMC'): string {
  const type = join(dir, name);
  mkdirSync(type, { recursive: true });
  writeFileSync(join(type, 'publickey'), keys().pem);
  writeFileSync(join(type, 'hashfunc'), 'HashType=RSA-SHA256\n');
  return dir;
}

export interface ImageSpec {
  /** Partition, the suffix of the member. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly seed?: number;
  /** Blocks that hold other noise than the seed gives: what a new version has changed. */
  readonly changed?: readonly number[];
}

export interface BundleSpec {
  readonly images: readonly ImageSpec[];
  readonly machine?: string;
  readonly version?: string;
  /** A proven bundle, or the stock order with the signatures behind the images. @default "proven" */
  readonly kind?: 'proven' | 'stock' | 'signatures-first';
  /** Bytes of a block in BLOCKS, a multiple of PIECE. */
  readonly block?: number;
}

export interface GeneratedBundle {
  readonly chunks: () => Generator<Uint8Array>;
  /** Bytes of the tarball. */
  readonly size: number;
}

const base = new Uint8Array(PIECE);
{
  // xorshift32: noise that is the same in every run.
  let state = 0x9e3779b9;
  const words = new Uint32Array(base.buffer);
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
}

/** The bytes of an image, in pieces; each piece is valid until the next is asked for. */
export function* imagePieces(spec: ImageSpec): Generator<Uint8Array> {
  const piece = base.slice();
  const view = new DataView(piece.buffer);
  const changed = new Set(spec.changed ?? []);
  for (let block = 0, at = 0; at < spec.size; block++, at += PIECE) {
    view.setUint32(0, spec.seed ?? 0);
    view.setUint32(4, block);
    view.setUint32(8, changed.has(block) ? 1 : 0);
    yield piece.subarray(0, Math.min(PIECE, spec.size - at));
  }
}

function index(spec: ImageSpec, blockSize: number): ImageIndex {
  const whole = createHash('sha256');
  const digests = new Uint8Array(Math.ceil(spec.size / blockSize) * 32);
  let block = createHash('sha256');
  let at = 0;
  for (const piece of imagePieces(spec)) {
    whole.update(piece);
    block.update(piece);
    at += piece.length;
    if (at % blockSize !== 0 && at < spec.size) continue;
    digests.set(block.digest(), (Math.ceil(at / blockSize) - 1) * 32);
    block = createHash('sha256');
  }
  const member = `image-${spec.name}`;
  return { member, partition: spec.name, size: spec.size, blockSize, sha256: whole.digest(), digests };
}

/** Signs a byte string that comes in parts, none of which is kept. */
function signature(parts: Iterable<Uint8Array>): Uint8Array {
  const signer = createSign('RSA-SHA256');
  for (const part of parts) signer.update(part);
  return signer.sign(keys().privateKey);
}

/** Makes a bundle that `keys()` has signed. */
export function generateBundle({
  images,
  machine = 'quanta-q71l',
  version = '2.19.0',
  kind = 'proven',
  block = PIECE,
}: BundleSpec): GeneratedBundle {
  const manifest = Buffer.from(
    `purpose=xyz.openbmc_project.Software.Version.VersionPurpose.BMC\nversion=${version}\n` +
      `KeyType=OpenBMC\nHashType=RSA-SHA256\nMachineName=${machine}\n`,
  );
  const small = new Map<string, Uint8Array>([
    ['MANIFEST', manifest],
    ['publickey', keys().pem],
  ]);
  const signatures = new Map<string, Uint8Array>();
  for (const [name, bytes] of small) signatures.set(name, signature([bytes]));
  for (const image of images) signatures.set(`image-${image.name}`, signature(imagePieces(image)));
  const full = FULL_ORDER.flatMap((name) => signatures.get(name) ?? []);
  const rest = images.map(({ name }) => `image-${name}`);
  const sig = (name: string): [string, Uint8Array] => [`${name}.sig`, signatures.get(name) as Uint8Array];
  const member = (name: string): [string, Uint8Array] => [name, small.get(name) as Uint8Array];
  const fullSig: [string, Uint8Array] = ['image-full.sig', signature(full)];
  const head = [member('MANIFEST'), sig('MANIFEST'), member('publickey'), sig('publickey')];

  let before: [string, Uint8Array][] = [];
  let behind: [string, Uint8Array][] = [];
  if (kind === 'stock') {
    const tail = [...rest, 'MANIFEST', 'publickey'].map(sig);
    behind = [member('MANIFEST'), member('publickey'), ...tail, fullSig];
  } else {
    before = [...head, ...rest.map(sig), fullSig];
  }
  if (kind === 'proven') {
    const indexes = new Map(images.map((image) => [`image-${image.name}`, index(image, block)]));
    const text = formatBlocks({ machine, version, securityVersion: null, images: indexes });
    before = [...head, ['BLOCKS', text], ['BLOCKS.sig', signature([text])], ...before.slice(4)];
  }

  const padded = (size: number) => 512 + Math.ceil(size / 512) * 512;
  const contentSize =
    [...before, ...behind].reduce((sum, [, bytes]) => sum + padded(bytes.length), 0) +
    images.reduce((sum, { size }) => sum + padded(size), 0);
  return {
    size: contentSize + tarEnd(contentSize).length,
    *chunks() {
      for (const [name, bytes] of before) yield* tarMember(name, bytes.length, [bytes]);
      for (const image of images) yield* tarMember(`image-${image.name}`, image.size, imagePieces(image));
      for (const [name, bytes] of behind) yield* tarMember(name, bytes.length, [bytes]);
      yield tarEnd(contentSize);
    },
  };
}

function* tarMember(name: string, size: number, parts: Iterable<Uint8Array>): Generator<Uint8Array> {
  yield tarHeader(name, size);
  yield* parts;
  yield tarPadding(size);
}

/** The whole tarball in memory, for small ones. */
export function bundleBytes(bundle: GeneratedBundle): Buffer {
  return Buffer.concat(Array.from(bundle.chunks(), (chunk) => Buffer.from(chunk)));
}
