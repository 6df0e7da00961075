/**
 * The packer: makes a proven tarball of a stock one, or of images. Everything is read, signed and proven before
 * the first byte of output is written; then the images are copied to their places, in constant memory.
 *
 * @packageDocumentation
 */
import { CHIP_PARTITIONS, imageOf, WHOLE_CHIP, WHOLE_CHIP_IMAGE } from '../../core/bundle/image-name.js';
import { closeSync, openSync } from 'node:fs';
import { formatBlocks, imageFault, type BlockIndex } from '../../core/bundle/block-index.js';
import type { Manifest } from '../../core/bundle/manifest.js';
import { FULL_SIGNATURE, signatureOf, signedBy } from '../../core/bundle/members.js';
import { SluiceError } from '../../core/errors.js';
import { FileSource } from '../../host/node/sources/file-source.js';
import type { Abort, Platform } from '../../core/platform.js';
import type { KeyStore } from '../../core/trust/key-store.js';
import { BundleFile, refuseExisting } from './bundle-file.js';
import { copyImages } from './copy-images.js';
import type { Material } from './material.js';
import { flashOrder, frame, placeMembers, type PlacedTar } from './member-order.js';
import { proveClaim, proveFile, type Claim } from './proof.js';
import { completeSignatures, type Role, type SignatureSet, type Signer } from './signatures.js';
import type { SigningKey } from './signing-key.js';
import { type Survey, type SurveyedImage, survey } from './survey.js';
import { SystemSigner } from './system-signer.js';

/** What to pack and by which keys. */
export interface PackOptions {
  readonly platform: Platform;
  readonly material: Material;
  /** Private key of the bundle's publickey; null when its signatures are all there. */
  readonly key: SigningKey | null;
  /** Private key that signs MANIFEST and publickey; null when it is `key`. */
  readonly systemKey: SigningKey | null;
  /** The keys of the boards that the bundle is for; null when they are those that sign it. */
  readonly keys: KeyStore | null;
  /** Signatures made elsewhere, by member name. */
  readonly signatures: ReadonlyMap<string, Uint8Array>;
  /** Whether members are signed that have no signature in a bundle that is signed. */
  readonly signMissing: boolean;
  /** Bytes of a block of the index; null for the usual one. */
  readonly blockSize: number | null;
  /** Null for none, or that of the BLOCKS that is there already. */
  readonly securityVersion: number | null;
  readonly signal?: Abort | undefined;
}

/** Where a member comes from: it was there, it was made here, or it was given as a file (`--signatures`). */
export type Origin = 'kept' | 'made' | 'given';

/** What was packed. */
export interface PackReport {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly identity: string;
  readonly manifest: Manifest;
  readonly index: BlockIndex;
  /** In the order of the tarball; sizes and offsets in bytes. */
  readonly members: readonly {
    readonly name: string;
    readonly offset: number;
    readonly size: number;
    readonly origin: Origin;
  }[];
  /** KeyType of the key that vouches for it. */
  readonly key: string | null;
}

/** Everything that goes into the tarball, proven as far as it is signed. */
export interface Prepared {
  readonly survey: Survey;
  readonly index: BlockIndex;
  readonly blocks: Uint8Array;
  readonly signatures: SignatureSet;
  readonly keys: KeyStore;
}

/**
 * Reads the material, signs what is not signed yet as far as there are keys, and checks all signatures.
 *
 * @param complete - whether to insist that nothing is left to be signed
 * @throws SluiceError ERR_USAGE_*, ERR_SOURCE_*, ERR_BUNDLE_*, ERR_TRUST_*
 */
export async function prepare(options: PackOptions, complete: boolean): Promise<Prepared> {
  const { platform, material, key, signal, signatures: given } = options;
  checkBlockSize(options.blockSize);
  const found = await survey(material, platform, options.blockSize, signal);
  refuseOverlap(found, material);
  const { manifest, scheme, texts } = found;
  const publicPem = texts.get('publickey') as Uint8Array;
  key?.requireHalfOf(publicPem, `the publickey of ${material.name}`);

  const { index, blocks } = indexOf(found, options);
  const system = await SystemSigner.choose(options, publicPem, scheme, manifest);
  const signers: Record<Role, Signer> = { system, image: { key, scheme } };
  const old = merge(found.signatures, given);
  refuseStray(found, old);
  const signatures = completeSignatures(found, old, blocks, signers);
  if (complete) refuseUnsigned(signatures);
  if (!options.signMissing) refuseTaken(found, material, signatures);
  const claim: Claim = { survey: found, index, blocks, signatures: signatures.all };
  await system.explain(() => proveClaim(platform, system.keys, claim, complete));
  return { survey: found, index, blocks, signatures, keys: system.keys };
}

/**
 * Makes the tarball `path`.
 *
 * @param force - replace a file that is there
 * @throws SluiceError ERR_USAGE_*, ERR_SOURCE_*, ERR_BUNDLE_*, ERR_TRUST_*; there is no new file then, and an old
 * one is as it was
 */
export async function pack(options: PackOptions, path: string, force: boolean): Promise<PackReport> {
  refuseExisting(path, force);
  const prepared = await prepare(options, true);
  const { survey: found, blocks, signatures, index, keys } = prepared;
  const sizes = new Map([...found.images].map(([name, image]) => [name, image.index.size]));
  const { texts, otherSignatures } = found;
  const tar = placeMembers({ texts, blocks, signatures: signatures.all, otherSignatures, images: sizes });
  const file = BundleFile.create(path, force);
  try {
    for (const [offset, bytes] of frame(tar)) file.write(offset, bytes);
    const places = new Map(tar.members.map(({ name, offset }) => [name, offset]));
    const put = (image: string, at: number, bytes: Uint8Array): void =>
      file.write((places.get(image) as number) + at, bytes);
    await copyImages(options.material, sizes, put, options.signal);
    file.flush();
    const { identity, proof } = await checkFile(options, keys, file.temporary, tar);
    file.commit();
    const members = tar.members.map(({ name, offset, size }) => ({
      name,
      offset,
      size,
      origin: originOf(name, prepared, options),
    }));
    return { path, size: tar.size, identity, manifest: found.manifest, index, members, key: proof.key };
  } finally {
    file.discard();
  }
}

