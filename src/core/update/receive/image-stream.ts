import { blockDigest, type ImageIndex } from '../../bundle/block-index.js';
import { concat, equalDigests } from '../../bytes.js';
import { SluiceError } from '../../errors.js';
import { FORMAT_HEAD_BYTES, requireRawImage } from '../../known-format.js';
import type { HashName, Hasher, Platform } from '../../platform.js';
import type { Digests } from '../../trust/trust.js';
import { BlockAssembler, type BufferPair, type UnitSink } from './block-assembler.js';
import { DigestList } from './digest-list.js';
import type { BlockSink } from '../write/image-writer.js';
import { Reblocker } from './reblocker.js';

/** A range of the image and the writer of its erase blocks. */
export interface Slice {
  readonly sink: BlockSink;
  /** Bytes from the start of the image; a multiple of the unit. */
  readonly offset: number;
  /** Bytes; null for all the rest. */
  readonly length: number | null;
  /** Erase block size of the flash behind `sink`. */
  readonly eraseSize: number;
}

/** What the blocks of an image are proven against. */
export interface BlockProof {
  readonly index: ImageIndex;
  /**
   * Whether the index was made here, in a first reading of the same source: what is not right has changed since.
   * Else it came with the image.
   */
  readonly made: boolean;
  /**
   * Whether its SHA-256 of the whole stands for that of the bytes once each block is right, as it was made here or
   * whoever signed the digests of all blocks has signed it with them. Else each byte is hashed twice.
   */
  readonly whole: boolean;
}

/** How one image is to be taken in. */
export interface ImageStreamOptions {
  readonly member: string;
  /** Bytes that it was said to have; null when nothing was said. */
  readonly size: number | null;
  /** Bytes that it may have at most, whatever was said. */
  readonly limit: number;
  /** Whether none of it is for the flash; what it is then does not matter. */
  readonly leftOut: boolean;
  readonly platform: Platform;
  readonly buffers: BufferPair;
  /** Digests to make of the image as a whole. */
  readonly hashes: readonly HashName[];
  /** Bytes of a block that is hashed by itself. */
  readonly blockSize: number;
  /** Null when nothing proves the blocks before they are written. */
  readonly proof: BlockProof | null;
  /** Keep the digest of each block. */
  readonly collect: boolean;
  readonly slices: readonly Slice[];
}

/**
 * One image on its way: cut into blocks, each proven, then handed on to the partition that it is for, while
 * digests of the whole are made. It works in units: the larger of the proof's block and the erase block, where
 * the one divides the other; where not, in the proof's blocks, of which erase blocks are then made.
 */
export class ImageStream implements UnitSink {
  readonly #options: ImageStreamOptions;
  readonly #hashers: readonly { name: HashName; hasher: Hasher }[];
  readonly #assembler: BlockAssembler;
  readonly #collected = new DigestList();
  readonly #unit: number;
  /** Of those slices whose erase blocks do not fit the unit. */
  readonly #regroupers = new Map<Slice, Reblocker>();
  #size = 0;
  /** The first bytes, until they are enough to know what the image is; then null. */
  #head: Uint8Array | null;
  #abandoned = false;

  constructor(options: ImageStreamOptions) {
    this.#options = options;
    this.#head = options.leftOut ? null : new Uint8Array(0);
    this.#unit = unitOf(options);
    for (const slice of options.slices) {
      if (this.#unit % slice.eraseSize !== 0) {
        this.#regroupers.set(slice, new Reblocker(slice.sink, slice.eraseSize));
      }
    }
    const known = options.proof?.whole === true ? 'sha256' : null;
    this.#hashers = options.hashes
      .filter((name) => name !== known)
      .map((name) => ({ name, hasher: options.platform.hasher(name) }));
    this.#assembler = new BlockAssembler(options.buffers, this.#unit, this);
  }

  /** Bytes taken so far. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of a block that is hashed by itself. */
  get blockSize(): number {
    return this.#options.blockSize;
  }

  /** SHA-256 of each block, when `collect` was asked for and the image has ended. */
  get blockDigests(): Uint8Array {
    return this.#collected.bytes;
  }

