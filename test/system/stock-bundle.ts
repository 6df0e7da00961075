/**
 * OpenBMC update tarballs as the build makes them, with GNU tar and openssl and nothing of the code that is
 * tested (meta-phosphor, image_types_phosphor.bbclass, make_signatures and the tar steps).
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { makeKey, openssl, writeKeyStore, type KeyFiles } from '../kit/keys.js';
import { noise } from '../kit/noise.js';

/** A folder that goes away with the test. */
export function scratch(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-system-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A key directory as /etc/activationdata, with one key in it. */
export const makeKeyStore = (
  dir: string,
  { pem }: KeyFiles,
  hashType = 'RSA-SHA256',
  type = 'OpenBMC',
): string => writeKeyStore(join(dir, 'activationdata'), type, { pem, hashType });

/** The four images of a static layout, small. */
export const smallImages = (): Record<string, Uint8Array> => ({
  'image-u-boot': noise(200_003, 1),
  'image-kernel': noise(70_001, 2),
  'image-rofs': noise(131_109, 3),
  'image-rwfs': noise(8192, 4),
});

/** The members whose signatures image-full.sig signs, in the order that the BMC has built in. */
export const FULL_SIGNED = [
  'image-bmc',
  'image-hostfw',
  'image-kernel',
  'image-rofs',
  'image-rwfs',
  'image-u-boot',
  'MANIFEST',
  'publickey',
];

export interface StockBundleOptions {
  /** By member name, in the order in which they are packed. */
  readonly images?: Record<string, Uint8Array>;
  /** Bits of the RSA keys that are made when none are given. */
  readonly keyBits?: 2048 | 3072;
  /** Signs the images; made anew by default. */
  readonly key?: KeyFiles;
  /** Signs MANIFEST and publickey; default: `key`. */
  readonly systemKey?: KeyFiles;
  readonly machine?: string | null;
  readonly version?: string;
  /** Hash of the signatures. */
  readonly hash?: 'sha256' | 'sha384' | 'sha512';
  /** Lines of MANIFEST beside the usual ones, or in their place (null leaves one out). */
  readonly manifest?: Record<string, string | null>;
  /** Order of all members; default: that of the build. */
  readonly order?: (names: string[]) => string[];
  /** Members that are made and signed, then left out of the tarball. */
  readonly without?: readonly string[];
  /** Changes the files before they are packed. */
  readonly damage?: (files: Map<string, Buffer>) => void;
  /** Arguments of GNU tar. */
  readonly tar?: readonly string[];
  readonly name?: string;
}

export interface StockBundle {
  /** The tarball. */
  readonly path: string;
  /** Folder with its members as files. */
  readonly folder: string;
  readonly key: KeyFiles;
  readonly systemKey: KeyFiles;
  /** A key directory with the public half of `systemKey`. */
  readonly keys: string;
  /** Names in the order of the tarball. */
  readonly members: readonly string[];
  readonly files: ReadonlyMap<string, Buffer>;
}

/** Makes a tarball in `dir` as the OpenBMC build does. */
export function makeStockBundle(dir: string, options: StockBundleOptions = {}): StockBundle {
  const name = options.name ?? 'stock';
  const folder = join(dir, name);
  mkdirSync(folder, { recursive: true });
  const key = options.key ?? makeKey(dir, `${name}-key`, options.keyBits === 3072 ? 'rsa-3072' : 'rsa-2048');
  const systemKey = options.systemKey ?? key;
  const hash = options.hash ?? 'sha256';
  const hashType = `RSA-${hash.toUpperCase()}`;
  const files = new Map<string, Buffer>(
    Object.entries(options.images ?? smallImages()).map(([member, bytes]) => [member, Buffer.from(bytes)]),
  );
  const lines: Record<string, string | null> = {
    purpose: 'xyz.openbmc_project.Software.Version.VersionPurpose.BMC',
    version: options.version ?? '2.19.0-dev-123-gabcdef012',
    BuildId: '20260101000000',
    KeyType: 'OpenBMC',
    HashType: hashType,
    MachineName: options.machine === undefined ? 'quanta-q71l' : options.machine,
    ...options.manifest,
  };
  const text = Object.entries(lines).filter(([, value]) => value !== null);
  files.set('MANIFEST', Buffer.from(text.map(([field, value]) => `${field}=${value}\n`).join('')));
  files.set('publickey', openssl('pkey', '-pubin', '-in', key.publicPath));

  const put = (member: string, bytes: Buffer): void => {
    files.set(member, bytes);
    writeFileSync(join(folder, member), bytes);
  };
  const sign = (member: string, by: KeyFiles): Buffer =>
    openssl('dgst', `-${hash}`, '-sign', by.path, join(folder, member));
  const signed = [...files.keys()];
  for (const [member, bytes] of files) writeFileSync(join(folder, member), bytes);
  for (const member of signed) {
    put(`${member}.sig`, sign(member, ['MANIFEST', 'publickey'].includes(member) ? systemKey : key));
  }
  const full = FULL_SIGNED.flatMap((member) => files.get(`${member}.sig`) ?? []);
  writeFileSync(join(folder, 'image-full'), Buffer.concat(full));
  put('image-full.sig', sign('image-full', key));
  rmSync(join(folder, 'image-full'));

  options.damage?.(files);
  for (const [member, bytes] of files) writeFileSync(join(folder, member), bytes);
  for (const member of options.without ?? []) {
    files.delete(member);
    rmSync(join(folder, member), { force: true });
  }
  const names = [...files.keys()];
  const members = options.order?.(names) ?? names;
  const path = join(dir, `${name}.tar`);
  execFileSync('tar', [...(options.tar ?? ['-h']), '-cf', path, '-C', folder, ...members]);
  return {
    path,
    folder,
    key,
    systemKey,
    keys: makeKeyStore(join(dir, `${name}-board`), systemKey, hashType),
    members,
    files,
  };
}