async function checkFile(options: PackOptions, keys: KeyStore, path: string, tar: PlacedTar) {
  const fd = openSync(path, 'r');
  try {
    return await proveFile(options.platform, keys, new FileSource(fd, path, tar.size), options.signal);
  } finally {
    closeSync(fd);
  }
}

/** The index of the images, and its text; what is there already must say the same. */
function indexOf(found: Survey, options: PackOptions): { index: BlockIndex; blocks: Uint8Array } {
  const { manifest, images, blocks: old } = found;
  if (manifest.machine === null) {
    throw new SluiceError('ERR_BUNDLE_MANIFEST', 'MANIFEST has no MachineName, which the block index needs', {
      member: 'MANIFEST',
    });
  }
  const index: BlockIndex = {
    machine: manifest.machine,
    version: manifest.version,
    securityVersion: options.securityVersion ?? old?.index.securityVersion ?? null,
    images: new Map(
      flashOrder(images.keys()).map((name) => [name, (images.get(name) as SurveyedImage).index]),
    ),
  };
  const blocks = formatBlocks(index);
  if (old === null || options.platform.equal(old.text, blocks)) return { index, blocks };
  throw new SluiceError(
    'ERR_TRUST_INDEX',
    'the BLOCKS that is there already is not the index of these images with these options',
    { member: 'BLOCKS' },
  );
}

function checkBlockSize(blockSize: number | null): void {
  if (blockSize === null) return;
  const fault = imageFault({ member: WHOLE_CHIP_IMAGE, partition: WHOLE_CHIP, size: 1, blockSize });
  if (fault !== null) throw new SluiceError('ERR_USAGE_OPTION', fault);
}

/** Signatures of both places; one that is in both must be the same. */
function merge(
  own: ReadonlyMap<string, Uint8Array>,
  given: ReadonlyMap<string, Uint8Array>,
): Map<string, Uint8Array> {
  const all = new Map(own);
  for (const [name, bytes] of given) {
    const old = all.get(name);
    if (old !== undefined && Buffer.compare(old, bytes) !== 0) {
      throw new SluiceError(
        'ERR_BUNDLE_TAR_DUPLICATE',
        `${name} is there already, and the one that is given beside it is another`,
        { member: name },
      );
    }
    all.set(name, bytes);
  }
  return all;
}

/** A signature whose member is not there: something was taken out. */
function refuseStray({ texts, images }: Survey, signatures: ReadonlyMap<string, Uint8Array>): void {
  for (const name of signatures.keys()) {
    const member = signedBy(name) ?? name;
    if (texts.has(member) || images.has(member) || member === 'BLOCKS' || name === FULL_SIGNATURE) continue;
    throw new SluiceError('ERR_BUNDLE_MEMBER_MISSING', `there is ${name} but no ${member}`, { member });
  }
}

/**
 * In a signed bundle a missing signature may have been removed by an attacker: the packer does not replace it. The packer
 * signs only the index, and the content of a folder without any signature.
 */
function refuseTaken(found: Survey, material: Material, { made, unsigned }: SignatureSet): void {
  if (!material.isBundle && found.signatures.size === 0) return;
  const signs = new Set([...made, ...unsigned.map(({ member }) => signatureOf(member))]);
  if (found.blocks === null) signs.delete(signatureOf('BLOCKS'));
  const [first] = signs;
  if (first === undefined) return;
  throw new SluiceError(
    'ERR_TRUST_SIGNATURE_MISSING',
    `${material.name} has no ${[...signs].join(', ')}, which may have been taken out; check the members, then sign them with --sign-missing`,
    { member: signedBy(first) ?? first },
  );
}

/** No flash takes an image of the whole chip together with one of its parts, which the deploy folder of a build has. */
function refuseOverlap({ images }: Survey, { name }: Material): void {
  const parts = CHIP_PARTITIONS.filter((partition) => images.has(imageOf(partition)));
  if (parts.length === 0 || !images.has(WHOLE_CHIP_IMAGE)) return;
  throw new SluiceError(
    'ERR_BUNDLE_LAYOUT',
    `${name} has ${WHOLE_CHIP_IMAGE}, which is the whole chip, and images of its parts; with --images DIR, pack the parts with --only ${parts.join(',')}, or the chip with --only ${WHOLE_CHIP}`,
    { member: WHOLE_CHIP_IMAGE },
  );
}

function refuseUnsigned({ unsigned }: SignatureSet): void {
  if (unsigned.length === 0) return;
  const names = unsigned.map(({ member }) => member).join(', ');
  const system = unsigned.every(({ role }) => role === 'system');
  throw new SluiceError(
    'ERR_TRUST_SIGNATURE_MISSING',
    `no signature, and no ${system ? 'system ' : ''}key to make it with, for ${names}`,
    { member: unsigned[0]?.member },
  );
}

function originOf(name: string, { survey: found, signatures }: Prepared, options: PackOptions): Origin {
  if (signatures.made.has(name) || (name === 'BLOCKS' && found.blocks === null)) return 'made';
  return options.signatures.has(name) && !found.signatures.has(name) ? 'given' : 'kept';
}
