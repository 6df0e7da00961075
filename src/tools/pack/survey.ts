import { partitionOf } from '../../core/bundle/image-name.js';
import { createSign, type Sign } from 'node:crypto';
import type { BlockIndex, ImageIndex } from '../../core/bundle/block-index.js';
import { BlocksParser } from '../../core/bundle/block-index-parser.js';
import { parseManifest, type Manifest } from '../../core/bundle/manifest.js';
import { checkMember, type MemberKind } from '../../core/bundle/members.js';
import type { TarHandler, TarMember } from '../../core/bundle/tar/tar-reader.js';
import { SluiceError } from '../../core/errors.js';
import type { Abort, HashName, Platform } from '../../core/platform.js';
import type { Digests } from '../../core/trust/trust.js';
import { parseScheme, type Scheme } from '../../core/trust/scheme.js';
import { BufferPair } from '../../core/update/receive/block-assembler.js';
import { ImageStream } from '../../core/update/receive/image-stream.js';
import { SmallMember } from '../../core/bundle/small-member.js';
import type { Material } from './material.js';

/** Bytes of a block where nobody says otherwise: the erase block of the NOR chips that OpenBMC boards have. */
const DEFAULT_BLOCK = 64 * 1024;

/** An image that has passed by. */
export interface SurveyedImage {
  readonly index: ImageIndex;
  /** SHA-256 of the whole, and the digest by the scheme's hash. */
  readonly digests: Digests;
  /** What the image has flowed into, for a signature by the scheme's hash. */
  readonly stream: Sign;
}

/** Everything that is known of a material after one reading: all of it but the bytes of the images. */
export interface Survey {
  readonly manifest: Manifest;
  /** MANIFEST's HashType. */
  readonly scheme: Scheme;
  /** MANIFEST and publickey. */
  readonly texts: ReadonlyMap<string, Uint8Array>;
  /** Signatures that are there already, by member name (`image-kernel.sig`). */
  readonly signatures: ReadonlyMap<string, Uint8Array>;
  /** BLOCKS, when the material is a proven tarball already. */
  readonly blocks: { readonly text: Uint8Array; readonly index: BlockIndex } | null;
  readonly images: ReadonlyMap<string, SurveyedImage>;
}

/**
 * Reads a material once; twice when it names its hash after its images and that is not SHA-256.
 *
 * @param blockSize - bytes of a block of the index; null for that of BLOCKS, or the default
 * @throws SluiceError ERR_SOURCE_*, ERR_BUNDLE_*, ERR_TRUST_HASH
 */
export async function survey(
  material: Material,
  platform: Platform,
  blockSize: number | null,
  signal?: Abort,
): Promise<Survey> {
  const first = new Surveyor(platform, blockSize, 'sha256');
  await material.each(first, signal);
  if (first.late === null) return first.result();
  const second = new Surveyor(platform, blockSize, first.late);
  await material.each(second, signal);
  return second.result();
}

class Surveyor implements TarHandler {
  readonly #platform: Platform;
  readonly #blockSize: number | null;
  readonly #buffers = new BufferPair();
  readonly #texts = new Map<string, Uint8Array>();
  readonly #signatures = new Map<string, Uint8Array>();
  readonly #images = new Map<string, SurveyedImage>();
  #blocks: Survey['blocks'] = null;
  #head: { readonly manifest: Manifest; readonly scheme: Scheme } | null = null;
  /** Hash to sign by: a guess until MANIFEST has come. */
  #hash: HashName;
  #late: HashName | null = null;

  #member = '';
  #kind: MemberKind = 'manifest';
  #small: SmallMember | null = null;
  #image: ImageStream | null = null;
  #stream: Sign = createSign('sha256');

  constructor(platform: Platform, blockSize: number | null, hash: HashName) {
    this.#platform = platform;
    this.#blockSize = blockSize;
    this.#hash = hash;
  }

  /** The hash that the images would have had to be signed by, when it was not the guess. */
  get late(): HashName | null {
    return this.#late;
  }

  /** @throws SluiceError ERR_BUNDLE_MEMBER_MISSING, ERR_BUNDLE_EMPTY */
  result(): Survey {
    if (this.#head === null) throw missing('MANIFEST');
    if (!this.#texts.has('publickey')) throw missing('publickey');
    if (this.#images.size === 0) throw new SluiceError('ERR_BUNDLE_EMPTY', 'there is no image to pack');
    return {
      ...this.#head,
      texts: this.#texts,
      signatures: this.#signatures,
      blocks: this.#blocks,
      images: this.#images,
    };
  }

  begin({ name, size }: TarMember): void {
    this.#member = name;
    this.#kind = checkMember(name, size);
    if (this.#kind === 'image') this.#beginImage(name);
    else this.#small = new SmallMember(size);
  }

  data(bytes: Uint8Array): void | Promise<void> {
    this.#small?.write(bytes);
    if (this.#image === null) return undefined;
    this.#stream.update(bytes);
    return this.#image.write(bytes);
  }

  async finish(): Promise<void> {
    if (this.#image !== null) return this.#endImage(this.#image);
    const bytes = (this.#small as SmallMember).bytes;
    this.#small = null;
    switch (this.#kind) {
      case 'signature':
        this.#signatures.set(this.#member, bytes);
        return undefined;
      case 'blocks':
        return this.#takeBlocks(bytes);
      case 'manifest':
        this.#takeManifest(bytes);
        break;
      default:
    }
    this.#texts.set(this.#member, bytes);
    return undefined;
  }

  #beginImage(member: string): void {
    const hashes: HashName[] = this.#hash === 'sha256' ? ['sha256'] : ['sha256', this.#hash];
    this.#stream = createSign(this.#hash);
    this.#image = new ImageStream({
      member,
      size: null,
      limit: Number.POSITIVE_INFINITY,
      platform: this.#platform,
      buffers: this.#buffers,
      hashes,
      blockSize: this.#blockSize ?? this.#blocks?.index.images.get(member)?.blockSize ?? DEFAULT_BLOCK,
      proof: null,
      collect: true,
      slices: [],
    });
  }

  async #endImage(image: ImageStream): Promise<void> {
    this.#image = null;
    const digests = await image.end();
    const index = {
      member: this.#member,
      partition: partitionOf(this.#member),
      size: image.size,
      blockSize: image.blockSize,
      sha256: digests.sha256 as Uint8Array,
      digests: image.blockDigests.slice(),
    };
    this.#images.set(this.#member, { index, digests, stream: this.#stream });
  }

  #takeManifest(bytes: Uint8Array): void {
    const manifest = parseManifest(bytes);
    if (manifest.hashType === null) {
      throw new SluiceError('ERR_TRUST_HASH', 'MANIFEST names no HashType', { member: 'MANIFEST' });
    }
    const scheme = parseScheme(manifest.hashType);
    this.#head = { manifest, scheme };
    if (scheme.hash === null || scheme.hash === this.#hash) return;
    if (this.#images.size > 0) this.#late = scheme.hash;
    this.#hash = scheme.hash;
  }

  #takeBlocks(text: Uint8Array): void {
    if (this.#images.size > 0) {
      throw new SluiceError('ERR_BUNDLE_ORDER', 'BLOCKS comes after an image', { member: 'BLOCKS' });
    }
    const parser = new BlocksParser(text.length);
    parser.write(text);
    this.#blocks = { text, index: parser.end() };
  }
}

function missing(member: string): SluiceError {
  return new SluiceError('ERR_BUNDLE_MEMBER_MISSING', `there is no ${member}`, { member });
}
