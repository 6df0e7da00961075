/**
 * Which members a bundle may have, and how large they may be.
 *
 * @packageDocumentation
 */
import { SluiceError } from '../errors.js';
import { MAX_BLOCKS_SIZE } from './block-index.js';
import { FULL_LIST, imageOf, isImageName } from './image-name.js';
import { MAX_MANIFEST } from './manifest.js';
import { TAR_LIMITS } from './tar/limits.js';
import { quote } from '../text.js';

const SIGNATURE_SUFFIX = '.sig';

/**
 * What a member is for. An `other-signature` is one of a second algorithm, or its public key, in a folder of its own
 * (`MLDSA/image-kernel.sig`; phosphor-bmc-code-mgmt, image_verify.cpp). Nothing here verifies with it.
 */
export type MemberKind = 'manifest' | 'publickey' | 'blocks' | 'image' | 'signature' | 'other-signature';

/** Largest size of a member in bytes, by kind. None may be empty. */
export const MEMBER_LIMITS: Readonly<Record<MemberKind, number>> = {
  manifest: MAX_MANIFEST,
  // An RSA-16384 key, the largest that OpenSSL takes, has 3 KiB as PEM; some files carry comments.
  publickey: 16_384,
  blocks: MAX_BLOCKS_SIZE,
  // The partition is what bounds an image; here it is only what a tarball can say.
  image: TAR_LIMITS.memberSize,
  // A signature of that RSA key has 2 KiB.
  signature: 4096,
  // SLH-DSA has the longest, of 49,856 bytes.
  'other-signature': 65_536,
};

/** The signature over all other signatures; nothing is called image-full. */
export const FULL_SIGNATURE = signatureOf(FULL_LIST);

/**
 * The members whose signatures, one after the other as far as they are there, are what `image-full.sig` signs.
 * The build sorts them by the rules of en_US.UTF-8, the BMC has the list built in (phosphor-bmc-code-mgmt
 * bmc/image_verify.cpp).
 */
export const FULL_ORDER: readonly string[] = [
  ...['bmc', 'hostfw', 'kernel', 'rofs', 'rwfs', 'u-boot'].map(imageOf),
  'MANIFEST',
  'publickey',
];

const FIXED: ReadonlyMap<string, MemberKind> = new Map([
  ['MANIFEST', 'manifest'],
  ['publickey', 'publickey'],
  ['BLOCKS', 'blocks'],
]);

/** Name of the member that holds the signature of `name`. */
export function signatureOf(name: string): string {
  return name + SIGNATURE_SUFFIX;
}

/** Name of the member that a signature member signs: `image-kernel.sig` gives `image-kernel`; null for no signature. */
export function signedBy(signature: string): string | null {
  return signature.endsWith(SIGNATURE_SUFFIX) ? signature.slice(0, -SIGNATURE_SUFFIX.length) : null;
}

/**
 * Kind of the member with this name.
 * @throws SluiceError ERR_BUNDLE_MEMBER when no bundle has such a member
 */
export function memberKind(name: string): MemberKind {
  const kind = kindOf(name);
  if (kind !== null) return kind;
  const inFolder = /^[^/]+\/([^/]+)$/.exec(name)?.[1];
  const kindInFolder = inFolder === undefined ? null : kindOf(inFolder);
  if (kindInFolder === 'publickey' || kindInFolder === 'signature') return 'other-signature';
  throw new SluiceError('ERR_BUNDLE_MEMBER', `${quote(name)} does not belong in a bundle`, { member: name });
}

/**
 * Kind of the member, when its size is one that the kind may have.
 * @throws SluiceError ERR_BUNDLE_MEMBER, ERR_BUNDLE_MEMBER_SIZE
 */
export function checkMember(name: string, size: number): MemberKind {
  const kind = memberKind(name);
  if (size > 0 && size <= MEMBER_LIMITS[kind]) return kind;
  throw new SluiceError(
    'ERR_BUNDLE_MEMBER_SIZE',
    size === 0 ? `${name} is empty` : `${name} has ${size} bytes; it must have 1 to ${MEMBER_LIMITS[kind]}`,
    { member: name },
  );
}

function kindOf(name: string): MemberKind | null {
  const signed = signedBy(name);
  if (signed === FULL_LIST || (signed !== null && plainKind(signed) !== null)) return 'signature';
  return plainKind(name);
}

function plainKind(name: string): MemberKind | null {
  return FIXED.get(name) ?? (isImageName(name) ? 'image' : null);
}
