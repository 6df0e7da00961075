import t from 'tap';
import { nodePlatform } from '../../../../src/host/node/platform.js';
import type { BlockIndex } from '../../../../src/core/bundle/block-index.js';
import { OpenBmcTrust, type TrustChainOptions } from '../../../../src/core/trust/openbmc-trust.js';
import type { AcceptanceRules } from '../../../../src/core/trust/acceptance-rules.js';
import { KeyStore, systemKey } from '../../../../src/core/trust/key-store.js';
import {
  type BundleOptions,
  type Member,
  digestOf,
  ecKey,
  edKey,
  edit,
  feed,
  feedOne,
  flip,
  imageIndex,
  makeBundle,
  makeSignedBundle,
  rsaKey,
  shuffled,
  sign,
  signPure,
} from '../../../kit/trust-kit.js';

const platform = await nodePlatform();
const { system, bundle, keys, kernel, rofs, base, proven, stock } = await makeSignedBundle(platform);
const get = (members: readonly Member[], name: string): Uint8Array =>
  members.find(([other]) => other === name)![1];

const chain = (
  guard: Partial<AcceptanceRules> = {},
  options?: TrustChainOptions,
  store = keys,
): OpenBmcTrust =>
  new OpenBmcTrust(platform, store, { machine: 'quanta-q71l', ...guard }, { anyImages: true, ...options });

/** Feeds until something is refused; returns the member at which it was (`finish` for the end). */
async function refusedAt(members: readonly Member[], trust = chain()): Promise<string> {
  for (const member of members) {
    try {
      await feedOne(trust, member);
    } catch {
      return member[0];
    }
  }
  return trust.finish().then(
    () => 'nowhere',
    () => 'finish',
  );
}

/** The proven bundle with its index changed, and image-full.sig and BLOCKS.sig made anew. */
const indexed = (blocks: Partial<BlockIndex>, more: Partial<BundleOptions> = {}): Member[] =>
  makeBundle({ ...base, ...more, blocks });

t.test('a proven tarball is proven, and its index counts before the first image', async (t) => {
  const trust = chain();
  for (const member of proven) {
    await feedOne(trust, member);
    t.equal(
      trust.index !== null,
      !['MANIFEST', 'MANIFEST.sig', 'publickey', 'publickey.sig', 'BLOCKS'].includes(member[0]),
      member[0],
    );
    t.equal(trust.manifest !== null, !['MANIFEST', 'MANIFEST.sig', 'publickey'].includes(member[0]));
  }
  const proof = await trust.finish();
  t.equal(proof.key, 'OpenBMC');
  t.equal(proof.manifest?.machine, 'quanta-q71l');
  t.strictSame([...trust.index!.images.keys()], ['image-kernel', 'image-rofs']);
});

t.test('members may come in any order, but BLOCKS after the head', async (t) => {
  const head = proven.slice(0, 4);
  for (let seed = 0; seed < 12; seed++) {
    await feed(chain(), shuffled(stock, seed));
    await feed(chain(), [...shuffled(head, seed), ...shuffled(proven.slice(4), seed)]);
  }
  for (let missing = 0; missing < 4; missing++) {
    const early = [
      ...head.filter((_, i) => i !== missing),
      ...proven.slice(4, 6),
      head[missing]!,
      ...proven.slice(6),
    ];
    await t.rejects(feed(chain(), early), { code: 'ERR_BUNDLE_ORDER', member: 'BLOCKS' });
  }
});

t.test('damage in the signatures shows before the first image', async (t) => {
  for (const [name, bytes] of proven) {
    if (!name.endsWith('.sig')) continue;
    for (const at of [0, bytes.length - 1]) {
      const changed = edit(proven, { [name]: flip(bytes, at) });
      await t.rejects(feed(chain(), changed), { code: 'ERR_TRUST_SIGNATURE', member: name.slice(0, -4) });
      t.notMatch(
        await refusedAt(changed),
        /^(image-kernel|image-rofs|finish|nowhere)$/,
        `${name} byte ${at}`,
      );
    }
    await t.rejects(feed(chain(), edit(proven, { [name]: new Uint8Array(0) })), {
      code: 'ERR_TRUST_SIGNATURE_MISSING',
    });
    await t.rejects(feed(chain(), edit(proven, { [name]: new Uint8Array(4096) })), {
      code: 'ERR_TRUST_SIGNATURE',
    });
  }
});

