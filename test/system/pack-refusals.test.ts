import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { formatManifest } from '../../src/core/bundle/manifest.js';
import { FolderMaterial } from '../../src/tools/pack/material.js';
import type { PackOptions } from '../../src/tools/pack/pack.js';
import { SigningKey } from '../../src/tools/pack/signing-key.js';
import { writeToSign } from '../../src/tools/pack/to-sign.js';
import { platform } from '../kit/update-kit.js';
import {
  FULL_SIGNED,
  makeKeyStore,
  makeStockBundle,
  scratch,
  smallImages,
  type StockBundleOptions,
} from './stock-bundle.js';
import { sluice } from './run.js';
import { makeKey, openssl } from '../kit/keys.js';

const shared = scratch(t);
const key = makeKey(shared, 'key');
const stranger = makeKey(shared, 'stranger');

/** Packs, and asserts the code, the exit code and that nothing was left behind. */
async function refuses(
  t: Test,
  dir: string,
  args: readonly string[],
  code: string,
  exit: number,
): Promise<string> {
  mkdirSync(join(dir, 'out'), { recursive: true });
  const before = readdirSync(join(dir, 'out'));
  const run = await sluice(['pack', ...args, '--json']);
  t.match([run.code, run.json.code], [exit, code], run.json.message);
  t.same(readdirSync(join(dir, 'out')), before, 'nothing was left behind');
  return run.json.message as string;
}

function unpack(path: string, folder: string): string {
  mkdirSync(folder);
  execFileSync('tar', ['-xf', path, '-C', folder]);
  return folder;
}

/** Flips the last bit of a file. */
const flip = (name: string) => (files: Map<string, Buffer>) => {
  const bytes = files.get(name) as Buffer;
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
};

const DAMAGED: readonly [string, StockBundleOptions, code: string, exit: number][] = [
  ['an image that is not the signed one', { damage: flip('image-rofs') }, 'ERR_TRUST_SIGNATURE', 3],
  ['a wrong signature of an image', { damage: flip('image-kernel.sig') }, 'ERR_TRUST_SIGNATURE', 3],
  ['a wrong signature of MANIFEST', { damage: flip('MANIFEST.sig') }, 'ERR_TRUST_SIGNATURE', 3],
  ['a wrong signature of publickey', { damage: flip('publickey.sig') }, 'ERR_TRUST_SIGNATURE', 3],
  ['a wrong image-full.sig', { damage: flip('image-full.sig') }, 'ERR_TRUST_SIGNATURE', 3],
  ['a missing MANIFEST', { without: ['MANIFEST'] }, 'ERR_BUNDLE_MEMBER_MISSING', 4],
  ['a missing publickey', { without: ['publickey'] }, 'ERR_BUNDLE_MEMBER_MISSING', 4],
  ['an image that is gone', { without: ['image-rwfs'] }, 'ERR_BUNDLE_MEMBER_MISSING', 4],
  ['no image at all', { images: {} }, 'ERR_BUNDLE_EMPTY', 4],
  ['a MANIFEST without machine', { machine: null }, 'ERR_BUNDLE_MANIFEST', 4],
  ['a MANIFEST without version', { manifest: { version: null } }, 'ERR_BUNDLE_MANIFEST', 4],
  ['a MANIFEST without hash', { manifest: { HashType: null } }, 'ERR_TRUST_HASH', 3],
  ['MD5', { manifest: { HashType: 'RSA-MD5' } }, 'ERR_TRUST_HASH', 3],
  ['another purpose', { manifest: { purpose: 'xyz.Host' } }, 'ERR_TRUST_PURPOSE', 3],
  ['a member that no bundle has', { images: { 'image-Kernel': Buffer.of(1) } }, 'ERR_BUNDLE_MEMBER', 4],
];

t.test('a stock tarball with something wrong is refused by its code', async (t) => {
  for (const [what, options, code, exit] of DAMAGED) {
    const dir = scratch(t);
    const stock = makeStockBundle(dir, { key, ...options });
    t.comment(what);
    const out = join(dir, 'out', 'update.tar');
    await refuses(t, dir, [stock.path, '--key', key.path, '--out', out], code, exit);
  }
});

