/**
 * The claims of docs/security.md about what is refused here and accepted upstream, what is accepted here and
 * refused upstream, and the limit that is known; a row of a table there, a case here.
 */
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { TAR_FIELDS } from '../../src/core/bundle/tar/header.js';
import type { ErrorCode } from '../../src/core/errors.js';
import { VECTORS } from './board.js';
import { sluice } from './run.js';
import {
  makeKeyStore,
  makeStockBundle,
  scratch,
  type StockBundle,
  type StockBundleOptions,
} from './stock-bundle.js';
import { noise } from '../kit/noise.js';
import { makeKey, openssl } from '../kit/keys.js';

const dir = scratch(t);
const key = makeKey(dir, 'release');
const images = {
  'image-u-boot': noise(20, 4),
  'image-kernel': noise(1000, 1),
  'image-rofs': noise(2000, 2),
  'image-rwfs': noise(10, 3),
};
const kernelOnly = { images: { 'image-kernel': images['image-kernel'] } };
let made = 0;
const bundle = (options: StockBundleOptions = {}): StockBundle =>
  makeStockBundle(dir, { images, key, name: `bundle-${made++}`, ...options });

/** The code that `verify` ends in; null when the bundle is proven. */
async function verdict(path: string, keys: string, ...more: string[]): Promise<ErrorCode | null> {
  const args = ['--keys', keys, '--machine', 'quanta-q71l', '--json', ...more];
  const { json } = await sluice(['verify', path, ...args]);
  return json.code ?? null;
}
const judge = ({ path, keys }: StockBundle, ...more: string[]): Promise<ErrorCode | null> =>
  verdict(path, keys, ...more);

/** A copy of a good bundle's tarball, changed. */
function tampered(change: (tar: Buffer) => Buffer): StockBundle {
  const one = bundle();
  writeFileSync(one.path, change(readFileSync(one.path)));
  return one;
}

/** A copy of a good bundle whose tarball GNU tar has made anew, of these files of its folder. */
function repacked(prepare: (folder: string) => string[]): StockBundle {
  const one = bundle();
  const files = prepare(one.folder);
  execFileSync('tar', ['--hard-dereference', '-cf', one.path, '-C', one.folder, ...one.members, ...files]);
  return one;
}

/** A good bundle and a key directory to which something was done. */
function withKeys(change: (store: string) => void): StockBundle {
  const one = bundle();
  change(one.keys);
  return one;
}

const filler = (tar: Buffer): Buffer => {
  const size = Number.parseInt(tar.toString('latin1', ...TAR_FIELDS.size), 8);
  tar[512 + size] = 1;
  return tar;
};

t.test('what is refused here and accepted upstream', async (t) => {
  const rows: [string, () => StockBundle, ErrorCode][] = [
    ['MANIFEST without MachineName', () => bundle({ machine: null }), 'ERR_TRUST_MACHINE_UNKNOWN'],
    [
      'a purpose other than BMC',
      () => bundle({ manifest: { purpose: 'xyz.openbmc_project.Software.Version.VersionPurpose.Host' } }),
      'ERR_TRUST_PURPOSE',
    ],
    ['SHA-1 in MANIFEST', () => bundle({ manifest: { HashType: 'RSA-SHA1' } }), 'ERR_TRUST_HASH'],
    [
      'MD5 in hashfunc',
      () => withKeys((store) => writeFileSync(join(store, 'OpenBMC', 'hashfunc'), 'HashType=RSA-MD5\n')),
      'ERR_TRUST_HASH',
    ],
    ['a weak key', () => bundle({ key: makeKey(dir, 'weak', 'rsa-1024'), systemKey: key }), 'ERR_TRUST_KEY'],
    [
      'control characters in MANIFEST',
      () => bundle({ manifest: { BuildId: '\u001b[31m' } }),
      'ERR_BUNDLE_MANIFEST',
    ],
    ['a member twice', () => repacked(() => ['MANIFEST']), 'ERR_BUNDLE_TAR_DUPLICATE'],
    [
      'a member that no bundle has',
      () => repacked((folder) => (writeFileSync(join(folder, 'README'), 'hello'), ['README'])),
      'ERR_BUNDLE_MEMBER',
    ],
    [
      'a link',
      () => repacked((folder) => (symlinkSync('MANIFEST', join(folder, 'image-extra')), ['image-extra'])),
      'ERR_BUNDLE_TAR_TYPE',
    ],
    [
      'an image that nobody has signed',
      () => repacked((folder) => (writeFileSync(join(folder, 'image-extra'), 'x'), ['image-extra'])),
      'ERR_TRUST_UNVOUCHED',
    ],
    [
      'a signature without its image',
      () =>
        repacked(
          (folder) => (
            cpSync(join(folder, 'image-rofs.sig'), join(folder, 'image-other.sig')),
            ['image-other.sig']
          ),
        ),
      'ERR_BUNDLE_MEMBER_MISSING',
    ],
    ['filler that is not zero', () => tampered(filler), 'ERR_BUNDLE_TAR_PADDING'],
    [
      'bytes behind the end',
      () => tampered((tar) => Buffer.concat([tar, Buffer.from('more')])),
      'ERR_SOURCE_TRAILING',
    ],
    [
      'no end mark',
      () => tampered((tar) => tar.subarray(0, tar.findLastIndex((byte) => byte !== 0) + 1)),
      'ERR_SOURCE_TRUNCATED',
    ],
    [
      'a stray file in the key directory',
      () => withKeys((store) => writeFileSync(join(store, 'README'), 'keys')),
      'ERR_TRUST_KEY',
    ],
    [
      'one key of several that cannot be used',
      () => withKeys((store) => mkdirSync(join(store, 'Zombie'))),
      'ERR_TRUST_KEY',
    ],
    [
      'a key that is a link',
      () =>
        withKeys(
          (store) => (
            renameSync(join(store, 'OpenBMC', 'publickey'), join(store, '..', 'moved')),
            symlinkSync(join(store, '..', 'moved'), join(store, 'OpenBMC', 'publickey'))
          ),
        ),
      'ERR_TRUST_KEY',
    ],
    [
      'a PEM with words around it',
      () => withKeys((store) => appendFileSync(join(store, 'OpenBMC', 'publickey'), 'our key\n')),
      'ERR_TRUST_KEY',
    ],
    [
      'a key for RSA-PSS only',
      () =>
        withKeys((store) =>
          writeFileSync(join(store, 'OpenBMC', 'publickey'), openssl('pkey', '-in', pss(), '-pubout')),
        ),
      'ERR_TRUST_KEY',
    ],
    [
      'a curve that is spelt out',
      () => withKeys((store) => writeFileSync(join(store, 'OpenBMC', 'publickey'), explicitCurve())),
      'ERR_TRUST_KEY',
    ],
  ];
  t.equal(await judge(bundle()), null, 'what they are made of is proven');
  for (const [what, make, code] of rows) t.equal(await judge(make()), code, what);
});

