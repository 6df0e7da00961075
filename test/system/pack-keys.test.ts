import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { makeKeyStore, makeStockBundle, scratch, smallImages } from './stock-bundle.js';
import { sluice } from './run.js';
import { makeKey, openssl, type KeyKind } from '../kit/keys.js';

/** Writes the images into a folder. */
function imageFolder(dir: string): string {
  const folder = join(dir, 'deploy');
  mkdirSync(folder);
  for (const [name, bytes] of Object.entries(smallImages())) writeFileSync(join(folder, name), bytes);
  return folder;
}

interface Kind {
  readonly kind: KeyKind;
  /** Null for the one that is chosen by the key. */
  readonly hashType: string | null;
  /** What MANIFEST then says. */
  readonly said: string;
  /** openssl's check of a signature: arguments ahead of the file's name. */
  readonly check: (key: string, signature: string) => string[];
}

const dgst =
  (hash: string, ...options: string[]) =>
  (key: string, signature: string) => [
    'dgst',
    `-${hash}`,
    ...options,
    '-verify',
    key,
    '-signature',
    signature,
  ];
const PSS = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest'];
const pureEd25519 = (key: string, signature: string) => [
  'pkeyutl',
  '-verify',
  '-rawin',
  '-pubin',
  '-inkey',
  key,
  '-sigfile',
  signature,
  '-in',
];

const KINDS: readonly Kind[] = [
  { kind: 'rsa-2048', hashType: null, said: 'RSA-SHA256', check: dgst('sha256') },
  { kind: 'rsa-3072', hashType: 'RSA-SHA512', said: 'RSA-SHA512', check: dgst('sha512') },
  { kind: 'rsa-2048', hashType: 'RSA-PSS-SHA256', said: 'RSA-PSS-SHA256', check: dgst('sha256', ...PSS) },
  { kind: 'rsa-2048', hashType: 'RSA-PSS-SHA384', said: 'RSA-PSS-SHA384', check: dgst('sha384', ...PSS) },
  { kind: 'p-256', hashType: null, said: 'SHA256', check: dgst('sha256') },
  { kind: 'p-384', hashType: null, said: 'SHA384', check: dgst('sha384') },
  { kind: 'p-384', hashType: 'ECDSA-SHA256', said: 'ECDSA-SHA256', check: dgst('sha256') },
  { kind: 'ed25519', hashType: 'Ed25519', said: 'Ed25519', check: pureEd25519 },
];

for (const { kind, hashType, said, check } of KINDS) {
  t.test(`a ${kind} key signs by ${said}${hashType === null ? ' unless told otherwise' : ''}`, async (t) => {
    const dir = scratch(t);
    const key = makeKey(dir, 'key', kind);
    const out = join(dir, 'update.tar');
    const args = ['pack', '--images', imageFolder(dir), '--machine', 'quanta-q71l', '--version', '2.19.0'];
    args.push('--key', key.path, '--out', out);
    if (hashType !== null) args.push('--hash-type', hashType);
    const run = await sluice(args);
    t.equal(run.code, 0, run.stderr);
    mkdirSync(join(dir, 'out'));
    execFileSync('tar', ['-xf', out, '-C', join(dir, 'out')]);
    t.match(readFileSync(join(dir, 'out', 'MANIFEST'), 'utf8'), `HashType=${said}\n`);
    const signatures = readdirSync(join(dir, 'out')).filter((name) => name.endsWith('.sig'));
    // Pure Ed25519 cannot be checked over a stream, so BLOCKS alone vouches for the images there.
    t.equal(signatures.length, said === 'Ed25519' ? 4 : 8);
    for (const name of signatures.filter((name) => name !== 'image-full.sig')) {
      const file = join(dir, 'out', name.slice(0, -4));
      const word = spawnSync('openssl', [...check(key.publicPath, join(dir, 'out', name)), file]);
      t.equal(word.status, 0, `openssl takes ${name}: ${word.stderr}`);
    }
    const keys = makeKeyStore(dir, key, said);
    const verify = await sluice(['verify', out, '--keys', keys, '--machine', 'quanta-q71l', '--json']);
    t.equal(verify.code, 0, verify.stdout);
  });
}