t.test('an image-full.sig that was made before an image came in is not made anew', async (t) => {
  const dir = scratch(t);
  const { 'image-kernel': kernel, ...images } = smallImages();
  const damage = (files: Map<string, Buffer>) => void files.set('image-kernel', kernel as Buffer);
  const stock = makeStockBundle(dir, { key, images, damage });
  const out = join(dir, 'out', 'update.tar');
  await refuses(t, dir, [stock.path, '--key', key.path, '--out', out], 'ERR_TRUST_SIGNATURE', 3);
});

t.test('what a signature was taken from is signed only if that is asked for', async (t) => {
  const stripped: readonly (readonly string[])[] = [
    ['image-kernel.sig', 'image-full.sig'],
    ['image-full.sig'],
    ['MANIFEST.sig', 'image-full.sig'],
    [...FULL_SIGNED.map((name) => `${name}.sig`), 'image-full.sig'],
  ];
  for (const without of stripped) {
    const dir = scratch(t);
    const stock = makeStockBundle(dir, {
      key,
      without,
      damage: (files) =>
        void (without[0] === 'image-kernel.sig' && files.set('image-kernel', Buffer.from('evil'))),
    });
    const out = join(dir, 'out', 'update.tar');
    const unpacked = unpack(stock.path, join(dir, 'unpacked'));
    for (const args of [[stock.path], ['--images', unpacked]]) {
      // A folder without any signature is what a build has left.
      if (without.length > 2 && args.length > 1) continue;
      const message = await refuses(
        t,
        dir,
        [...args, '--key', key.path, '--out', out],
        'ERR_TRUST_SIGNATURE_MISSING',
        3,
      );
      for (const name of without)
        if (name !== 'image-bmc.sig' && name !== 'image-hostfw.sig') t.match(message, name);
      const told = [
        'pack',
        ...args,
        '--key',
        key.path,
        '--sign-missing',
        '--force',
        '--out',
        join(dir, 'told.tar'),
      ];
      t.equal((await sluice(told)).code, 0);
    }
  }
  const dir = scratch(t);
  const { path } = makeStockBundle(dir, { key });
  const out = join(dir, 'out', 'update.tar');
  t.equal((await sluice(['pack', path, '--key', key.path, '--out', join(dir, 'proven.tar')])).code, 0);
  const unpacked = unpack(join(dir, 'proven.tar'), join(dir, 'unpacked'));
  rmSync(join(unpacked, 'BLOCKS.sig'));
  execFileSync('sh', ['-ec', 'tar -cf ../cut.tar *'], { cwd: unpacked });
  const args = [join(dir, 'cut.tar'), '--key', key.path, '--out', out];
  t.match(await refuses(t, dir, args, 'ERR_TRUST_SIGNATURE_MISSING', 3), /BLOCKS\.sig/);
});

t.test('files to be signed are there whole, or not at all', async (t) => {
  const dir = scratch(t);
  const folder = join(dir, 'images');
  const hsm = join(dir, 'hsm');
  mkdirSync(folder);
  for (const [name, bytes] of Object.entries(smallImages())) writeFileSync(join(folder, name), bytes);
  const { publicPem } = SigningKey.read(key.path);
  const hashType = 'RSA-SHA256';
  const purpose = 'xyz.openbmc_project.Software.Version.VersionPurpose.BMC';
  const manifest = formatManifest({
    purpose,
    version: '1',
    machine: 'm',
    hashType,
    keyType: null,
    extendedVersion: null,
  });
  const material = new FolderMaterial(folder, new Map([['MANIFEST', manifest]]), { publickey: publicPem });
  let asked = 0;
  const options = (stopAt: number): PackOptions => ({
    platform,
    material,
    key: null,
    systemKey: null,
    keys: null,
    signatures: new Map(),
    signMissing: false,
    blockSize: null,
    securityVersion: null,
    signal: {
      get aborted() {
        return ++asked >= stopAt;
      },
    },
  });
  await writeToSign(options(Infinity), join(dir, 'whole'));
  const [total, files] = [asked, readdirSync(join(dir, 'whole'))];
  t.same(files.sort(), [
    'BLOCKS',
    'MANIFEST',
    ...Object.keys(smallImages()).sort(),
    'publickey',
    'to-sign.txt',
  ]);
  for (const stopAt of [total, total - 1, total >> 1]) {
    asked = 0;
    await t.rejects(writeToSign(options(stopAt), hsm), { code: 'ERR_SESSION_INTERRUPTED' });
    t.same(existsSync(hsm) ? readdirSync(hsm) : [], [], `stopped at ${stopAt} of ${total}`);
  }
  asked = 0;
  await writeToSign(options(Infinity), hsm);
  t.same(readdirSync(hsm).sort(), files, 'and the next try finds an empty folder');
  material.close();
});

