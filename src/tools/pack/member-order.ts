import { imageOf } from '../../core/bundle/image-name.js';
import { FULL_SIGNATURE, signatureOf } from '../../core/bundle/members.js';
import { TAR_BLOCK } from '../../core/bundle/tar/header.js';
import { tarEnd, tarHeader, tarPadding } from '../../core/bundle/tar/tar-writer.js';

/** A member at its place in the tarball. */
export interface PlacedMember {
  readonly name: string;
  /** Bytes of it. */
  readonly size: number;
  /** Where its bytes begin; its header is the block before. */
  readonly offset: number;
  /** Its bytes; null for an image. */
  readonly bytes: Uint8Array | null;
}

/** A tarball in its final order, all but the bytes of its images. */
export interface PlacedTar {
  readonly members: readonly PlacedMember[];
  /** Bytes of the whole file. */
  readonly size: number;
}

/** Flashed first: the board survives their loss. A board whose u-boot is damaged needs a programmer. */
const LEADING_IMAGES = ['kernel', 'rofs', 'rwfs'].map(imageOf);
const LAST_IMAGE = imageOf('u-boot');

/** Image names in the order in which they should be flashed, which is the one in which they are sent. */
export function flashOrder(images: Iterable<string>): string[] {
  const rank = (name: string): number => {
    const first = LEADING_IMAGES.indexOf(name);
    if (first >= 0) return first;
    return name === LAST_IMAGE ? LEADING_IMAGES.length + 1 : LEADING_IMAGES.length;
  };
  return [...images].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

/** What the tarball is made of. */
export interface Parts {
  /** MANIFEST and publickey. */
  readonly texts: ReadonlyMap<string, Uint8Array>;
  readonly blocks: Uint8Array;
  /** By member name, such as `image-kernel.sig`. */
  readonly signatures: ReadonlyMap<string, Uint8Array>;
  /** Of other algorithms, such as `MLDSA/image-kernel.sig`. */
  readonly otherSignatures: ReadonlyMap<string, Uint8Array>;
  /** Sizes in bytes, by member name. */
  readonly images: ReadonlyMap<string, number>;
}

/** Puts the members of a proven tarball in order (docs/formats.md, Proven tarball). */
export function placeMembers(parts: Parts): PlacedTar {
  const images = flashOrder(parts.images.keys());
  const small = new Map<string, Uint8Array>();
  const add = (name: string, bytes: Uint8Array | undefined): void => {
    if (bytes !== undefined) small.set(name, bytes);
  };
  for (const name of ['MANIFEST', 'publickey']) {
    add(name, parts.texts.get(name));
    add(signatureOf(name), parts.signatures.get(signatureOf(name)));
  }
  add('BLOCKS', parts.blocks);
  add(signatureOf('BLOCKS'), parts.signatures.get(signatureOf('BLOCKS')));
  for (const name of [...images.map(signatureOf), FULL_SIGNATURE]) add(name, parts.signatures.get(name));
  for (const [name, bytes] of parts.otherSignatures) add(name, bytes);

  const members: PlacedMember[] = [];
  let end = 0;
  const place = (name: string, size: number, bytes: Uint8Array | null): void => {
    const offset = end + TAR_BLOCK;
    members.push({ name, size, offset, bytes });
    end = offset + size + tarPadding(size).length;
  };
  for (const [name, bytes] of small) place(name, bytes.length, bytes);
  for (const name of images) place(name, parts.images.get(name) as number, null);
  return { members, size: end + tarEnd(end).length };
}

/** Everything of the tarball but the images' bytes, piece by piece with where it goes. */
export function* frame({ members, size }: PlacedTar): Iterable<readonly [offset: number, bytes: Uint8Array]> {
  let end = 0;
  for (const member of members) {
    yield [member.offset - TAR_BLOCK, tarHeader(member.name, member.size)];
    if (member.bytes !== null) yield [member.offset, member.bytes];
    const padding = tarPadding(member.size);
    end = member.offset + member.size + padding.length;
    yield [end - padding.length, padding];
  }
  yield [end, new Uint8Array(size - end)];
}
