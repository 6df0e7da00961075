/**
 * The block index (BLOCKS): which bytes each block of each image must have. docs/formats.md describes the
 * text; block-index-parser.ts reads it, `formatBlocks` here writes it. The text is canonical: an index has one
 * spelling only.
 *
 * @packageDocumentation
 */
import { concat, fromLatin1, toHex } from '../bytes.js';
import { SluiceError } from '../errors.js';
import { isImageName, partitionOf } from './image-name.js';
import { quote } from '../text.js';

/** Index of one image: its whole digest and the digest of each of its blocks. */
export interface ImageIndex {
  /** Member name, such as `image-kernel`. */
  readonly member: string;
  /** Partition that it is for. */
  readonly partition: string;
  /** Bytes. */
  readonly size: number;
  /** Bytes of a block; the last block may be shorter. */
  readonly blockSize: number;
  /** SHA-256 of the whole image, 32 bytes. */
  readonly sha256: Uint8Array;
  /** SHA-256 of each block, 32 bytes each, one after the other. */
  readonly digests: Uint8Array;
}

/** The block index of a bundle (BLOCKS). */
export interface BlockIndex {
  readonly machine: string;
  readonly version: string;
  readonly securityVersion: number | null;
  /** By member name, in the order of the file. */
  readonly images: ReadonlyMap<string, ImageIndex>;
}

/** Bounds on a block index. */
export interface BlocksLimits {
  /** Blocks of all images together. */
  readonly blocks: number;
  readonly images: number;
  /** Bytes of a line, its LF not counted. */
  readonly line: number;
}

/** The limits of a BlocksParser that is given no others. */
export const BLOCKS_LIMITS: BlocksLimits = {
  // 4 GiB in blocks of 64 KiB; their digests take 2 MiB of memory.
  blocks: 65_536,
  // As many as a tarball may have members.
  images: 64,
  // An image line of a 32-character name has about 200.
  line: 512,
};

/** Bytes of a SHA-256 digest. */
export const DIGEST_SIZE = 32;

/** Bytes of the line of one block: the digest in hex, and LF. */
export const DIGEST_LINE = 2 * DIGEST_SIZE + 1;

/** Largest BLOCKS member in bytes: all digest lines, the image lines and the four lines ahead of them. */
export const MAX_BLOCKS_SIZE =
  BLOCKS_LIMITS.blocks * DIGEST_LINE + (BLOCKS_LIMITS.images + 4) * (BLOCKS_LIMITS.line + 1);

/** First line of the format and its version. */
export const BLOCKS_MAGIC = 'sluice-blocks 1';

/** The smallest erase block of the chips here is 4 KiB; smaller blocks would make the index outgrow its use. */
const MIN_BLOCK = 4096;
/** Two blocks are held in memory; a board with 32 MiB could not spare two larger ones. */
const MAX_BLOCK = 4 * 1024 * 1024;

/** Blocks of an image. */
export function blockCount(image: { readonly size: number; readonly blockSize: number }): number {
  return Math.ceil(image.size / image.blockSize);
}

/**
 * Digest of block `k`, as a view of the image's `digests`.
 * @throws SluiceError ERR_BUNDLE_BLOCKS when the image has no such block
 */
export function blockDigest(image: ImageIndex, k: number): Uint8Array {
  checkBlock(image, k);
  return image.digests.subarray(k * DIGEST_SIZE, (k + 1) * DIGEST_SIZE);
}

/**
 * Bytes of block `k`: the block size, or less for the last one.
 * @throws SluiceError ERR_BUNDLE_BLOCKS when the image has no such block
 */
export function blockLength(image: ImageIndex, k: number): number {
  checkBlock(image, k);
  return Math.min(image.blockSize, image.size - k * image.blockSize);
}