t.test('damage in an image shows at that image', async (t) => {
  const changed = edit(proven, { 'image-kernel': flip(kernel) });
  t.equal(await refusedAt(changed), 'image-kernel');
  await t.rejects(feed(chain(), changed), { code: 'ERR_TRUST_IMAGE', member: 'image-kernel' });
  const longer = edit(proven, { 'image-kernel': Buffer.concat([kernel, Buffer.alloc(1)]) });
  await t.rejects(feed(chain(), longer), { code: 'ERR_TRUST_IMAGE' });
  const late = edit(stock, { 'image-rofs': flip(rofs) });
  await t.rejects(feed(chain(), late), { code: 'ERR_TRUST_SIGNATURE', member: 'image-rofs' });
});

t.test('what is missing is named', async (t) => {
  const table: [Member[], string, string, string | undefined][] = [
    [stock, 'MANIFEST', 'ERR_BUNDLE_MEMBER_MISSING', 'MANIFEST'],
    [stock, 'publickey', 'ERR_BUNDLE_MEMBER_MISSING', 'publickey'],
    [stock, 'MANIFEST.sig', 'ERR_TRUST_SIGNATURE_MISSING', 'MANIFEST.sig'],
    [stock, 'publickey.sig', 'ERR_TRUST_SIGNATURE_MISSING', 'publickey.sig'],
    [stock, 'image-full.sig', 'ERR_TRUST_SIGNATURE_MISSING', 'image-full'],
    [stock, 'image-rofs.sig', 'ERR_TRUST_UNVOUCHED', 'image-rofs'],
    [stock, 'image-rofs', 'ERR_BUNDLE_MEMBER_MISSING', 'image-rofs'],
    [proven, 'BLOCKS.sig', 'ERR_TRUST_SIGNATURE_MISSING', 'BLOCKS'],
    [proven, 'BLOCKS', 'ERR_BUNDLE_MEMBER_MISSING', 'BLOCKS'],
  ];
  for (const [members, name, code, member] of table) {
    await t.rejects(feed(chain(), edit(members, { [name]: null })), { code, member }, `without ${name}`);
  }
  const imageless = makeBundle({ ...base, images: {}, blocks: null });
  await t.rejects(feed(chain(), imageless), { code: 'ERR_BUNDLE_EMPTY' });
});

t.test('an image without a signature of its own is vouched for by BLOCKS only', async (t) => {
  const bare = { ...base, bare: ['image-rofs'] };
  const proof = await feed(chain(), makeBundle(bare));
  t.equal(proof.key, 'OpenBMC');
  await t.rejects(feed(chain(), makeBundle({ ...bare, blocks: null })), {
    code: 'ERR_TRUST_UNVOUCHED',
    member: 'image-rofs',
  });
});

t.test('an image that image-full.sig cannot cover needs BLOCKS, signed as it may be', async (t) => {
  const images = { ...base.images, 'image-psu': Buffer.alloc(100, 'psu') };
  await feed(chain(), makeBundle({ ...base, images }));
  await t.rejects(feed(chain(), makeBundle({ ...base, images, blocks: null })), {
    code: 'ERR_TRUST_UNVOUCHED',
    member: 'image-psu',
  });
});

t.test('an image added to a good bundle is refused, with the signature that it has elsewhere', async (t) => {
  const rwfs = Buffer.alloc(500, 'rwfs');
  const added: Member[] = [
    ['image-rwfs.sig', sign(bundle, rwfs)],
    ['image-rwfs', rwfs],
  ];
  await t.rejects(feed(chain(), [...stock, ...added]), { code: 'ERR_TRUST_SIGNATURE', member: 'image-full' });
  await t.rejects(feed(chain(), [...added, ...stock]), { code: 'ERR_TRUST_SIGNATURE', member: 'image-full' });
  await t.rejects(feed(chain(), [...proven, ...added]), { code: 'ERR_TRUST_INDEX', member: 'image-rwfs' });
  await t.rejects(feed(chain(), [...proven, added[1]!]), { code: 'ERR_TRUST_INDEX', member: 'image-rwfs' });
  await t.rejects(feed(chain(), [...added, ...proven]), { code: 'ERR_TRUST_INDEX', member: 'image-rwfs' });
});