t.test('an Ed25519 key signs digests by Ed25519-SHA512 unless told otherwise', async (t) => {
  const dir = scratch(t);
  const key = makeKey(dir, 'key', 'ed25519');
  const out = join(dir, 'update.tar');
  const images = imageFolder(dir);
  const args = ['pack', '--images', images, '--machine', 'any1', '--version', '1.0', '--key', key.path];
  t.equal((await sluice([...args, '--out', out])).code, 0);
  execFileSync('tar', ['-xf', out, '-C', dir, 'image-kernel.sig', 'BLOCKS.sig', 'BLOCKS']);
  for (const [file, signature] of [
    [join(images, 'image-kernel'), join(dir, 'image-kernel.sig')],
    [join(dir, 'BLOCKS'), join(dir, 'BLOCKS.sig')],
  ] as const) {
    const digest = join(dir, 'digest');
    writeFileSync(digest, openssl('dgst', '-sha512', '-binary', file));
    openssl(...pureEd25519(key.publicPath, signature), digest);
  }
});

t.test('two-level trust goes across kinds of keys', async (t) => {
  const dir = scratch(t);
  const key = makeKey(dir, 'image', 'p-256');
  const systemKey = makeKey(dir, 'system', 'rsa-3072');
  const keys = makeKeyStore(dir, systemKey, 'RSA-PSS-SHA512');
  const out = join(dir, 'update.tar');
  const images = imageFolder(dir);
  const args = ['pack', '--images', images, '--machine', 'quanta-q71l', '--version', '2.19.0', '--out', out];
  const by = ['--key', key.path, '--system-key', systemKey.path];
  t.equal((await sluice([...args, ...by, '--keys', keys])).code, 0);
  const verify = await sluice(['verify', out, '--keys', keys, '--machine', 'quanta-q71l']);
  t.equal(verify.code, 0, verify.stderr);

  const other = makeKeyStore(join(dir, 'other'), makeKey(dir, 'stranger', 'rsa-2048'));
  const refused = await sluice([...args, ...by, '--keys', other, '--force', '--json']);
  t.match(refused.json, { code: 'ERR_USAGE_KEY' }, 'a system key that the boards do not have');
});

t.test('MANIFEST, publickey and signatures of the folder, or of other files, are taken', async (t) => {
  const dir = scratch(t);
  const stock = makeStockBundle(dir);
  const out = join(dir, 'update.tar');
  const bare = imageFolder(dir);
  writeFileSync(join(bare, 'README'), 'not ours');
  const args = ['pack', '--images', bare, '--manifest', join(stock.folder, 'MANIFEST')];
  args.push('--publickey', join(stock.folder, 'publickey'), '--key', stock.key.path, '--out', out);
  const run = await sluice(args);
  t.equal(run.code, 0, run.stderr);
  const again = join(dir, 'again.tar');
  const folder = await sluice([
    'pack',
    '--images',
    stock.folder,
    '--key',
    stock.key.path,
    '--out',
    again,
    '--json',
  ]);
  t.equal(folder.code, 0, folder.stdout);
  t.ok(readFileSync(again).equals(readFileSync(out)), 'both ways give the same bytes');
  t.match(
    folder.json.members.find(({ name }: { name: string }) => name === 'image-full.sig'),
    { origin: 'kept' },
  );
});

