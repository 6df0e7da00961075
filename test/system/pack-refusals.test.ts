import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  makeKey,
  makeKeyStore,
  makeStockBundle,
  openssl,
  scratch,
  smallImages,
  type StockBundleOptions,
} from './stock-bundle.js';
import { sluice } from './run.js';

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

t.test('a cut tarball and one that is none are refused', async (t) => {
  const dir = scratch(t);
  const stock = makeStockBundle(dir, { key });
  const out = join(dir, 'out', 'update.tar');
  const cut = join(dir, 'cut.tar');
  writeFileSync(cut, readFileSync(stock.path).subarray(0, 100_000));
  await refuses(t, dir, [cut, '--key', key.path, '--out', out], 'ERR_SOURCE_TRUNCATED', 4);
  await refuses(t, dir, [key.path, '--key', key.path, '--out', out], 'ERR_BUNDLE_TAR_HEADER', 4);
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