  /** Takes bytes of the image; they may be reused when it has returned or its promise has settled. */
  write(bytes: Uint8Array): void | Promise<void> {
    this.#size += bytes.length;
    this.#checkLength();
    this.#checkHead(bytes);
    const { proof } = this.#options;
    if (proof !== null && this.#size > proof.index.size)
      throw this.#wrong(proof, 'is longer than was signed');
    for (const { hasher } of this.#hashers) hasher.update(bytes);
    return this.#assembler.write(bytes);
  }

  /**
   * Ends the image: everything is proven and in flash (but for held blocks) when it resolves.
   * @returns the digests of the whole
   */
  async end(): Promise<Digests> {
    const { size, proof } = this.#options;
    if (size !== null && this.#size !== size) throw this.#lengthChanged(size);
    this.#checkHead(null);
    await this.#assembler.end();
    for (const regrouper of this.#regroupers.values()) await regrouper.end();
    if (proof !== null && this.#size !== proof.index.size)
      throw this.#wrong(proof, 'is shorter than was signed');
    const digests: Digests = proof?.whole === true ? { sha256: proof.index.sha256 } : {};
    for (const { name, hasher } of this.#hashers) digests[name] = hasher.digest();
    return digests;
  }

  /** Gives the image up: no further block is handed on. */
  abandon(): void {
    this.#abandoned = true;
  }

  /** Resolves when the block under way is done with, whether it went well or not. */
  settled(): Promise<void> {
    return this.#assembler.settled();
  }

  async prove(unit: Uint8Array, index: number): Promise<void> {
    const { platform, proof, collect, blockSize } = this.#options;
    if (proof === null && !collect) return;
    const first = (index * this.#unit) / blockSize;
    for (let at = 0; at < unit.length; at += blockSize) {
      const digest = await platform.digest(unit.subarray(at, at + blockSize));
      const block = first + at / blockSize;
      if (collect) this.#collected.set(block, digest);
      if (proof === null) continue;
      if (equalDigests(digest, blockDigest(proof.index, block))) continue;
      throw this.#wrong(proof, 'is not the one that was proven', block);
    }
  }

  async store(unit: Uint8Array, index: number): Promise<void> {
    const start = index * this.#unit;
    for (const slice of this.#options.slices) {
      const { sink, offset, length, eraseSize } = slice;
      const end = length === null ? Number.POSITIVE_INFINITY : offset + length;
      if (start < offset || start >= end) continue;
      const bytes = Math.min(unit.length, end - start);
      const regrouper = this.#regroupers.get(slice);
      if (regrouper !== undefined) {
        this.#throwIfAbandoned();
        await regrouper.write(unit.subarray(0, bytes));
        continue;
      }
      for (let at = 0; at < bytes; at += eraseSize) {
        this.#throwIfAbandoned();
        const block = this.#eraseBlock(unit, at, eraseSize);
        await sink.put((start + at - offset) / eraseSize, block, Math.min(eraseSize, bytes - at));
      }
    }
  }

  #throwIfAbandoned(): void {
    if (this.#abandoned) throw new SluiceError('ERR_SESSION_INTERRUPTED', 'the image was given up');
  }

  /** One erase block of the unit; the last one of the image is filled up with 0xFF behind it, in the buffer. */
  #eraseBlock(unit: Uint8Array, at: number, eraseSize: number): Uint8Array {
    const block = new Uint8Array(unit.buffer, unit.byteOffset + at, eraseSize);
    return block.fill(0xff, unit.length - at);
  }

  /** A file may grow while it is read; the slices were made for the size that it had. */
  #checkLength(): void {
    const { size, limit, member } = this.#options;
    if (size !== null && this.#size > size) throw this.#lengthChanged(size);
    if (this.#size <= limit) return;
    throw new SluiceError(
      'ERR_BUNDLE_TOO_BIG',
      `${member} has more than the ${limit} bytes of its partition`,
      { member },
    );
  }

  /**
   * Before the first block is full, so that nothing is written of what no partition is read from.
   * @param bytes - null at the end of the image
   */
  #checkHead(bytes: Uint8Array | null): void {
    if (this.#head === null) return;
    if (bytes !== null) this.#head = concat([this.#head, bytes.subarray(0, FORMAT_HEAD_BYTES)]);
    if (bytes !== null && this.#head.length < FORMAT_HEAD_BYTES) return;
    requireRawImage(this.#options.member, this.#head);
    this.#head = null;
  }

  #lengthChanged(size: number): SluiceError {
    const { member } = this.#options;
    const how = this.#size > size ? 'more' : 'less';
    return new SluiceError('ERR_SOURCE_CHANGED', `${member} has ${how} than the ${size} bytes that it had`, {
      member,
    });
  }

  #wrong({ made, index }: BlockProof, what: string, block?: number): SluiceError {
    const { member } = this.#options;
    const where = block === undefined ? member : `block ${block} of ${member}`;
    const [code, again] = made
      ? (['ERR_SOURCE_CHANGED', ' in the first reading'] as const)
      : (['ERR_TRUST_BLOCK', ''] as const);
    return new SluiceError(code, `${where} ${what}${again}`, {
      member,
      partition: index.partition,
      block,
    });
  }
}

function unitOf({ blockSize, slices }: ImageStreamOptions): number {
  let unit = blockSize;
  for (const { eraseSize } of slices) if (eraseSize % unit === 0) unit = eraseSize;
  return unit;
}
