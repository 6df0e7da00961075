/** What the tests of trust/ share: keys and signatures by the openssl command line, and a feeder of bundles. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlockIndex, ImageIndex } from '../../src/core/bundle/block-index.js';
import { BlocksParser } from '../../src/core/bundle/block-index-parser.js';
import { memberKind } from '../../src/core/bundle/members.js';
import { TarReader } from '../../src/core/bundle/tar/tar-reader.js';
import type { HashName, Platform } from '../../src/core/platform.js';
import { KeyStore, systemKey } from '../../src/core/trust/key-store.js';
import type { Digests, Proof, Trust } from '../../src/core/trust/trust.js';
import {
  arrangeMembers,
  bytesOf,
  contentOf,
  indexOf,
  type BundleSigner,
  type BundleText,
} from './bundle-maker.js';
import { makeKey as newKey, openssl, type KeyFiles } from './keys.js';

const dir = mkdtempSync(join(tmpdir(), 'sluice-trust-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));

let made = 0;

/** A fresh key pair; the arguments are those of `openssl genpkey`. Two keys may have one name: test files share this. */
export const makeKey = (name: string, ...args: string[]): KeyFiles => newKey(dir, `${name}-${made++}`, args);

export const rsaKey = (name: string, bits = 2048): KeyFiles =>
  makeKey(name, '-algorithm', 'RSA', '-pkeyopt', `rsa_keygen_bits:${bits}`);
export const ecKey = (name: string, curve = 'P-256'): KeyFiles =>
  makeKey(name, '-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${curve}`);
export const edKey = (name: string): KeyFiles => newKey(dir, `${name}-${made++}`, 'ed25519');

let files = 0;
export function file(bytes: Uint8Array): string {
  const path = join(dir, `in-${files++}`);
  writeFileSync(path, bytes);
  return path;
}

const signatures = new Map<string, Buffer>();

/** `openssl dgst -sign`, once for each message; options such as `-sigopt`, `rsa_padding_mode:pss`. */
export function sign(key: KeyFiles, bytes: Uint8Array, hash = 'sha256', ...options: string[]): Buffer {
  const id = [key.path, hash, ...options, digestOf('sha256', bytes).toString('hex')].join(' ');
  const signature =
    signatures.get(id) ?? openssl('dgst', `-${hash}`, '-sign', key.path, ...options, file(bytes));
  signatures.set(id, signature);
  return signature;
}

/** `openssl pkeyutl -sign -rawin`: pure Ed25519. */
export const signPure = (key: KeyFiles, bytes: Uint8Array): Buffer =>
  openssl('pkeyutl', '-sign', '-rawin', '-inkey', key.path, '-in', file(bytes));

export const digestOf = (hash: HashName, bytes: Uint8Array): Buffer =>
  createHash(hash).update(bytes).digest();

export type Member = readonly [name: string, bytes: Uint8Array];

/** The members of a tarball in its order. */
export async function splitTar(path: string): Promise<Member[]> {
  const members: Member[] = [];
  let name = '';
  let parts: Uint8Array[] = [];
  const reader = new TarReader({
    begin: (member) => {
      name = member.name;
      parts = [];
    },
    data: (bytes) => void parts.push(bytes.slice()),
    finish: () => void members.push([name, Buffer.concat(parts)]),
  });
  await reader.write(readFileSync(path));
  await reader.end();
  return members;
}

const digestsFor = (trust: Trust, bytes: Uint8Array): Digests =>
  Object.fromEntries(trust.hashes().map((hash) => [hash, digestOf(hash, bytes)]));

/** Hands one member to a trust as the update session does. */
export async function feedOne(trust: Trust, [name, bytes]: Member): Promise<void> {
  const kind = memberKind(name);
  if (kind === 'image') {
    await trust.image(name, bytes.length, digestsFor(trust, bytes));
  } else if (kind === 'blocks') {
    const keeps = trust.keepsBlocksText;
    const digests = digestsFor(trust, bytes);
    const parser = new BlocksParser(bytes.length);
    parser.write(bytes);
    await trust.blocks(parser.end(), digests, keeps ? bytes : null);
  } else {
    await trust.member(name, bytes);
  }
}

export async function feed(trust: Trust, members: readonly Member[]): Promise<Proof> {
  for (const member of members) await feedOne(trust, member);
  return trust.finish();
}

export const BLOCK = 4096;

export const imageIndex = (member: string, bytes: Uint8Array): ImageIndex => indexOf(member, bytes, BLOCK);

export interface BundleOptions extends Pick<BundleText, 'manifest' | 'bare'> {
  readonly images: Readonly<Record<string, Uint8Array>>;
  readonly hashType?: string;
  /** Signs with the system's key, then with the bundle's. */
  readonly system: (bytes: Uint8Array) => Uint8Array;
  readonly sign: (bytes: Uint8Array) => Uint8Array;
  readonly publickey: Uint8Array;
  /** What BLOCKS says, over the truth; null for a bundle without BLOCKS. */
  readonly blocks?: Partial<BlockIndex> | null;
}

/** A bundle in the order of a proven tarball: head, index, signatures, images. */
export function makeBundle(options: BundleOptions): Member[] {
  const { images, hashType = 'RSA-SHA256', system, sign, publickey, blocks, ...text } = options;
  const contents = Object.entries(images).map(([name, bytes]) => contentOf(name, bytes));
  const signer: BundleSigner = {
    hashType,
    pem: publickey,
    sign: (content) => sign(bytesOf(content)),
    system: (content) => system(bytesOf(content)),
  };
  const kind = blocks === null ? 'signatures-first' : 'proven';
  const members = arrangeMembers(contents, signer, { ...text, kind, blockSize: BLOCK, blocks: blocks ?? {} });
  return members.map((content) => [content.name, bytesOf(content)]);
}

/** A bundle of two images, with BLOCKS (`proven`) and without (`stock`), and a store with the system key that signs it. */
export async function makeSignedBundle(platform: Platform) {
  const system = rsaKey('system');
  const bundle = rsaKey('bundle');
  const keys = new KeyStore([await systemKey(platform, 'OpenBMC', system.pem, 'RSA-SHA256')]);
  const kernel = Buffer.alloc(10_000, 'kernel');
  const rofs = Buffer.alloc(9000, 'rofs');
  const base: BundleOptions = {
    images: { 'image-kernel': kernel, 'image-rofs': rofs },
    system: (bytes) => sign(system, bytes),
    sign: (bytes) => sign(bundle, bytes),
    publickey: bundle.pem,
  };
  const proven = makeBundle(base);
  const stock = makeBundle({ ...base, blocks: null });
  return { system, bundle, keys, kernel, rofs, base, proven, stock };
}

/** The members with some replaced, or left out (null). */
export const edit = (
  members: readonly Member[],
  changes: Readonly<Record<string, Uint8Array | null>>,
): Member[] =>
  members.flatMap(([name, bytes]): Member[] => {
    const change = changes[name];
    return change === null ? [] : [[name, change ?? bytes]];
  });

export const flip = (bytes: Uint8Array, at = bytes.length - 1): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at] = copy[at]! ^ 1;
  return copy;
};

/** A shuffle that is the same in each run. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const out = [...items];
  let state = seed + 1;
  for (let i = out.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = state % (i + 1);
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}
