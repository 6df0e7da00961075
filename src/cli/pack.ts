import { nodePlatform } from '../host/node/platform.js';
import { readFileSync } from 'node:fs';
import { formatManifest } from '../core/bundle/manifest.js';
import { MEMBER_LIMITS } from '../core/bundle/members.js';
import { SluiceError } from '../core/errors.js';
import { systemFailure } from '../core/system-reason.js';
import { openSource } from '../host/node/sources/open-source.js';
import type { Platform } from '../core/platform.js';
import type { Command } from './command.js';
import { stdout } from './output.js';
import { FolderMaterial, readSignatures, TarMaterial, type Material } from '../tools/pack/material.js';
import { pack, type PackOptions, type PackReport } from '../tools/pack/pack.js';
import { SigningKey } from '../tools/pack/signing-key.js';
import { defaultHashType } from '../tools/pack/system-signer.js';
import { LIST, writeToSign, type ToSignReport } from '../tools/pack/to-sign.js';
import { printJson, table } from './print.js';
import { stopSignal } from './stop-signal.js';
import type { Invocation } from '../config/invocation.js';
import { namesOf } from '../config/job-options.js';
import { parseDecimal } from '../core/text.js';
import { loadKeys } from '../host/node/keys.js';

const PURPOSE = 'xyz.openbmc_project.Software.Version.VersionPurpose.BMC';

/** KeyType of a MANIFEST that is made here: the name of the key's folder on a stock board. */
const KEY_TYPE = 'OpenBMC';

/** Options that say what MANIFEST is to hold. */
const MANIFEST_OPTIONS = ['machine', 'version', 'purpose', 'hash-type'] as const;

export const command: Command = {
  name: 'pack',
  usage: 'pack [STOCK.tar] --key PEM --out FILE [options]',
  summary: 'add a signed block index to a tarball, or make a tarball of images',
  description: `Adds a signed block index to an OpenBMC update tarball (plain or gzip) and puts its members in the order in
which they are flashed. The result can be written in one pass, with each block verified before the erase. Stock
OpenBMC ignores the index and accepts the tarball. Signatures that exist are kept. If one is missing, it may have
been removed: nothing is signed unless --sign-missing is given. With --images the tarball is made of files:
image-*, and MANIFEST and publickey if they exist.

Before the result gets its name, it is verified as a board would verify it.`,
  examples: [
    'sluice pack stock.tar --key image.pem --out update.tar',
    'sluice pack stock.tar --key image.pem --keys /etc/activationdata --out update.tar',
    'sluice pack --images deploy --machine quanta-q71l --version 2.19.0 --key key.pem --out update.tar',
    'sluice pack stock.tar --to-sign hsm-in          # then sign what is in there, and',
    'sluice pack stock.tar --signatures hsm-out --out update.tar',
  ],
  options: {
    out: { value: 'FILE', help: 'the tarball to make' },
    key: { value: 'PEM', help: "private key of the bundle's publickey" },
    'system-key': { value: 'PEM', help: 'private key for MANIFEST and publickey, if it is a different key' },
    keys: {
      value: 'DIR',
      help: 'keys of the boards, <KeyType>/{publickey,hashfunc}, to verify MANIFEST.sig\nand publickey.sig with (default: the signing keys)',
    },
    images: { value: 'DIR', help: 'make the tarball of the files in DIR' },
    manifest: { value: 'FILE', help: 'MANIFEST (with --images; default DIR/MANIFEST)' },
    publickey: { value: 'FILE', help: 'publickey (with --images; default DIR/publickey, or that of --key)' },
    machine: { value: 'NAME', help: 'make MANIFEST: MachineName' },
    version: { value: 'VERSION', help: 'make MANIFEST: version' },
    purpose: { value: 'PURPOSE', help: 'make MANIFEST: purpose (default ...VersionPurpose.BMC)' },
    'hash-type': {
      value: 'NAME',
      help: 'make MANIFEST: HashType (default by the key: RSA-SHA256, SHA256,\nSHA384 or Ed25519-SHA512)',
    },
    signatures: { value: 'DIR', help: 'take signatures (*.sig) from DIR' },
    'to-sign': { value: 'DIR', help: `write what has no signature yet and a list (${LIST}) to DIR` },
    only: { value: 'NAMES', help: 'with --images: take the images of these partitions only' },
    'sign-missing': {
      help: 'sign what has no signature in a bundle that is signed; check first who removed it',
    },
    block: { value: 'BYTES', help: 'block size of the index (default 65536)' },
    'security-version': { value: 'N', help: 'security version, against rollback' },
    force: { help: 'replace FILE' },
  },
  arity: [0, 1],
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const out = invocation.option('out');
  const folder = invocation.option('to-sign');
  if ((out === undefined) === (folder === undefined)) {
    throw new SluiceError('ERR_USAGE_OPTION', 'say --out FILE, or --to-sign DIR');
  }
  if (folder !== undefined && (invocation.has('key') || invocation.has('system-key'))) {
    throw new SluiceError('ERR_USAGE_OPTION', '--to-sign is for keys that are elsewhere: it takes no --key');
  }
  const options = await packOptions(invocation);
  try {
    if (folder !== undefined) printToSign(await writeToSign(options, folder), invocation.has('json'));
    if (out !== undefined) {
      printReport(await pack(options, out, invocation.has('force')), invocation.has('json'));
    }
  } finally {
    options.material.close();
  }
  return 0;
}

