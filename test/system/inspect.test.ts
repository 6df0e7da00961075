import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { join } from 'node:path';
import t from 'tap';
import { member, tarball } from '../kit/tar-maker.js';
import { makeKeyStore, makeStockBundle, scratch, smallImages } from './stock-bundle.js';
import { sluice } from './run.js';
import { noise } from '../kit/noise.js';
import { makeKey } from '../kit/keys.js';

const dir = scratch(t);
const key = makeKey(dir, 'key');
const stock = makeStockBundle(dir, { key });
const proven = join(dir, 'proven.tar');

interface Signature {
  of: string;
  state: string;
}
const states = (signatures: Signature[]): Record<string, string> =>
  Object.fromEntries(signatures.map(({ of, state }) => [of, state]));

const ALL_VALID = {
  MANIFEST: 'valid',
  publickey: 'valid',
  'image-u-boot': 'valid',
  'image-kernel': 'valid',
  'image-rofs': 'valid',
  'image-rwfs': 'valid',
  'image-full': 'valid',
};

t.before(async () => {
  const args = ['pack', stock.path, '--key', key.path, '--out', proven, '--security-version', '7'];
  const run = await sluice(args);
  if (run.code !== 0) throw new Error(run.stderr);
});

t.test('a bundle is told member by member, from a file, from a pipe and from gzip alike', async (t) => {
  const bytes = readFileSync(proven);
  const zipped = join(dir, 'proven.tar.gz');
  writeFileSync(zipped, gzipSync(bytes));
  const file = await sluice(['inspect', proven, '--keys', stock.keys, '--json']);
  t.equal(file.code, 0, file.stdout);
  const { source: _, ...document } = file.json;
  for (const run of [
    await sluice(['inspect', '-', '--keys', stock.keys, '--json'], { input: bytes }),
    await sluice(['inspect', zipped, '--keys', stock.keys, '--json']),
  ]) {
    const { source: _, ...other } = run.json;
    t.same(other, document);
  }
  for (const { name, offset, size } of document.members) {
    const expected = stock.files.get(name);
    if (expected !== undefined) t.ok(bytes.subarray(offset, offset + size).equals(expected), name);
  }
  t.match(document, {
    bundle: { kind: 'proven', machine: 'quanta-q71l', version: '2.19.0-dev-123-gabcdef012' },
    manifest: { hashType: 'RSA-SHA256', keyType: 'OpenBMC' },
    blocks: {
      securityVersion: 7,
      images: [{ member: 'image-kernel', size: 70_001, block: 65_536, blocks: 2 }],
    },
    problems: [],
  });
  t.same(states(document.signatures), { ...ALL_VALID, BLOCKS: 'valid' });
  const verify = await sluice(['verify', proven, '--keys', stock.keys, '--machine', 'any', '--json']);
  t.equal(document.bundle.identity, verify.json.bundle.identity);
});

t.test('a stock tarball is told without keys, its signatures unchecked', async (t) => {
  const run = await sluice(['inspect', stock.path, '--json']);
  t.equal(run.code, 0);
  t.equal(run.json.bundle.kind, 'stock');
  t.equal(run.json.blocks, null);
  t.ok(Object.values(states(run.json.signatures)).every((state) => state === 'present'));
  const text = await sluice(['inspect', stock.path]);
  t.match(text.stdout, /image-rofs +\d+ +131109 +image\n/);
  t.match(text.stdout, /machine +quanta-q71l\n/);
});

t.test('each bad signature is told, and the good ones behind it as well', async (t) => {
  const flip = (bytes: Buffer, at: number) => void (bytes[at] = (bytes[at] as number) ^ 1);
  const damaged = makeStockBundle(dir, {
    key,
    name: 'damaged',
    without: ['image-rwfs.sig'],
    damage: (files) => {
      flip(files.get('image-kernel') as Buffer, 5);
      flip(files.get('image-u-boot.sig') as Buffer, 5);
    },
  });
  const run = await sluice(['inspect', damaged.path, '--keys', stock.keys, '--json']);
  t.equal(run.code, 3);
  t.same(states(run.json.signatures), {
    ...ALL_VALID,
    'image-kernel': 'invalid',
    'image-u-boot': 'invalid',
    'image-rwfs': 'missing',
    'image-full': 'invalid',
  });
  t.same(run.json.problems.map(({ code, member }: Record<string, string>) => `${code} ${member}`).sort(), [
    'ERR_TRUST_SIGNATURE image-full',
    'ERR_TRUST_SIGNATURE image-kernel',
    'ERR_TRUST_SIGNATURE image-u-boot',
    'ERR_TRUST_SIGNATURE_MISSING image-rwfs',
  ]);
});

t.test('a signature by a key that nothing vouches for is not called valid', async (t) => {
  const others = makeKeyStore(join(dir, 'others'), makeKey(dir, 'stranger'));
  const run = await sluice(['inspect', proven, '--keys', others, '--json']);
  t.equal(run.code, 3);
  const judged = states(run.json.signatures);
  t.match(judged, { MANIFEST: 'invalid', publickey: 'invalid' });
  t.match(judged, { BLOCKS: 'unknown', 'image-kernel': 'unknown', 'image-full': 'unknown' });
});

t.test('a hash that MANIFEST names last is known all the same', async (t) => {
  const other = makeStockBundle(dir, { key, name: 'sha512', hash: 'sha512' });
  const run = await sluice(['inspect', other.path, '--keys', other.keys, '--json']);
  t.equal(run.code, 0, run.stdout);
  t.same(states(run.json.signatures), ALL_VALID);
});

