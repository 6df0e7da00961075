/**
 * Small signed bundles in memory, of images with any bytes: made as a list of members, so that a test can
 * change, drop or reorder some before they become a tarball.
 */
import { partitionOf } from '../../src/core/bundle/image-name.js';
import { createHash, sign, type KeyObject } from 'node:crypto';
import { formatBlocks, type ImageIndex } from '../../src/core/bundle/block-index.js';
import { FULL_ORDER } from '../../src/core/bundle/members.js';
import { tarEnd, tarHeader, tarPadding } from '../../src/core/bundle/tar/tar-writer.js';
import { keys } from './generated-bundle.js';

export const MACHINE = 'quanta-q71l';

export interface Member {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export type MakerKind = 'proven' | 'stock' | 'signatures-first';

export interface MakerOptions {
  /** Bytes of each image by the name of its partition, in the order of the tarball. */
  readonly images: Readonly<Record<string, Uint8Array>>;
  readonly kind: MakerKind;
  /** Bytes of a block in BLOCKS. @default 4096 */
  readonly blockSize?: number;
  readonly version?: string;
  readonly machine?: string;
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

/** A key pair that signs bundles; what it has signed once it need not sign again. */
export class Signer {
  readonly #signatures = new Map<string, Uint8Array>();

  constructor(
    readonly hashType: string,
    readonly pem: Uint8Array,
    readonly privateKey: KeyObject,
  ) {}

  sign(bytes: Uint8Array): Uint8Array {
    const id = sha256(bytes).toString('hex');
    const signature = this.#signatures.get(id) ?? sign('sha256', bytes, this.privateKey);
    this.#signatures.set(id, signature);
    return signature;
  }
}

/** The pair of `keys()`. */
export const rsaSigner = new Signer('RSA-SHA256', keys().pem, keys().privateKey);

/** The index entry of an image. */
export function indexOf(member: string, bytes: Uint8Array, blockSize: number): ImageIndex {
  const digests: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += blockSize)
    digests.push(sha256(bytes.subarray(at, at + blockSize)));
  return {
    member,
    partition: partitionOf(member),
    size: bytes.length,
    blockSize,
    sha256: sha256(bytes),
    digests: Buffer.concat(digests),
  };
}

function manifestText(version: string, machine: string, hashType: string): Buffer {
  return Buffer.from(
    `purpose=xyz.openbmc_project.Software.Version.VersionPurpose.BMC\nversion=${version}\n` +
      `KeyType=OpenBMC\nHashType=${hashType}\nMachineName=${machine}\n`,
  );
}

/** The members of a signed bundle, in the order of its kind. */
export function makeMembers(options: MakerOptions): Member[] {
  const { kind, blockSize = 4096, version = '2.19.0', machine = MACHINE, signer = rsaSigner } = options;
  const images = Object.entries(options.images).map(([name, bytes]) => ({ name: `image-${name}`, bytes }));
  const manifest = { name: 'MANIFEST', bytes: manifestText(version, machine, signer.hashType) };
  const publickey = { name: 'publickey', bytes: signer.pem };
  const sig = ({ name, bytes }: Member): Member => ({ name: `${name}.sig`, bytes: signer.sign(bytes) });
  const vouched = [...images, manifest, publickey];
  const full = FULL_ORDER.flatMap((name) => vouched.filter((member) => member.name === name)).map(sig);
  const fullSig = {
    name: 'image-full.sig',
    bytes: signer.sign(Buffer.concat(full.map(({ bytes }) => bytes))),
  };
  if (kind === 'stock') return [...images, manifest, publickey, ...vouched.map(sig), fullSig];
  const head = [manifest, sig(manifest), publickey, sig(publickey)];
  const tail = [...images.map(sig), fullSig, ...images];
  if (kind === 'signatures-first') return [...head, ...tail];
  const index = {
    machine,
    version,
    securityVersion: null,
    images: new Map(images.map(({ name, bytes }) => [name, indexOf(name, bytes, blockSize)])),
  };
  const blocks = { name: 'BLOCKS', bytes: formatBlocks(index) };
  return [...head, blocks, sig(blocks), ...tail];
}

/** Members as a tarball. */
export function tarOf(members: readonly Member[]): MadeBundle {
  const parts: Uint8Array[] = [];
  const places = new Map<string, Place>();
  let at = 0;
  for (const { name, bytes } of members) {
    const start = at + 512;
    places.set(name, { header: at, start, end: start + bytes.length });
    const padding = tarPadding(bytes.length);
    parts.push(tarHeader(name, bytes.length), bytes, padding);
    at = start + bytes.length + padding.length;
  }
  parts.push(tarEnd(at));
  return { bytes: Buffer.concat(parts), places };
}

/** A whole bundle. */
export const makeBundle = (options: MakerOptions): MadeBundle => tarOf(makeMembers(options));

/** Members of which one has other bytes; the signatures stay those of the old ones. */
export function withMember(members: readonly Member[], name: string, bytes: Uint8Array): Member[] {
  if (!members.some((member) => member.name === name)) throw new Error(`there is no ${name}`);
  return members.map((member) => (member.name === name ? { name, bytes } : member));
}

/** Noise that depends on the seed alone. */
export function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  return bytes;
}