t.test('members of two good bundles of one key do not mix', async (t) => {
  const oldKernel = Buffer.alloc(10_000, 'old kernel');
  const old = makeBundle({
    ...base,
    images: { 'image-kernel': oldKernel, 'image-rofs': rofs },
    manifest: { version: '2.18.0' },
    blocks: { version: '2.18.0' },
  });
  for (const names of [
    ['image-kernel', 'image-kernel.sig'],
    ['BLOCKS', 'BLOCKS.sig'],
    ['MANIFEST', 'MANIFEST.sig'],
  ]) {
    const mixed = edit(proven, Object.fromEntries(names.map((name) => [name, get(old, name)])));
    await t.rejects(feed(chain(), mixed), { code: /^ERR_TRUST_/ }, names[0]!);
    if (names[0] === 'BLOCKS') continue;
    const mixedStock = edit(stock, Object.fromEntries(names.map((name) => [name, get(old, name)])));
    await t.rejects(
      feed(chain(), mixedStock),
      { code: 'ERR_TRUST_SIGNATURE', member: 'image-full' },
      names[0]!,
    );
  }
});

t.test('BLOCKS must agree with MANIFEST and with the images', async (t) => {
  const index = (name: string, bytes: Uint8Array): [string, ReturnType<typeof imageIndex>] => [
    name,
    imageIndex(name, bytes),
  ];
  const table: [string, Partial<BlockIndex>, string][] = [
    ['another machine', { machine: 'romulus' }, 'ERR_TRUST_INDEX'],
    ['another version', { version: '2.19.1' }, 'ERR_TRUST_INDEX'],
    ['an image less', { images: new Map([index('image-kernel', kernel)]) }, 'ERR_TRUST_INDEX'],
    [
      'an image more',
      {
        images: new Map([
          index('image-kernel', kernel),
          index('image-rofs', rofs),
          index('image-rwfs', rofs),
        ]),
      },
      'ERR_TRUST_INDEX',
    ],
  ];
  for (const [what, blocks, code] of table) {
    const members = indexed(blocks);
    await t.rejects(feed(chain(), members), { code }, what);
    const images = members.filter(([name]) => name in base.images);
    const rest = members.filter(([name]) => !(name in base.images));
    await t.rejects(feed(chain(), [...images, ...rest]), { code }, `${what}, images first`);
  }
  // BLOCKS of another kernel: its signature is checked against the index, the image against both.
  const other = indexed({
    images: new Map([index('image-kernel', flip(kernel)), index('image-rofs', rofs)]),
  });
  await t.rejects(feed(chain(), other), { code: 'ERR_TRUST_SIGNATURE', member: 'image-kernel' });
  const bare = indexed(
    { images: new Map([index('image-kernel', flip(kernel)), index('image-rofs', rofs)]) },
    { bare: ['image-kernel'] },
  );
  await t.rejects(feed(chain(), bare), { code: 'ERR_TRUST_IMAGE', member: 'image-kernel' });
  const imagesFirst = [
    ...bare.filter(([name]) => name in base.images),
    ...bare.filter(([name]) => !(name in base.images)),
  ];
  await t.rejects(feed(chain(), imagesFirst), { code: 'ERR_TRUST_IMAGE', member: 'image-kernel' });
});

