import { imageOf } from '../../core/bundle/image-name.js';
import { createSign, type Sign } from 'node:crypto';
import type { BlockIndex, ImageIndex } from '../../core/bundle/block-index.js';
import type { BundleHandler, BundleImage, IndexSink, PartSink } from '../../core/bundle/bundle-reader.js';
import { parseManifest, type Manifest } from '../../core/bundle/manifest.js';
import { signedBy } from '../../core/bundle/members.js';
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
  /** Signatures of other algorithms, as they came (`MLDSA/image-kernel.sig`): nothing here verifies or makes them. */
  readonly otherSignatures: ReadonlyMap<string, Uint8Array>;
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

class Surveyor implements BundleHandler {
  readonly #platform: Platform;
  readonly #blockSize: number | null;
  readonly #buffers = new BufferPair();
  readonly #texts = new Map<string, Uint8Array>();
  readonly #signatures = new Map<string, Uint8Array>();
  readonly #otherSignatures = new Map<string, Uint8Array>();
  readonly #images = new Map<string, SurveyedImage>();
  #blocks: Survey['blocks'] = null;
  #head: { readonly manifest: Manifest; readonly scheme: Scheme } | null = null;
  /** Hash to sign by: a guess until MANIFEST has come. */
  #hash: HashName;
  #late: HashName | null = null;

  constructor(platform: Platform, blockSize: number | null, hash: HashName) {
    this.#platform = platform;
    this.#blockSize = blockSize;
    this.#hash = hash;
  }

  /** The hash that the images would have had to be signed by, if it was not the guess. */
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
      otherSignatures: this.#otherSignatures,
      blocks: this.#blocks,
      images: this.#images,
    };
  }

  member(name: string, bytes: Uint8Array): void {
    if (name === 'MANIFEST') this.#takeManifest(bytes);
    (signedBy(name) === null ? this.#texts : this.#signatures).set(name, bytes);
  }

  readonly otherSignature = (name: string, bytes: Uint8Array): void => {
    this.#otherSignatures.set(name, bytes);
  };

  index(size: number): IndexSink {
    if (this.#images.size > 0) {
      throw new SluiceError('ERR_BUNDLE_ORDER', 'BLOCKS comes after an image', { member: 'BLOCKS' });
    }
    const text = new SmallMember(size);
    return {
      write: (bytes) => text.write(bytes),
      end: (index) => {
        this.#blocks = { text: text.bytes, index };
      },
    };
  }

  image({ partition }: BundleImage): PartSink {
    const member = imageOf(partition);
    const stream = createSign(this.#hash);
    const image = new ImageStream({
      member,
      size: null,
      limit: Number.POSITIVE_INFINITY,
      leftOut: false,
      platform: this.#platform,
      buffers: this.#buffers,
      hashes: this.#hash === 'sha256' ? ['sha256'] : ['sha256', this.#hash],
      blockSize: this.#blockSize ?? this.#blocks?.index.images.get(member)?.blockSize ?? DEFAULT_BLOCK,
      proof: null,
      collect: true,
      slices: [],
    });
    return {
      write(bytes) {
        stream.update(bytes);
        return image.write(bytes);
      },
      end: async () => {
        const digests = await image.end();
        const index = {
          member,
          partition,
          size: image.size,
          blockSize: image.blockSize,
          sha256: digests.sha256 as Uint8Array,
          digests: image.blockDigests.slice(),
        };
        this.#images.set(member, { index, digests, stream });
      },
    };
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
}

function missing(member: string): SluiceError {
  return new SluiceError('ERR_BUNDLE_MEMBER_MISSING', `there is no ${member}`, { member });
}
