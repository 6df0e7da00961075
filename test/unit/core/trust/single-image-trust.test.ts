import t from 'tap';
import { nodePlatform } from '../../../../src/host/node/platform.js';
import { type BlockIndex, formatBlocks } from '../../../../src/core/bundle/block-index.js';
import type { AcceptanceRules } from '../../../../src/core/trust/acceptance-rules.js';
import { KeyStore, systemKey } from '../../../../src/core/trust/key-store.js';
import { type SingleImage, SingleImageTrust } from '../../../../src/core/trust/single-image-trust.js';
import { UnsignedTrust } from '../../../../src/core/trust/unsigned-trust.js';
import {
  type Member,
  edKey,
  edit,
  feed,
  feedOne,
  flip,
  imageIndex,
  makeBundle,
  rsaKey,
  sign,
  signPure,
} from '../../../kit/trust-kit.js';

const platform = await nodePlatform();
const system = rsaKey('system');
const keys = new KeyStore([await systemKey(platform, 'OpenBMC', system.pem, 'RSA-SHA256')]);
const kernel = Buffer.alloc(10_000, 'kernel');
const rofs = Buffer.alloc(5000, 'rofs');
const KERNEL: Member = ['image-kernel', kernel];

const text = formatBlocks({
  machine: 'quanta-q71l',
  version: '2.19.0',
  securityVersion: 7,
  images: new Map([
    ['image-kernel', imageIndex('image-kernel', kernel)],
    ['image-rofs', imageIndex('image-rofs', rofs)],
  ]),
});
const blocks = { text, signature: sign(system, text) };
const signature = sign(system, kernel);
const image: SingleImage = { name: 'image-kernel', signature };
const Q71L: AcceptanceRules = { machine: 'quanta-q71l' };
const ANY: AcceptanceRules = { machine: 'any' };

const single = (
  guard: AcceptanceRules,
  change: Partial<SingleImage> = {},
  store = keys,
): Promise<SingleImageTrust> => SingleImageTrust.create(platform, store, guard, { ...image, ...change });

t.test('a single image with its signature is proven when the machine does not matter', async (t) => {
  const trust = await single(ANY);
  t.strictSame(trust.hashes(), ['sha256']);
  t.equal(trust.index, null);
  t.strictSame(await feed(trust, [KERNEL]), { manifest: null, key: 'OpenBMC' });
});

t.test('without BLOCKS machine and version are unknown, so rules about them refuse the image', async (t) => {
  await t.rejects(single(Q71L), { code: 'ERR_TRUST_MACHINE_UNKNOWN' });
  await t.rejects(single({ machine: null }), { code: 'ERR_TRUST_MACHINE_UNKNOWN' });
  await t.rejects(single({ ...ANY, minimumVersion: '1.0' }), { code: 'ERR_TRUST_VERSION' });
  await t.rejects(single({ ...ANY, minimumSecurityVersion: 0 }), { code: 'ERR_TRUST_SECURITY_VERSION' });
});

t.test('with BLOCKS the index of the one image counts from the start', async (t) => {
  const trust = await single({ ...Q71L, minimumVersion: '2.19', minimumSecurityVersion: 7 }, { blocks });
  t.strictSame([...trust.index!.images.keys()], ['image-kernel']);
  t.equal((await feed(trust, [KERNEL])).key, 'OpenBMC');
  await t.rejects(single({ machine: 'romulus' }, { blocks }), { code: 'ERR_TRUST_MACHINE' });
  await t.rejects(single({ ...Q71L, minimumVersion: '2.20' }, { blocks }), { code: 'ERR_TRUST_VERSION' });
  await t.rejects(single({ ...Q71L, minimumSecurityVersion: 8 }, { blocks }), {
    code: 'ERR_TRUST_SECURITY_VERSION',
  });
  await t.rejects(single(Q71L, { name: 'image-rwfs', blocks }), { code: 'ERR_TRUST_INDEX' });
});

t.test('a wrong signature is found, before the image where BLOCKS allows it', async (t) => {
  const late = await single(ANY, { signature: flip(signature) });
  await t.rejects(feedOne(late, KERNEL), { code: 'ERR_TRUST_SIGNATURE' });
  await t.rejects(late.finish(), { code: 'ERR_TRUST_SIGNATURE' });
  await t.rejects(single(Q71L, { blocks, signature: flip(signature) }), {
    code: 'ERR_TRUST_SIGNATURE',
    member: 'image-kernel',
  });
  await t.rejects(single(Q71L, { blocks: { text, signature: flip(blocks.signature) } }), {
    code: 'ERR_TRUST_SIGNATURE',
    member: 'BLOCKS',
  });
  await t.rejects(single(Q71L, { blocks: { text: flip(text, 40), signature: blocks.signature } }), {
    code: 'ERR_TRUST_SIGNATURE',
  });
  for (const empty of [null, new Uint8Array(0)])
    await t.rejects(single(ANY, { signature: empty }), { code: 'ERR_TRUST_SIGNATURE_MISSING' });
  await t.rejects(single(ANY, { blocks: { text, signature: new Uint8Array(0) } }), {
    code: 'ERR_TRUST_SIGNATURE_MISSING',
  });
  const junk = Buffer.from('no index\n');
  await t.rejects(single(Q71L, { blocks: { text: junk, signature: sign(system, junk) } }), {
    code: 'ERR_BUNDLE_BLOCKS',
  });
});

