/**
 * Signed bundles of any size, made as they are read: nothing of an image is kept, so that a test of memory or
 * speed measures the reader. Images are noise that depends on a seed and on the block, by 64 KiB.
 */
import { createSign } from 'node:crypto';
import { tarEnd, tarPadding } from '../../src/core/bundle/tar/tar-writer.js';
import { arrangeMembers, tarPieces, type BundleText, type Content } from './bundle-maker.js';
import { rsaSigner } from './keys.js';
import { noise } from './noise.js';

/** Bytes of one piece of noise, and of a block in BLOCKS where nothing else is said. */
export const PIECE = 64 * 1024;

export interface ImageSpec {
  /** Partition, the suffix of the member. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly seed?: number;
  /** Blocks that hold other noise than the seed gives: what a new version has changed. */
  readonly changed?: readonly number[];
}

export interface BundleSpec extends Partial<Pick<BundleText, 'kind' | 'machine' | 'version'>> {
  readonly images: readonly ImageSpec[];
  /** Bytes of a block in BLOCKS. @default PIECE */
  readonly block?: number;
}

export interface GeneratedBundle {
  readonly chunks: () => Generator<Uint8Array>;
  /** Bytes of the tarball. */
  readonly size: number;
}

const base = noise(PIECE, 0);

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

/** Signs a content of which nothing is kept. */
function sign(content: Content): Uint8Array {
  const signer = createSign('RSA-SHA256');
  for (const piece of content.pieces()) signer.update(piece);
  return signer.sign(rsaSigner.privateKey);
}

/** Makes a bundle that `rsaSigner` has signed. */
export function generateBundle({
  images,
  kind = 'proven',
  block = PIECE,
  ...text
}: BundleSpec): GeneratedBundle {
  const contents = images.map((image) => ({
    name: `image-${image.name}`,
    size: image.size,
    pieces: () => imagePieces(image),
  }));
  const { hashType, pem } = rsaSigner;
  const members = arrangeMembers(contents, { hashType, pem, sign }, { kind, blockSize: block, ...text });
  const size = members.reduce((sum, { size }) => sum + 512 + size + tarPadding(size).length, 0);
  return { size: size + tarEnd(size).length, chunks: () => tarPieces(members) };
}

/** The whole tarball in memory, for small ones. */
export function bundleBytes(bundle: GeneratedBundle): Buffer {
  return Buffer.concat(Array.from(bundle.chunks(), (chunk) => Buffer.from(chunk)));
}