t.test('an HSM signs what it is handed, in two rounds, and needs no key here', async (t) => {
  const dir = scratch(t);
  const key = makeKey(dir, 'hsm');
  const unsigned = ['MANIFEST', 'publickey', 'image-u-boot', 'image-kernel', 'image-rofs', 'image-rwfs'];
  const without = [...unsigned, 'image-full'].map((name) => `${name}.sig`);
  const stock = makeStockBundle(dir, { key, without });
  const signatures = join(dir, 'signed');
  mkdirSync(signatures);
  const out = join(dir, 'update.tar');

  /** What docs/formats.md tells to do with the list, with openssl in the part of the HSM. */
  const sign = (folder: string): string[] => {
    const script = `while read -r file key scheme digest; do
      openssl dgst -sha256 -sign "$1" -out "$2/$file.sig" "$file"
      test "$digest" = "$(sha256sum < "$file" | cut -c 1-64)" || exit 9
    done < to-sign.txt`;
    execFileSync('sh', ['-ec', script, 'sh', key.path, signatures], { cwd: folder });
    return readFileSync(join(folder, 'to-sign.txt'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ').slice(0, 3).join(' '));
  };

  const args = ['pack', stock.path, '--signatures', signatures];
  const early = await sluice([...args, '--out', out, '--json']);
  t.match([early.code, early.json.code], [3, 'ERR_TRUST_SIGNATURE_MISSING']);
  const untold = await sluice([...args, '--to-sign', join(dir, 'untold'), '--json']);
  t.match([untold.code, untold.json.code], [3, 'ERR_TRUST_SIGNATURE_MISSING']);
  const first = await sluice([...args, '--sign-missing', '--to-sign', join(dir, 'first'), '--json']);
  t.match([first.code, first.json.again], [0, true], first.stderr);
  t.same(sign(join(dir, 'first')), [
    'MANIFEST system RSA-SHA256',
    'publickey system RSA-SHA256',
    'BLOCKS image RSA-SHA256',
    'image-u-boot image RSA-SHA256',
    'image-kernel image RSA-SHA256',
    'image-rofs image RSA-SHA256',
    'image-rwfs image RSA-SHA256',
  ]);
  const second = await sluice([...args, '--sign-missing', '--to-sign', join(dir, 'second'), '--json']);
  t.match([second.code, second.json.again], [0, false], second.stderr);
  t.same(sign(join(dir, 'second')), ['image-full image RSA-SHA256']);
  const last = await sluice([...args, '--to-sign', join(dir, 'third'), '--json']);
  t.match([last.code, last.json.files], [0, []]);

  const packed = await sluice([...args, '--out', out, '--json']);
  t.equal(packed.code, 0, packed.stdout);
  t.equal(packed.json.members.find(({ name }: { name: string }) => name === 'BLOCKS.sig').origin, 'given');
  const direct = join(dir, 'direct.tar');
  const all = ['pack', stock.path, '--key', key.path, '--sign-missing', '--out', direct];
  t.equal((await sluice(all)).code, 0);
  t.ok(readFileSync(out).equals(readFileSync(direct)), 'the same bytes as with the key at hand');

  const full = await sluice([...args, '--sign-missing', '--to-sign', join(dir, 'second'), '--json']);
  t.match(full.json, { code: 'ERR_USAGE_EXISTS' }, 'a folder that is being signed is left alone');
  copyFileSync(join(signatures, 'image-rofs.sig'), join(signatures, 'image-kernel.sig'));
  rmSync(out);
  const wrong = await sluice([...args, '--out', out, '--json']);
  t.match([wrong.code, wrong.json.code], [3, 'ERR_TRUST_SIGNATURE']);
  t.notOk(readdirSync(dir).includes('update.tar'));
});

t.test('a stock tarball that the build has signed needs one round: BLOCKS', async (t) => {
  const dir = scratch(t);
  const stock = makeStockBundle(dir);
  const run = await sluice(['pack', stock.path, '--to-sign', join(dir, 'hsm'), '--json']);
  t.same(
    run.json.files.map(({ file }: { file: string }) => file),
    ['BLOCKS'],
  );
  t.equal(run.json.again, false);
  t.same(readdirSync(join(dir, 'hsm')).sort(), ['BLOCKS', 'to-sign.txt']);
});