t.test('a cut tarball and one that is none are refused', async (t) => {
  const dir = scratch(t);
  const stock = makeStockBundle(dir, { key });
  const out = join(dir, 'out', 'update.tar');
  const cut = join(dir, 'cut.tar');
  writeFileSync(cut, readFileSync(stock.path).subarray(0, 100_000));
  await refuses(t, dir, [cut, '--key', key.path, '--out', out], 'ERR_SOURCE_TRUNCATED', 4);
  await refuses(t, dir, [key.path, '--key', key.path, '--out', out], 'ERR_SOURCE_FORMAT', 4);
  await refuses(t, dir, [join(dir, 'none'), '--key', key.path, '--out', out], 'ERR_SOURCE_UNREADABLE', 4);
  await refuses(t, dir, ['-', '--key', key.path, '--out', out], 'ERR_SOURCE_UNREADABLE', 4);
});

t.test('a key that is not that of the bundle is refused before anything is written', async (t) => {
  const dir = scratch(t);
  const stock = makeStockBundle(dir, { key });
  const out = join(dir, 'out', 'update.tar');
  const encrypted = join(dir, 'encrypted.pem');
  openssl('pkcs8', '-topk8', '-in', key.path, '-passout', 'pass:x', '-out', encrypted);
  const weak = makeKey(dir, 'weak', 'rsa-1024');
  const by = (path: string) => [stock.path, '--key', path, '--out', out];
  await refuses(t, dir, by(stranger.path), 'ERR_USAGE_KEY', 2);
  t.match(await refuses(t, dir, by(encrypted), 'ERR_USAGE_KEY', 2), /encrypted/);
  await refuses(t, dir, by(key.publicPath), 'ERR_USAGE_KEY', 2);
  await refuses(t, dir, by(join(dir, 'none.pem')), 'ERR_USAGE_KEY', 2);
  await refuses(t, dir, by(weak.path), 'ERR_TRUST_KEY', 3);
  await refuses(t, dir, [stock.path, '--out', out], 'ERR_TRUST_SIGNATURE_MISSING', 3);
});

t.test('a head that an unknown system key has signed asks for --keys', async (t) => {
  const dir = scratch(t);
  const stock = makeStockBundle(dir, { key, systemKey: stranger });
  const out = join(dir, 'out', 'update.tar');
  const args = [stock.path, '--key', key.path, '--out', out];
  t.match(await refuses(t, dir, args, 'ERR_TRUST_SIGNATURE', 3), /--keys DIR/);
  const others = makeKeyStore(join(dir, 'others'), key);
  await refuses(t, dir, [...args, '--keys', others], 'ERR_TRUST_SIGNATURE', 3);
  t.equal((await sluice(['pack', ...args, '--system-key', stranger.path])).code, 0);
});

t.test('the vector of another maker asks for its private key', async (t) => {
  const dir = scratch(t);
  const vector = fileURLToPath(new URL('../fixtures/tar/good-stock.tar', import.meta.url));
  const out = join(dir, 'out', 'update.tar');
  await refuses(t, dir, [vector, '--key', key.path, '--out', out], 'ERR_USAGE_KEY', 2);
});