function pss(): string {
  const path = join(dir, 'pss.pem');
  openssl('genpkey', '-algorithm', 'RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', path);
  return path;
}

function explicitCurve(): Buffer {
  const path = join(dir, 'explicit.pem');
  openssl(
    'genpkey',
    '-algorithm',
    'EC',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-pkeyopt',
    'ec_param_enc:explicit',
    '-out',
    path,
  );
  return openssl('pkey', '-in', path, '-pubout');
}

t.test('a bad signature is refused whatever field mode would say: there is none', async (t) => {
  const help = (await sluice(['write', '--help'])).stdout;
  t.notMatch(help, /field/i);
  t.equal(
    await judge(
      bundle({
        key: makeKey(dir, 'foreign'),
        keyBits: 2048,
        damage: (files) => void files.set('MANIFEST', Buffer.from('purpose=x\nversion=1\n')),
      }),
    ),
    'ERR_TRUST_SIGNATURE',
  );
});

t.test('an empty signature is refused, as it is upstream', async (t) => {
  const empty = (files: Map<string, Buffer>): void => void files.set('image-rofs.sig', Buffer.alloc(0));
  t.equal(await judge(bundle({ damage: empty })), 'ERR_BUNDLE_MEMBER_SIZE');
});

t.test('what is accepted here and refused upstream', async (t) => {
  const one = bundle();
  writeFileSync(one.path, execFileSync('gzip', ['-c', one.path]));
  t.equal(await judge(one), null, 'gzip');
  const curve = makeKey(dir, 'curve', 'p-256');
  t.equal(await judge(bundle({ key: curve })), null, 'ECDSA');
});

t.test('image-full.sig binds the order of the signatures, and the set of images their names', async (t) => {
  const renamed = (from: string, to: string, options: StockBundleOptions): StockBundle => {
    const one = bundle(options);
    const names = one.members.map((name) => name.replace(from, to));
    for (const suffix of ['', '.sig'])
      renameSync(join(one.folder, from + suffix), join(one.folder, to + suffix));
    execFileSync('tar', ['-cf', one.path, '-C', one.folder, ...names]);
    return one;
  };
  const alone = renamed('image-kernel', 'image-rofs', kernelOnly);
  for (const args of [[], ['--only', 'kernel'], ['--only', 'rofs']])
    t.equal(await judge(alone, ...args), 'ERR_TRUST_PLACE', `some of the images ${args.join(' ')}`);
  t.equal(
    await judge(renamed('image-kernel', 'image-bmc', kernelOnly)),
    null,
    'a part as the whole chip: without a flash its size is unknown',
  );
  for (const name of ['image-bmc', 'image-hostfw']) {
    t.equal(await judge(renamed('image-kernel', name, {})), 'ERR_TRUST_PLACE', `${name} among the others`);
  }
  const swapped = bundle();
  for (const suffix of ['', '.sig']) {
    const [one, other] = ['image-kernel', 'image-rofs'].map((name) => join(swapped.folder, name + suffix));
    const bytes = readFileSync(one as string);
    renameSync(other as string, one as string);
    writeFileSync(other as string, bytes);
  }
  execFileSync('tar', ['-cf', swapped.path, '-C', swapped.folder, ...swapped.members]);
  t.equal(await judge(swapped), 'ERR_TRUST_SIGNATURE', 'two of the four that have changed places');
  const stock = bundle(kernelOnly);
  const out = join(dir, 'proven.tar');
  t.equal((await sluice(['pack', stock.path, '--key', key.path, '--out', out])).code, 0);
  const folder = join(dir, 'proven');
  mkdirSync(folder);
  execFileSync('tar', ['-xf', out, '-C', folder]);
  const names = execFileSync('tar', ['-tf', out]).toString().trim().split('\n');
  for (const suffix of ['', '.sig'])
    renameSync(join(folder, `image-kernel${suffix}`), join(folder, `image-rofs${suffix}`));
  execFileSync('tar', [
    '-cf',
    out,
    '-C',
    folder,
    ...names.map((name) => name.replace('image-kernel', 'image-rofs')),
  ]);
  t.equal(await verdict(out, stock.keys), 'ERR_TRUST_INDEX', 'BLOCKS names its images');
  t.equal(
    await verdict(join(VECTORS, 'good-stock.tar'), makeKeyStore(join(dir, 'other'), key)),
    'ERR_TRUST_SIGNATURE',
  );
});