t.test('a cut bundle is told as far as it goes', async (t) => {
  const cut = readFileSync(proven).subarray(0, 200_000);
  const run = await sluice(['inspect', '-', '--keys', stock.keys, '--json'], { input: cut });
  t.equal(run.code, 4);
  t.match(run.json.problems, [{ code: 'ERR_SOURCE_TRUNCATED' }]);
  t.equal(run.json.problems.length >= 1, true);
  t.equal(run.json.bundle.identity, null);
  const [last] = run.json.members.slice(-1);
  t.match(last, { name: 'image-rofs', size: 131_109, complete: false });
  t.match(states(run.json.signatures), { MANIFEST: 'valid', BLOCKS: 'valid', 'image-kernel': 'valid' });
  t.match(states(run.json.signatures), { 'image-rofs': 'unknown' });
});

t.test('what is wrong inside does not keep the rest from being told', async (t) => {
  const images = smallImages();
  const odd = tarball(
    member('MANIFEST', 'version=1\n'),
    member('BLOCKS', 'sluice-blocks 2\n'),
    member('README', 'hello'),
    member('image-kernel', images['image-kernel'] as Buffer),
  );
  const run = await sluice(['inspect', '-', '--json'], { input: odd });
  t.equal(run.code, 4);
  t.same(
    run.json.problems.map(({ code }: { code: string }) => code),
    ['ERR_BUNDLE_MANIFEST', 'ERR_BUNDLE_BLOCKS', 'ERR_BUNDLE_MEMBER', 'ERR_BUNDLE_MEMBER_MISSING'],
  );
  t.match(run.json.members[2], { name: 'README', kind: null, complete: true });
  t.match(run.json.members[3], { name: 'image-kernel', complete: true });
});

t.test('an image that is not the one of BLOCKS is told without any key', async (t) => {
  const bytes = readFileSync(proven);
  const { json } = await sluice(['inspect', proven, '--json']);
  const { offset } = json.members.find(({ name }: { name: string }) => name === 'image-rofs');
  bytes[offset + 1000] = (bytes[offset + 1000] as number) ^ 4;
  const run = await sluice(['inspect', '-', '--json'], { input: bytes });
  t.equal(run.code, 3);
  t.match(run.json.problems, [{ code: 'ERR_TRUST_IMAGE', member: 'image-rofs' }]);
});

t.test('something that is no bundle at all is told so', async (t) => {
  for (const [input, code] of [
    [noise(5000, 9), 'ERR_BUNDLE_TAR_HEADER'],
    [Buffer.alloc(0), 'ERR_SOURCE_TRUNCATED'],
    [Buffer.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 255, 255), 'ERR_SOURCE_GZIP'],
  ] as const) {
    const run = await sluice(['inspect', '-', '--json'], { input });
    t.match([run.code, run.json.problems[0]?.code, run.json.bundle.kind], [4, code, null]);
  }
  const none = await sluice(['inspect', join(dir, 'none'), '--json']);
  t.match([none.code, none.json.code], [4, 'ERR_SOURCE_UNREADABLE']);
});

t.test('nothing of a bundle reaches the terminal raw', async (t) => {
  const evil = '\x1b]0;pwned\x07\x9b31m';
  const bundles = [
    tarball(member(`image-${evil}`, 'x')),
    tarball(member('MANIFEST', `purpose=${evil}\nversion=${evil}\n`), member('image-kernel', 'x')),
    tarball(member('MANIFEST', 'x'), member('BLOCKS', `sluice-blocks 1\nmachine ${evil}\n`)),
    tarball(member('x', 'x', { type: evil[0] as string })),
  ];
  for (const input of bundles) {
    for (const json of [[], ['--json']]) {
      const run = await sluice(['inspect', '-', ...json], { input });
      t.equal(run.code, 4);
      t.notMatch(run.stdout + run.stderr, /[^\x0a\x20-\x7e]/);
    }
  }
});

t.test('with a flash it tells where each image would go and whether it fits', async (t) => {
  const chip = join(dir, 'chip.bin');
  await sluice(['sim', 'create', chip, '--layout', 'quanta-q71l']);
  const before = readFileSync(chip);
  const run = await sluice(['inspect', proven, '--flash', `sim:${chip}`, '--json']);
  t.equal(run.code, 0, run.stdout);
  t.same(run.json.flash[0], {
    member: 'image-kernel',
    size: 70_001,
    partition: 'kernel',
    offset: 0x80000,
    room: 0x440000,
    fits: true,
  });
  const large = makeStockBundle(dir, {
    key,
    name: 'large',
    images: { 'image-u-boot': noise(393_217, 1), 'image-odd': noise(10, 2) },
  });
  const misfit = await sluice(['inspect', large.path, '--flash', `sim:${chip}`, '--json']);
  t.equal(misfit.code, 3);
  t.match(misfit.json.flash, [
    { partition: 'u-boot', fits: false, room: 393_216 },
    { partition: 'odd', fits: false, offset: null },
  ]);
  t.match(misfit.json.problems, [{ code: 'ERR_BUNDLE_TOO_BIG' }, { code: 'ERR_BUNDLE_NO_PARTITION' }]);
  t.ok(readFileSync(chip).equals(before), 'and the chip is as it was');
});
