/**
 * Signed bundles, made as a list of members, so that a test can change, drop or reorder some before they become a
 * tarball. Small ones are made in memory; generated-bundle.ts makes large ones as they are read.
 */
import { createHash } from 'node:crypto';
import { formatBlocks, type BlockIndex, type ImageIndex } from '../../src/core/bundle/block-index.js';
import { partitionOf } from '../../src/core/bundle/image-name.js';
import { FULL_ORDER } from '../../src/core/bundle/members.js';
import { tarEnd, tarHeader, tarPadding } from '../../src/core/bundle/tar/tar-writer.js';
import { rsaSigner, type Signer } from './keys.js';

export const MACHINE = 'quanta-q71l';

export interface Member {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A member whose bytes may be made as they are read; each piece is valid until the next is asked for. */
export interface Content {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  pieces(): Iterable<Uint8Array>;
}

export const PURPOSE = 'xyz.openbmc_project.Software.Version.VersionPurpose.BMC';

export type MakerKind = 'proven' | 'stock' | 'signatures-first';

/** What a bundle says, and in which order. */
export interface BundleText {
  /** A proven bundle, the stock order with the signatures behind the images, or a proven one without BLOCKS. */
  readonly kind: MakerKind;
  /** Bytes of a block in BLOCKS. */
  readonly blockSize: number;
  readonly version?: string;
  readonly machine?: string;
  /** Lines of MANIFEST beside the usual ones, or in their place; undefined leaves one out. */
  readonly manifest?: Readonly<Record<string, string | undefined>>;
  /** What BLOCKS says, over the truth. */
  readonly blocks?: Partial<BlockIndex>;
  /** Images without a signature of their own. */
  readonly bare?: readonly string[];
}

/** What signs the members of a bundle. */
export interface BundleSigner {
  readonly hashType: string;
  readonly pem: Uint8Array;
  sign(content: Content): Uint8Array;
  /** Signs MANIFEST and publickey. @default sign */
  readonly system?: (content: Content) => Uint8Array;
}

export interface MakerOptions extends Partial<BundleText> {
  /** Bytes of each image by the name of its partition, in the order of the tarball. */
  readonly images: Readonly<Record<string, Uint8Array>>;
  readonly kind: MakerKind;
  /** @default rsaSigner */
  readonly signer?: Signer;
}

/** Where a member stands in a tarball: its header, and its own bytes. */
export interface Place {
  readonly header: number;
  readonly start: number;
  readonly end: number;
}

export interface MadeBundle {
  readonly bytes: Buffer;
  readonly places: ReadonlyMap<string, Place>;
}

export const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** Bytes in memory as a content. */
export const contentOf = (name: string, bytes: Uint8Array): Content => ({
  name,
  size: bytes.length,
  pieces: () => [bytes],
});

/** A content in memory; that of `contentOf` is not copied. */
export function bytesOf(content: Content): Uint8Array {
  const pieces = [...content.pieces()].map((piece, _, { length }) => (length === 1 ? piece : piece.slice()));
  return pieces[0] !== undefined && pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
}

/** The index entry of an image. */
export const indexOf = (member: string, bytes: Uint8Array, blockSize: number): ImageIndex =>
  indexOfContent(contentOf(member, bytes), blockSize);

function indexOfContent(image: Content, blockSize: number): ImageIndex {
  const whole = createHash('sha256');
  const digests: Uint8Array[] = [];
  let block = createHash('sha256');
  let room = blockSize;
  for (const piece of image.pieces()) {
    whole.update(piece);
    for (let at = 0; at < piece.length;) {
      const part = piece.subarray(at, at + room);
      block.update(part);
      at += part.length;
      room -= part.length;
      if (room > 0) continue;
      digests.push(block.digest());
      block = createHash('sha256');
      room = blockSize;
    }
  }
  if (room < blockSize) digests.push(block.digest());
  const { name, size } = image;
  return {
    member: name,
    partition: partitionOf(name),
    size,
    blockSize,
    sha256: whole.digest(),
    digests: Buffer.concat(digests),
  };
}

/** The members of a signed bundle, in the order of its kind. */
export function arrangeMembers(
  images: readonly Content[],
  signer: BundleSigner,
  { kind, blockSize, version = '2.19.0', machine = MACHINE, manifest: lines, blocks, bare = [] }: BundleText,
): Content[] {
  const fields = {
    purpose: PURPOSE,
    version,
    KeyType: 'OpenBMC',
    HashType: signer.hashType,
    MachineName: machine,
    ...lines,
  };
  const text = Object.entries(fields).filter(([, value]) => value !== undefined);
  const manifest = contentOf(
    'MANIFEST',
    Buffer.from(text.map(([field, value]) => `${field}=${value}\n`).join('')),
  );
  const publickey = contentOf('publickey', signer.pem);
  const { system = (content: Content) => signer.sign(content) } = signer;
  const sigOf = (content: Content, signature: Uint8Array): Content =>
    contentOf(`${content.name}.sig`, signature);
  const head = [manifest, publickey].map((content) => sigOf(content, system(content)));
  const imageSigs = images
    .filter(({ name }) => !bare.includes(name))
    .map((image) => sigOf(image, signer.sign(image)));
  const sigs = [...imageSigs, ...head];
  const full = FULL_ORDER.flatMap((name) => sigs.filter((sig) => sig.name === `${name}.sig`)).map(bytesOf);
  const whole = contentOf('image-full', Buffer.concat(full));
  const tail = sigOf(whole, signer.sign(whole));
  if (kind === 'stock') return [...images, manifest, publickey, ...sigs, tail];
  const start = [manifest, ...head.slice(0, 1), publickey, ...head.slice(1)];
  if (kind === 'signatures-first') return [...start, ...imageSigs, tail, ...images];
  const index = contentOf(
    'BLOCKS',
    formatBlocks({
      machine,
      version,
      securityVersion: null,
      images: new Map(images.map((image) => [image.name, indexOfContent(image, blockSize)])),
      ...blocks,
    }),
  );
  return [...start, index, sigOf(index, signer.sign(index)), ...imageSigs, tail, ...images];
}

/** The members of a small signed bundle, in memory. */
export function makeMembers({ images, signer = rsaSigner, ...text }: MakerOptions): Member[] {
  const contents = Object.entries(images).map(([name, bytes]) => contentOf(`image-${name}`, bytes));
  const { hashType, pem } = signer;
  const sign = (content: Content): Uint8Array => signer.sign(bytesOf(content));
  return arrangeMembers(contents, { hashType, pem, sign }, { blockSize: 4096, ...text }).map((content) => ({
    name: content.name,
    bytes: bytesOf(content),
  }));
}

/** The tarball of the members, in pieces. */
export function* tarPieces(members: readonly Content[]): Generator<Uint8Array> {
  let at = 0;
  for (const { name, size, pieces } of members) {
    const padding = tarPadding(size);
    yield tarHeader(name, size);
    yield* pieces();
    yield padding;
    at += 512 + size + padding.length;
  }
  yield tarEnd(at);
}

/** Members as a tarball. */
export function tarOf(members: readonly Member[]): MadeBundle {
  const places = new Map<string, Place>();
  let at = 0;
  for (const { name, bytes } of members) {
    const start = at + 512;
    places.set(name, { header: at, start, end: start + bytes.length });
    at = start + bytes.length + tarPadding(bytes.length).length;
  }
  const contents = members.map(({ name, bytes }) => contentOf(name, bytes));
  return { bytes: Buffer.concat([...tarPieces(contents)]), places };
}

/** A whole bundle. */
export const makeBundle = (options: MakerOptions): MadeBundle => tarOf(makeMembers(options));

/** Members of which one has other bytes; the signatures stay those of the old ones. */
export function withMember(members: readonly Member[], name: string, bytes: Uint8Array): Member[] {
  if (!members.some((member) => member.name === name)) throw new Error(`there is no ${name}`);
  return members.map((member) => (member.name === name ? { name, bytes } : member));
}