t.test('another image, a bundle member or none at all is refused', async (t) => {
  await t.rejects(feed(await single(Q71L, { blocks }), [['image-kernel', flip(kernel)]]), {
    code: 'ERR_TRUST_IMAGE',
  });
  await t.rejects(feed(await single(ANY), [['image-kernel', flip(kernel)]]), { code: 'ERR_TRUST_SIGNATURE' });
  await t.rejects(feed(await single(ANY), [['image-rofs', kernel]]), { code: 'ERR_BUNDLE_MEMBER' });
  await t.rejects(feed(await single(ANY), [['MANIFEST', kernel]]), { code: 'ERR_BUNDLE_MEMBER' });
  await t.rejects(feed(await single(ANY), [['BLOCKS', text]]), { code: 'ERR_BUNDLE_MEMBER' });
  await t.rejects(feed(await single(ANY), []), { code: 'ERR_BUNDLE_MEMBER_MISSING' });
});

t.test('any key of the board may sign, each with its own hash', async (t) => {
  const other = rsaKey('other');
  const store = new KeyStore([...keys.keys, await systemKey(platform, 'Sha512', other.pem, 'RSA-SHA512')]);
  const trust = await single(Q71L, { blocks, signature: sign(other, kernel, 'sha512') }, store);
  t.strictSame(trust.hashes(), ['sha256', 'sha512']);
  t.equal((await feed(trust, [KERNEL])).key, 'Sha512');
  t.equal(trust.indexKey, 'OpenBMC', 'the key of BLOCKS');
  const wrong = await single(Q71L, { blocks, signature: sign(other, kernel, 'sha256') }, store);
  await t.rejects(feed(wrong, [KERNEL]), { code: 'ERR_TRUST_SIGNATURE' });
});

t.test('pure Ed25519 signs BLOCKS, which then vouches for the image', async (t) => {
  const ed = edKey('pure');
  const store = new KeyStore([await systemKey(platform, 'Pure', ed.pem, 'Ed25519')]);
  const signed = { text, signature: signPure(ed, text) };
  t.equal((await feed(await single(Q71L, { blocks: signed, signature: null }, store), [KERNEL])).key, 'Pure');
  await t.rejects(single(ANY, { signature: signPure(ed, kernel) }, store), { code: 'ERR_TRUST_HASH' });
});

const fake = (bytes: Uint8Array): Uint8Array => Buffer.from(`no signature of ${bytes.length}`);
const bundle = (index: Partial<BlockIndex> | null, manifest = {}): Member[] =>
  makeBundle({
    images: { 'image-kernel': kernel, 'image-rofs': rofs },
    manifest,
    system: fake,
    sign: fake,
    publickey: Buffer.from('no key'),
    blocks: index,
  });

t.test('unsigned: signatures are not looked at, and no key is named', async (t) => {
  const trust = new UnsignedTrust(Q71L);
  const proof = await feed(trust, bundle(null));
  t.equal(proof.key, null);
  t.equal(proof.manifest?.version, '2.19.0');
  t.strictSame(await feed(new UnsignedTrust(Q71L), [KERNEL]), { manifest: null, key: null });
});

t.test('unsigned: BLOCKS is a check sum of the images, wherever it stands', async (t) => {
  const members = bundle({});
  for (const order of [members, [...members].reverse()]) {
    const trust = new UnsignedTrust(Q71L);
    await feed(trust, order);
    t.equal(trust.index?.images.size, 2);
    await t.rejects(feed(new UnsignedTrust(Q71L), edit(order, { 'image-kernel': flip(kernel) })), {
      code: 'ERR_TRUST_IMAGE',
    });
    await t.rejects(feed(new UnsignedTrust(Q71L), edit(order, { 'image-kernel': null })), {
      code: 'ERR_TRUST_INDEX',
    });
  }
  for (const order of [bundle({ version: '1.0' }), [...bundle({ version: '1.0' })].reverse()]) {
    await t.rejects(feed(new UnsignedTrust(Q71L), order), { code: 'ERR_TRUST_INDEX' });
  }
});

t.test('unsigned: machine, purpose and versions are still guarded', async (t) => {
  t.throws(() => new UnsignedTrust({ machine: null }), { code: 'ERR_TRUST_MACHINE_UNKNOWN' });
  await t.rejects(feed(new UnsignedTrust({ machine: 'romulus' }), bundle(null)), {
    code: 'ERR_TRUST_MACHINE',
  });
  await t.rejects(feed(new UnsignedTrust(Q71L), bundle(null, { purpose: 'Host' })), {
    code: 'ERR_TRUST_PURPOSE',
  });
  await t.rejects(feed(new UnsignedTrust({ ...Q71L, minimumVersion: '3' }), bundle(null)), {
    code: 'ERR_TRUST_VERSION',
  });
  await t.rejects(feed(new UnsignedTrust({ ...Q71L, minimumVersion: '1' }), [KERNEL]), {
    code: 'ERR_TRUST_VERSION',
  });
  await t.rejects(feed(new UnsignedTrust({ ...Q71L, minimumSecurityVersion: 1 }), bundle(null)), {
    code: 'ERR_TRUST_SECURITY_VERSION',
  });
  await feed(new UnsignedTrust({ ...Q71L, minimumSecurityVersion: 1 }), bundle({ securityVersion: 1 }));
});

t.test('unsigned: a bundle without images is refused', async (t) => {
  await t.rejects(feed(new UnsignedTrust(Q71L), bundle(null).slice(0, 4)), { code: 'ERR_BUNDLE_EMPTY' });
});