t.test('a file that is there is replaced by --force only, and by a whole one only', async (t) => {
  const dir = scratch(t);
  const stock = makeStockBundle(dir, { key });
  const bad = makeStockBundle(dir, { key, name: 'bad', damage: flip('image-rofs') });
  const out = join(dir, 'out', 'update.tar');
  mkdirSync(join(dir, 'out'));
  writeFileSync(out, 'precious');
  await refuses(t, dir, [stock.path, '--key', key.path, '--out', out], 'ERR_USAGE_EXISTS', 2);
  await refuses(t, dir, [bad.path, '--key', key.path, '--out', out, '--force'], 'ERR_TRUST_SIGNATURE', 3);
  t.equal(readFileSync(out, 'utf8'), 'precious');
  t.equal((await sluice(['pack', stock.path, '--key', key.path, '--out', out, '--force'])).code, 0);
  t.ok(readFileSync(out).length > 400_000);
});

t.test('a place that cannot be written to leaves nothing behind', async (t) => {
  const dir = scratch(t);
  const stock = makeStockBundle(dir, { key });
  const nowhere = join(dir, 'missing', 'update.tar');
  await refuses(t, dir, [stock.path, '--key', key.path, '--out', nowhere], 'ERR_USAGE_OUTPUT', 2);
});

t.test('a BLOCKS that is there already must be the one that would be made', async (t) => {
  const dir = scratch(t);
  const stock = makeStockBundle(dir, { key });
  const proven = join(dir, 'proven.tar');
  const made = await sluice(['pack', stock.path, '--key', key.path, '--out', proven, '--block', '8192']);
  t.equal(made.code, 0, made.stderr);
  const out = join(dir, 'out', 'update.tar');
  const args = [proven, '--key', key.path, '--out', out];
  await refuses(t, dir, [...args, '--block', '65536'], 'ERR_TRUST_INDEX', 3);
  await refuses(t, dir, [...args, '--security-version', '3'], 'ERR_TRUST_INDEX', 3);
  t.equal((await sluice(['pack', ...args])).code, 0, 'and without options it says how it was made');
  t.ok(readFileSync(out).equals(readFileSync(proven)));
});

t.test('options that make no sense are refused', async (t) => {
  const dir = scratch(t);
  const stock = makeStockBundle(dir, { key });
  const signatures = join(dir, 'signatures');
  mkdirSync(signatures);
  writeFileSync(join(signatures, 'image-kernel.sig'), 'another one');
  const out = join(dir, 'out', 'update.tar');
  const args = [stock.path, '--key', key.path, '--out', out];
  await refuses(t, dir, [...args, '--block', '65537'], 'ERR_USAGE_OPTION', 2);
  await refuses(t, dir, [...args, '--block', '1k'], 'ERR_USAGE_OPTION', 2);
  await refuses(t, dir, [...args, '--security-version', '-1'], 'ERR_USAGE_OPTION', 2);
  await refuses(t, dir, [...args, '--machine', 'x'], 'ERR_USAGE_OPTION', 2);
  await refuses(t, dir, [...args, '--to-sign', dir], 'ERR_USAGE_OPTION', 2);
  await refuses(t, dir, [...args, '--images', dir], 'ERR_USAGE_ARGUMENT', 2);
  await refuses(t, dir, ['--key', key.path, '--out', out], 'ERR_USAGE_ARGUMENT', 2);
  await refuses(t, dir, [stock.path, '--key', key.path], 'ERR_USAGE_OPTION', 2);
  await refuses(t, dir, [stock.path, '--key', key.path, '--to-sign', dir], 'ERR_USAGE_OPTION', 2);
  await refuses(t, dir, [...args, '--signatures', signatures], 'ERR_BUNDLE_TAR_DUPLICATE', 4);
  const images = ['--images', stock.folder, '--key', key.path, '--out', out];
  await refuses(t, dir, [...images, '--machine', 'x'], 'ERR_USAGE_OPTION', 2);
  const manifest = ['--manifest', join(stock.folder, 'MANIFEST')];
  await refuses(t, dir, [...images, ...manifest, '--version', '1'], 'ERR_USAGE_OPTION', 2);
  symlinkSync('/dev', join(stock.folder, 'image-odd'));
  await refuses(t, dir, images, 'ERR_SOURCE_UNREADABLE', 4);
});