t.test('machine, version and security version are guarded once they are proven', async (t) => {
  const secure = indexed({ securityVersion: 7 });
  await feed(chain({ minimumSecurityVersion: 7, minimumVersion: '2.19' }), secure);
  await t.rejects(feed(chain({ minimumSecurityVersion: 8 }), secure), { code: 'ERR_TRUST_SECURITY_VERSION' });
  t.equal(await refusedAt(secure, chain({ minimumSecurityVersion: 8 })), 'BLOCKS.sig');
  for (const members of [proven, stock]) {
    await t.rejects(feed(chain({ minimumSecurityVersion: 0 }), members), {
      code: 'ERR_TRUST_SECURITY_VERSION',
    });
    await t.rejects(feed(chain({ minimumVersion: '2.20' }), members), { code: 'ERR_TRUST_VERSION' });
    await t.rejects(feed(chain({ machine: 'romulus' }), members), { code: 'ERR_TRUST_MACHINE' });
    t.equal(await refusedAt(members, chain({ machine: 'romulus' })), 'publickey.sig');
    await feed(chain({ machine: 'any' }), members);
  }
  t.throws(() => chain({ machine: null }), { code: 'ERR_TRUST_MACHINE_UNKNOWN' });
  const nameless = makeBundle({ ...base, manifest: { MachineName: undefined }, blocks: null });
  await t.rejects(feed(chain(), nameless), { code: 'ERR_TRUST_MACHINE_UNKNOWN' });
  await feed(chain({ machine: 'any' }), nameless);
  const host = makeBundle({
    ...base,
    manifest: { purpose: 'xyz.openbmc_project.Software.Version.VersionPurpose.Host' },
  });
  await t.rejects(feed(chain(), host), { code: 'ERR_TRUST_PURPOSE' });
});

t.test('a HashType that is missing, weak or does not fit the key is refused', async (t) => {
  for (const HashType of [undefined, 'MD5', 'RSA-SHA1', 'ECDSA-SHA256', 'Ed25519']) {
    await t.rejects(
      feed(chain(), makeBundle({ ...base, manifest: { HashType } })),
      { code: 'ERR_TRUST_HASH' },
      String(HashType),
    );
  }
  // It is really used: a SHA-512 name over SHA-256 signatures.
  const lying = makeBundle({ ...base, hashType: 'RSA-SHA512' });
  await t.rejects(feed(chain(), lying), { code: 'ERR_TRUST_SIGNATURE', member: 'BLOCKS' });
  const lyingPss = makeBundle({ ...base, hashType: 'RSA-PSS-SHA256' });
  await t.rejects(feed(chain(), lyingPss), { code: 'ERR_TRUST_SIGNATURE', member: 'BLOCKS' });
});

t.test("the bundle's publickey must be a strong key, vouched for or not", async (t) => {
  const weak = rsaKey('weak', 1024);
  await t.rejects(feed(chain(), makeBundle({ ...base, publickey: weak.pem, sign: (b) => sign(weak, b) })), {
    code: 'ERR_TRUST_KEY',
  });
  await t.rejects(feed(chain(), makeBundle({ ...base, publickey: Buffer.from('no key') })), {
    code: 'ERR_TRUST_KEY',
  });
});

t.test('every algorithm carries a whole bundle, in stock and in proven form', async (t) => {
  const ec = ecKey('chain-ec');
  const p384 = ecKey('chain-p384', 'P-384');
  const ed = edKey('chain-ed');
  const PSS = ['-sigopt', 'rsa_padding_mode:pss'];
  const table: [string, { pem: Buffer }, (bytes: Uint8Array) => Buffer][] = [
    ['RSA-SHA384', bundle, (b) => sign(bundle, b, 'sha384')],
    ['RSA-SHA512', bundle, (b) => sign(bundle, b, 'sha512')],
    ['RSA-PSS-SHA256', bundle, (b) => sign(bundle, b, 'sha256', ...PSS)],
    ['RSA-SHA256', ec, (b) => sign(ec, b)],
    ['ECDSA-SHA384', p384, (b) => sign(p384, b, 'sha384')],
    ['Ed25519-SHA512', ed, (b) => signPure(ed, digestOf('sha512', b))],
    ['Ed25519-SHA256', ed, (b) => signPure(ed, digestOf('sha256', b))],
  ];
  for (const [hashType, key, signer] of table) {
    const store = new KeyStore([await systemKey(platform, 'Own', key.pem, hashType)]);
    const options = { ...base, hashType, publickey: key.pem, sign: signer, system: signer };
    for (const blocks of [{}, null]) {
      const members = makeBundle({ ...options, blocks });
      t.equal((await feed(chain({}, {}, store), members)).key, 'Own', hashType);
      await feed(
        chain({}, {}, store),
        [...members.slice(4), ...members.slice(0, 4)].sort(
          ([a], [b]) => Number(a.startsWith('BLOCKS')) - Number(b.startsWith('BLOCKS')),
        ),
      );
      const damaged = edit(members, { 'image-rofs': flip(rofs) });
      await t.rejects(feed(chain({}, {}, store), damaged), { code: /^ERR_TRUST_(IMAGE|SIGNATURE)$/ });
    }
  }
});