async function packOptions(invocation: Invocation): Promise<PackOptions> {
  const signal = stopSignal(true);
  const [blockSize, securityVersion] = [whole(invocation, 'block'), whole(invocation, 'security-version')];
  const key = keyOf(invocation, 'key');
  const systemKey = keyOf(invocation, 'system-key');
  const platform = await nodePlatform();
  const store = invocation.option('keys');
  const keys = store === undefined ? null : await loadKeys(store, platform);
  const folder = invocation.option('signatures');
  const signatures = folder === undefined ? new Map<string, Uint8Array>() : await readSignatures(folder);
  const material = await materialOf(invocation, platform, key);
  const signMissing = invocation.has('sign-missing');
  return {
    platform,
    material,
    key,
    systemKey,
    keys,
    signatures,
    signMissing,
    blockSize,
    securityVersion,
    signal,
  };
}

async function materialOf(
  invocation: Invocation,
  platform: Platform,
  key: SigningKey | null,
): Promise<Material> {
  const [tarball] = invocation.arguments;
  const folder = invocation.option('images');
  if ((tarball === undefined) === (folder === undefined)) {
    throw new SluiceError('ERR_USAGE_ARGUMENT', 'pack takes a tarball, or --images DIR');
  }
  if (folder !== undefined) return folderOf(invocation, folder, key);
  const stray = ['manifest', 'publickey', 'only', ...MANIFEST_OPTIONS].find((name) => invocation.has(name));
  if (stray !== undefined) {
    throw new SluiceError('ERR_USAGE_OPTION', `--${stray} goes with --images; a tarball has its own`);
  }
  return new TarMaterial(await openSource(tarball as string), platform);
}

function folderOf(invocation: Invocation, folder: string, key: SigningKey | null): FolderMaterial {
  const texts = new Map<string, Uint8Array>();
  const manifest = manifestOf(invocation, key);
  if (manifest !== null) texts.set('MANIFEST', manifest);
  const publickey = invocation.option('publickey');
  if (publickey !== undefined) texts.set('publickey', readText(publickey, MEMBER_LIMITS.publickey));
  const only = namesOf(invocation, 'only');
  return new FolderMaterial(folder, texts, { publickey: key?.publicPem, only });
}

/** MANIFEST from a file or made of options; null to take the folder's. */
function manifestOf(invocation: Invocation, key: SigningKey | null): Uint8Array | null {
  const file = invocation.option('manifest');
  const given = MANIFEST_OPTIONS.filter((name) => invocation.has(name));
  if (file !== undefined) {
    if (given.length === 0) return readText(file, MEMBER_LIMITS.manifest);
    throw new SluiceError('ERR_USAGE_OPTION', `--${given[0]} and --manifest exclude each other`);
  }
  if (given.length === 0) return null;
  const [machine, version] = [invocation.option('machine'), invocation.option('version')];
  const hashType =
    invocation.option('hash-type') ?? (key === null ? undefined : defaultHashType(key.publicKey));
  if (machine === undefined || version === undefined || hashType === undefined) {
    throw new SluiceError(
      'ERR_USAGE_OPTION',
      'a MANIFEST is made of --machine, --version and, without --key, --hash-type',
    );
  }
  const purpose = invocation.option('purpose') ?? PURPOSE;
  return formatManifest({ purpose, version, machine, hashType, keyType: KEY_TYPE, extendedVersion: null });
}

function keyOf(invocation: Invocation, name: string): SigningKey | null {
  const path = invocation.option(name);
  return path === undefined ? null : SigningKey.read(path);
}

function readText(path: string, limit: number): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw systemFailure('ERR_SOURCE_UNREADABLE', `cannot read ${path}`, cause);
  }
  if (bytes.length <= limit) return bytes;
  throw new SluiceError('ERR_BUNDLE_MEMBER_SIZE', `${path} has more than ${limit} bytes`);
}

function whole(invocation: Invocation, name: string): number | null {
  const text = invocation.option(name);
  const value = text === undefined ? null : parseDecimal(text);
  if (text === undefined || value !== null) return value;
  throw new SluiceError('ERR_USAGE_OPTION', `--${name} takes a whole number, not ${text}`);
}

function printReport(report: PackReport, json: boolean): void {
  const { path, size, identity, manifest, index, members, key } = report;
  const { version, machine, hashType } = manifest;
  const { securityVersion } = index;
  if (json) {
    const images = [...index.images.values()].map((image) => ({
      member: image.member,
      partition: image.partition,
      size: image.size,
      block: image.blockSize,
      blocks: image.digests.length / 32,
      sha256: Buffer.from(image.sha256).toString('hex'),
    }));
    const bundle = { identity, kind: 'proven', version, machine, securityVersion, hashType };
    printJson({ path, size, bundle, trust: { key }, members, images });
    return;
  }
  const out = (line: string) => stdout().write(`${line}\n`);
  out(`${path}: proven tarball of ${size} bytes, version ${version}, machine ${machine}, key ${key}`);
  out(`  ${identity}`);
  const rows = members.map(({ name, offset, size, origin }) => [name, offset, size, origin]);
  for (const line of table([['member', 'offset', 'bytes', 'origin'], ...rows])) out(`  ${line}`);
}

function printToSign(report: ToSignReport, json: boolean): void {
  const { folder, files, again } = report;
  if (json) {
    printJson(report);
    return;
  }
  const out = (line: string) => stdout().write(`${line}\n`);
  out(`${folder}: ${files.length} files to sign, listed in ${LIST}`);
  const rows = files.map(({ file, key, scheme, digest }) => [file, key, scheme, digest]);
  for (const line of table([['file', 'key', 'scheme', 'digest'], ...rows])) out(`  ${line}`);
  out(
    files.length === 0
      ? 'nothing is left to be signed: pack it with the same --signatures and --out FILE'
      : 'put the signature of FILE into another folder as FILE.sig and give that as --signatures',
  );
  if (again) out('then say --to-sign DIR once more: image-full is made of these signatures');
}