/** What is wrong with the shape of an image's entry, or null. */
export function imageFault(image: Omit<ImageIndex, 'sha256' | 'digests'>): string | null {
  const { member, partition, size, blockSize } = image;
  if (!isImageName(member)) return `${quote(member)} is not the name of an image`;
  if (partition !== partitionOf(member)) return `${member} is for partition ${quote(partition)}`;
  if (!Number.isSafeInteger(size) || size < 1) return `${member} has ${size} bytes`;
  const power = Number.isInteger(Math.log2(blockSize));
  if (!power || blockSize < MIN_BLOCK || blockSize > MAX_BLOCK) {
    return `the block size ${blockSize} is not a power of two from ${MIN_BLOCK} to ${MAX_BLOCK}`;
  }
  return null;
}

/** Whether `text` can stand as machine or version: one word of printable ASCII. */
export function isWord(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

/**
 * The text of an index; parsing it gives the same index.
 * @throws SluiceError ERR_BUNDLE_BLOCKS when it cannot be written so that it could be read
 */
export function formatBlocks(index: BlockIndex, limits: BlocksLimits = BLOCKS_LIMITS): Uint8Array {
  const { machine, version, securityVersion, images } = index;
  if (!isWord(machine)) throw unwritable(`the machine ${quote(machine)} is not one word`);
  if (!isWord(version)) throw unwritable(`the version ${quote(version)} is not one word`);
  if (securityVersion !== null && (!Number.isSafeInteger(securityVersion) || securityVersion < 0)) {
    throw unwritable(`the security version ${securityVersion} is not a whole number`);
  }
  if (images.size === 0 || images.size > limits.images) {
    throw unwritable(`it has ${images.size} images; it must have 1 to ${limits.images}`);
  }
  const parts = [
    line(BLOCKS_MAGIC, limits),
    line(`machine ${machine}`, limits),
    line(`version ${version}`, limits),
  ];
  if (securityVersion !== null) parts.push(line(`security-version ${securityVersion}`, limits));
  let blocks = 0;
  for (const [name, image] of images) {
    const fault = imageFault(image) ?? lengthFault(name, image);
    if (fault !== null) throw unwritable(fault);
    blocks += blockCount(image);
    if (blocks > limits.blocks) throw unwritable(`it has more than ${limits.blocks} blocks`);
    parts.push(line(imageLine(image), limits), digestLines(image.digests));
  }
  return concat(parts);
}

function imageLine({ member, partition, size, blockSize, sha256 }: ImageIndex): string {
  return `image ${member} partition ${partition} size ${size} block ${blockSize} sha256 ${toHex(sha256)}`;
}

function digestLines(digests: Uint8Array): Uint8Array {
  const count = digests.length / DIGEST_SIZE;
  const lines = new Uint8Array(count * DIGEST_LINE);
  for (let k = 0; k < count; k++) {
    const digest = digests.subarray(k * DIGEST_SIZE, (k + 1) * DIGEST_SIZE);
    lines.set(fromLatin1(`${toHex(digest)}\n`), k * DIGEST_LINE);
  }
  return lines;
}

function line(text: string, limits: BlocksLimits): Uint8Array {
  if (text.length > limits.line) throw unwritable(`a line would have more than ${limits.line} bytes`);
  return fromLatin1(`${text}\n`);
}

function lengthFault(name: string, image: ImageIndex): string | null {
  if (name !== image.member) return `${image.member} is listed as ${quote(name)}`;
  if (image.sha256.length !== DIGEST_SIZE) return `the digest of ${name} has ${image.sha256.length} bytes`;
  const needed = blockCount(image) * DIGEST_SIZE;
  if (image.digests.length === needed) return null;
  return `the block digests of ${name} take ${image.digests.length} bytes, not ${needed}`;
}

function checkBlock(image: ImageIndex, k: number): void {
  const count = blockCount(image);
  if (Number.isInteger(k) && k >= 0 && k < count) return;
  throw new SluiceError('ERR_BUNDLE_BLOCKS', `${image.member} has ${count} blocks, none of number ${k}`, {
    member: image.member,
  });
}

function unwritable(what: string): SluiceError {
  return new SluiceError('ERR_BUNDLE_BLOCKS', `the block index cannot be written: ${what}`, {
    member: 'BLOCKS',
  });
}