t.test('pure Ed25519 vouches for images by BLOCKS alone', async (t) => {
  const ed = edKey('pure');
  const signer = (bytes: Uint8Array): Buffer => signPure(ed, bytes);
  const store = new KeyStore([await systemKey(platform, 'Pure', ed.pem, 'Ed25519')]);
  const options = { ...base, hashType: 'Ed25519', publickey: ed.pem, sign: signer, system: signer };
  const bare = makeBundle({ ...options, bare: ['image-kernel', 'image-rofs'] });
  const trust = chain({}, {}, store);
  t.equal(trust.keepsBlocksText, false);
  t.equal((await feed(trust, bare)).key, 'Pure');
  t.equal(trust.keepsBlocksText, true);
  await t.rejects(feed(chain({}, {}, store), makeBundle(options)), {
    code: 'ERR_TRUST_HASH',
    member: 'image-kernel',
  });
  const unindexed = makeBundle({ ...options, blocks: null, bare: ['image-kernel', 'image-rofs'] });
  await t.rejects(feed(chain({}, {}, store), unindexed), { code: 'ERR_TRUST_UNVOUCHED' });
  const damaged = edit(bare, { 'BLOCKS.sig': flip(get(bare, 'BLOCKS.sig')) });
  await t.rejects(feed(chain({}, {}, store), damaged), { code: 'ERR_TRUST_SIGNATURE', member: 'BLOCKS' });
});

t.test('only the hashes that can be needed are asked for', async (t) => {
  const sha512 = makeBundle({ ...base, hashType: 'RSA-SHA512', sign: (b) => sign(bundle, b, 'sha512') });
  const trust = chain();
  t.strictSame(trust.hashes(), ['sha256']);
  for (const member of sha512.slice(0, 4)) await feedOne(trust, member);
  t.strictSame(trust.hashes(), ['sha256', 'sha512']);

  const late = makeBundle({
    ...base,
    blocks: null,
    hashType: 'RSA-SHA512',
    sign: (b) => sign(bundle, b, 'sha512'),
  });
  const imagesFirst = [...late].reverse();
  await t.rejects(feed(chain(), imagesFirst), { code: 'ERR_TRUST_HASH_LATE', member: /^image-/ });
  const proof = await feed(chain({}, { hashes: ['sha512'] }), imagesFirst);
  t.equal(proof.key, 'OpenBMC', 'a reader who can come back asks for more');
});

t.test('the first system key that verifies both, each with its own hash, is the one', async (t) => {
  const other = rsaKey('other');
  const store = new KeyStore([
    await systemKey(platform, 'Other', other.pem, 'RSA-SHA256'),
    await systemKey(platform, 'WrongHash', system.pem, 'RSA-SHA512'),
    await systemKey(platform, 'Right', system.pem, 'sha256'),
    await systemKey(platform, 'Later', system.pem, 'RSA-SHA256'),
  ]);
  t.equal((await feed(chain({}, {}, store), proven)).key, 'Right');
  const halves = edit(proven, { 'publickey.sig': sign(other, bundle.pem) });
  await t.rejects(
    feed(chain({}, {}, store), halves),
    { code: 'ERR_TRUST_SIGNATURE', member: 'publickey' },
    'one key for each half',
  );
});

t.test('names that no bundle has are refused', async (t) => {
  const bytes = new Uint8Array(256);
  for (const name of [
    'foo',
    'foo.sig',
    '.sig',
    'MANIFEST.sig.sig',
    'image-kernel.sig.sig',
    'image-.sig',
    'image-full.sig.sig',
    'manifest',
    'image-kernel',
    'BLOCKS',
    '__proto__',
    'constructor.sig',
  ]) {
    await t.rejects(chain().member(name, bytes), { code: 'ERR_BUNDLE_MEMBER' }, name);
  }
  await t.rejects(chain().image('image-kernel', 256, {}), { code: 'ERR_SESSION_STATE' });
});
