/** What the tests of trust/ share: keys and signatures by the openssl command line, and a feeder of bundles. */
import { partitionOf } from '../../src/core/bundle/image-name.js';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatBlocks, type BlockIndex, type ImageIndex } from '../../src/core/bundle/block-index.js';
import { BlocksParser } from '../../src/core/bundle/block-index-parser.js';
import { FULL_ORDER, memberKind } from '../../src/core/bundle/members.js';
import { TarReader } from '../../src/core/bundle/tar/tar-reader.js';
import type { HashName } from '../../src/core/platform.js';
import type { Digests, Proof, Trust } from '../../src/core/trust/trust.js';

const dir = mkdtempSync(join(tmpdir(), 'sluice-trust-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));

export const openssl = (...args: string[]): Buffer =>
  execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });

export interface TestKey {
  readonly path: string;
  readonly pem: Buffer;
}

let keys = 0;

/** A fresh key pair; the arguments are those of `openssl genpkey`. Two keys may have one name: test files share this. */
export function makeKey(name: string, ...args: string[]): TestKey {
  const path = join(dir, `${name}-${keys++}.pem`);
  openssl('genpkey', ...args, '-out', path);
  return { path, pem: openssl('pkey', '-in', path, '-pubout') };
}

export const rsaKey = (name: string, bits = 2048): TestKey =>
  makeKey(name, '-algorithm', 'RSA', '-pkeyopt', `rsa_keygen_bits:${bits}`);
export const ecKey = (name: string, curve = 'P-256'): TestKey =>
  makeKey(name, '-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${curve}`);
export const edKey = (name: string): TestKey => makeKey(name, '-algorithm', 'ED25519');

let files = 0;
export function file(bytes: Uint8Array): string {
  const path = join(dir, `in-${files++}`);
  writeFileSync(path, bytes);
  return path;
}

const signatures = new Map<string, Buffer>();

/** `openssl dgst -sign`, once for each message; options such as `-sigopt`, `rsa_padding_mode:pss`. */
export function sign(key: TestKey, bytes: Uint8Array, hash = 'sha256', ...options: string[]): Buffer {
  const id = [key.path, hash, ...options, digestOf('sha256', bytes).toString('hex')].join(' ');
  const signature =
    signatures.get(id) ?? openssl('dgst', `-${hash}`, '-sign', key.path, ...options, file(bytes));
  signatures.set(id, signature);
  return signature;
}

/** `openssl pkeyutl -sign -rawin`: pure Ed25519. */
export const signPure = (key: TestKey, bytes: Uint8Array): Buffer =>
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

export function imageIndex(member: string, bytes: Uint8Array): ImageIndex {
  const digests: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += BLOCK)
    digests.push(digestOf('sha256', bytes.subarray(at, at + BLOCK)));
  return {
    member,
    partition: partitionOf(member),
    size: bytes.length,
    blockSize: BLOCK,
    sha256: digestOf('sha256', bytes),
    digests: Buffer.concat(digests),
  };
}

export interface BundleOptions {
  readonly images: Readonly<Record<string, Uint8Array>>;
  readonly manifest?: Readonly<Record<string, string | undefined>>;
  readonly hashType?: string;
  /** Signs with the system's key, then with the bundle's. */
  readonly system: (bytes: Uint8Array) => Uint8Array;
  readonly sign: (bytes: Uint8Array) => Uint8Array;
  readonly publickey: Uint8Array;
  /** What BLOCKS says, over the truth; null for a bundle without BLOCKS. */
  readonly blocks?: Partial<BlockIndex> | null;
  /** Images without a signature of their own. */
  readonly bare?: readonly string[];
}

export const PURPOSE = 'xyz.openbmc_project.Software.Version.VersionPurpose.BMC';

/** A bundle in the order of a proven tarball: head, index, signatures, images. */
export function makeBundle(options: BundleOptions): Member[] {
  const fields = {
    purpose: PURPOSE,
    version: '2.19.0',
    KeyType: 'OpenBMC',
    HashType: options.hashType ?? 'RSA-SHA256',
    MachineName: 'quanta-q71l',
    ...options.manifest,
  };
  const manifest = Buffer.from(
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  );
  const images = Object.entries(options.images);
  const signatures = new Map<string, Uint8Array>([
    ['MANIFEST', options.system(manifest)],
    ['publickey', options.system(options.publickey)],
  ]);
  for (const [name, bytes] of images) {
    if (!options.bare?.includes(name)) signatures.set(name, options.sign(bytes));
  }
  const full = Buffer.concat(FULL_ORDER.map((name) => signatures.get(name) ?? new Uint8Array(0)));
  const members: Member[] = [
    ['MANIFEST', manifest],
    ['MANIFEST.sig', signatures.get('MANIFEST')!],
    ['publickey', options.publickey],
    ['publickey.sig', signatures.get('publickey')!],
  ];
  if (options.blocks !== null) {
    const text = formatBlocks({
      machine: 'quanta-q71l',
      version: '2.19.0',
      securityVersion: null,
      images: new Map(images.map(([name, bytes]) => [name, imageIndex(name, bytes)])),
      ...options.blocks,
    });
    members.push(['BLOCKS', text], ['BLOCKS.sig', options.sign(text)]);
  }
  for (const [name] of images) {
    const signature = signatures.get(name);
    if (signature !== undefined) members.push([`${name}.sig`, signature]);
  }
  members.push(['image-full.sig', options.sign(full)]);
  return [...members, ...images];
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
