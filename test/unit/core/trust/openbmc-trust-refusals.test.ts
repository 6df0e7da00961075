/**
 * What one check says and no other: codes to the letter (`t.rejects` takes ERR_TRUST_HASH for a part of
 * ERR_TRUST_HASH_LATE), the member that is named, and how often a key is asked.
 */
import t from 'tap';
import { nodePlatform } from '../../../../src/host/node/platform.js';
import type { BlockIndex } from '../../../../src/core/bundle/block-index.js';
import type { Platform } from '../../../../src/core/platform.js';
import { OpenBmcTrust, type TrustChainOptions } from '../../../../src/core/trust/openbmc-trust.js';
import type { Trust } from '../../../../src/core/trust/trust.js';
import { ReceivedMembers } from '../../../../src/core/trust/received-members.js';
import {
  checkIndex,
  checkMachine,
  checkVersion,
  type AcceptanceRules,
  requireRules,
} from '../../../../src/core/trust/acceptance-rules.js';
import { checkImage, requireAllImages } from '../../../../src/core/trust/index-check.js';
import { KeyStore, systemKey } from '../../../../src/core/trust/key-store.js';
import { StickyFailure } from '../../../../src/core/sticky-failure.js';
import { type SingleImage, SingleImageTrust } from '../../../../src/core/trust/single-image-trust.js';
import { UnsignedTrust } from '../../../../src/core/trust/unsigned-trust.js';
import {
  edKey,
  edit,
  feed,
  feedOne,
  flip,
  imageIndex,
  makeBundle,
  makeSignedBundle,
  type Member,
  sign,
  signPure,
} from '../../../kit/trust-kit.js';

const node = await nodePlatform();
const { system, bundle, keys, kernel, base, proven, stock } = await makeSignedBundle(node);
const ed = edKey('refusals-pure');
const Q71L: AcceptanceRules = { machine: 'quanta-q71l' };
const ANY: AcceptanceRules = { machine: 'any' };
const index: BlockIndex = {
  machine: 'quanta-q71l',
  version: '2.19.0',
  securityVersion: null,
  images: new Map([['image-kernel', imageIndex('image-kernel', kernel)]]),
};

/** An error of exactly this code. */
const just = (code: string, member?: string): { code: RegExp; member?: string } => ({
  code: new RegExp(`^${code}$`),
  ...(member === undefined ? {} : { member }),
});

const chain = (
  options: TrustChainOptions = { anyImages: true },
  on: Platform = node,
  store = keys,
): OpenBmcTrust => new OpenBmcTrust(on, store, Q71L, options);

/** A platform that counts how often its keys are asked. */
function counting(): { platform: Platform; asked: () => number } {
  let asked = 0;
  const platform: Platform = {
    ...node,
    async publicKey(pem) {
      const key = await node.publicKey(pem);
      return {
        kind: key.kind,
        bits: key.bits,
        verify: (question) => {
          asked++;
          return key.verify(question);
        },
      };
    },
  };
  return { platform, asked: () => asked };
}

async function feedHead(trust: Trust, members: readonly Member[]): Promise<void> {
  for (const member of members.slice(0, 4)) await feedOne(trust, member);
}

t.test('each signature of a bundle is verified once, image-full.sig once more at the end', async (t) => {
  const { platform, asked } = counting();
  const store = new KeyStore([await systemKey(platform, 'OpenBMC', system.pem, 'RSA-SHA256')]);
  await feed(chain({}, platform, store), proven);
  t.equal(asked(), 2 + 1 + 2 + 2, 'MANIFEST and publickey, BLOCKS, two images, twice the whole');
});

t.test('a single image whose signature is right ahead of it is not verified again', async (t) => {
  const { platform, asked } = counting();
  const store = new KeyStore([await systemKey(platform, 'OpenBMC', system.pem, 'RSA-SHA256')]);
  const text = proven.find(([name]) => name === 'BLOCKS')![1];
  const blocks = { text, signature: sign(system, text) };
  const image = { name: 'image-kernel', signature: sign(system, kernel), blocks };
  await feed(await SingleImageTrust.create(platform, store, Q71L, image), [['image-kernel', kernel]]);
  t.equal(asked(), 2);
});

t.test(
  'only the hashes of the scheme are asked for, each once, and BLOCKS is kept for Ed25519 only',
  async (t) => {
    const trust = chain();
    await feedHead(trust, proven);
    t.strictSame(trust.hashes(), ['sha256']);
    t.equal(trust.keepsBlocksText, false);
    t.equal(new UnsignedTrust(Q71L).keepsBlocksText, false);
  },
);

t.test('a bundle signed with SHA-512 carries its index and its images', async (t) => {
  const hashType = 'RSA-SHA512';
  const sha512 = makeBundle({ ...base, hashType, sign: (bytes) => sign(bundle, bytes, 'sha512') });
  t.equal((await feed(chain(), sha512)).key, 'OpenBMC');
});

t.test('BLOCKS without the digest or the bytes that its signature needs is refused', async (t) => {
  const trust = chain();
  await feedHead(trust, proven);
  await trust.blocks(index, {}, null);
  await t.rejects(feedOne(trust, proven[5]!), just('ERR_TRUST_SIGNATURE', 'BLOCKS'));

  const pure = (bytes: Uint8Array): Buffer => signPure(ed, bytes);
  const store = new KeyStore([await systemKey(node, 'Pure', ed.pem, 'Ed25519')]);
  const members = makeBundle({ ...base, hashType: 'Ed25519', publickey: ed.pem, sign: pure, system: pure });
  const other = chain({}, node, store);
  await feedHead(other, members);
  await other.blocks(index, {}, null);
  await t.rejects(feedOne(other, members[5]!), just('ERR_TRUST_SIGNATURE', 'BLOCKS'));
  await t.rejects(feed(chain({}, node, store), members), just('ERR_TRUST_HASH', 'image-kernel'));
});

t.test('a second BLOCKS is refused by name', async (t) => {
  const trust = chain();
  await feedHead(trust, proven);
  await trust.blocks(index, {}, null);
  await t.rejects(trust.blocks(index, {}, null), just('ERR_BUNDLE_TAR_DUPLICATE', 'BLOCKS'));
  const unsigned = new UnsignedTrust(Q71L);
  await unsigned.blocks(index, {}, null);
  await t.rejects(unsigned.blocks(index, {}, null), just('ERR_BUNDLE_TAR_DUPLICATE', 'BLOCKS'));
});

t.test('without BLOCKS a part of the images is refused', async (t) => {
  await t.rejects(feed(chain({}), stock), just('ERR_TRUST_PLACE'));
  await feed(chain({}), proven);
});

t.test('an image that is refused ahead of its bytes is refused for good', async (t) => {
  const rules = { ...Q71L, minimumSecurityVersion: 1 };
  const secure = makeBundle({ ...base, blocks: { securityVersion: 1 } });
  for (const open of [() => new OpenBmcTrust(node, keys, rules), () => new UnsignedTrust(rules)]) {
    await t.resolves(feed(open(), secure));
    const trust = open();
    const refusal = just('ERR_TRUST_SECURITY_VERSION');
    t.throws(() => trust.beforeUnproven('image-kernel', kernel.length, false), refusal);
    await t.rejects(feed(trust, secure), refusal);
  }
});

t.test('a head of which member and signature are missing lacks the member', async (t) => {
  for (const name of ['MANIFEST', 'publickey']) {
    const headless = edit(stock, { [name]: null, [`${name}.sig`]: null });
    await t.rejects(feed(chain(), headless), just('ERR_BUNDLE_MEMBER_MISSING', name));
  }
  const nameless = makeBundle({ ...base, manifest: { HashType: undefined } });
  await t.rejects(feed(chain(), nameless), just('ERR_TRUST_HASH', 'MANIFEST'));
});

t.test('what is no evidence is refused, and named', async (t) => {
  const evidence = new ReceivedMembers();
  t.throws(() => evidence.member('image-kernel', kernel, true), just('ERR_BUNDLE_MEMBER', 'image-kernel'));
  t.throws(() => evidence.member('BLOCKS', kernel, true), just('ERR_BUNDLE_MEMBER', 'BLOCKS'));
  t.throws(() => evidence.image('image-rofs', 1, {}), just('ERR_SESSION_STATE', 'image-rofs'));
  const empty = new Uint8Array(0);
  t.throws(
    () => evidence.member('BLOCKS.sig', empty, true),
    just('ERR_TRUST_SIGNATURE_MISSING', 'BLOCKS.sig'),
  );
  evidence.member('MANIFEST', kernel, true);
  t.throws(() => evidence.member('MANIFEST', kernel, true), just('ERR_BUNDLE_TAR_DUPLICATE', 'MANIFEST'));
});

t.test('a signature may be as long as the largest key makes it, and no longer', async (t) => {
  const evidence = new ReceivedMembers();
  t.throws(
    () => evidence.member('BLOCKS.sig', new Uint8Array(1025), true),
    just('ERR_TRUST_SIGNATURE', 'BLOCKS.sig'),
  );
  t.doesNotThrow(() => evidence.member('BLOCKS.sig', new Uint8Array(1024), true));
  t.doesNotThrow(() => evidence.member('MANIFEST.sig', new Uint8Array(1025), false), 'unchecked');
});

t.test('size and digest of an image are compared each by itself', async (t) => {
  const { size, sha256 } = index.images.get('image-kernel')!;
  t.doesNotThrow(() => checkImage(index, 'image-kernel', { size, digests: { sha256 } }));
  for (const image of [
    { size: size + 1, digests: { sha256 } },
    { size, digests: { sha256: flip(sha256) } },
    { size, digests: {} },
  ]) {
    t.throws(() => checkImage(index, 'image-kernel', image), just('ERR_TRUST_IMAGE', 'image-kernel'));
  }
  t.throws(() => requireAllImages(index, new Map()), just('ERR_TRUST_INDEX', 'image-kernel'));
});

t.test('a machine without a name is not known, on either side', async (t) => {
  for (const machine of [null, '']) {
    t.throws(() => requireRules({ machine }), just('ERR_TRUST_MACHINE_UNKNOWN'));
    t.throws(() => checkMachine(Q71L, machine), just('ERR_TRUST_MACHINE_UNKNOWN'));
  }
  t.throws(() => checkMachine(Q71L, 'romulus'), just('ERR_TRUST_MACHINE'));
  t.throws(() => checkVersion({ ...ANY, minimumVersion: 'latest' }, '2.19'), just('ERR_TRUST_VERSION'));
  const manifest = {
    purpose: '',
    version: '2.18.0',
    machine: 'quanta-q71l',
    hashType: null,
    keyType: null,
    extendedVersion: null,
  };
  t.throws(() => checkIndex(ANY, index, manifest), just('ERR_TRUST_INDEX', 'BLOCKS'));
});

t.test('a step of a latch that another one came into has failed, though it went well itself', async (t) => {
  const latch = new StickyFailure();
  let settle = (): void => {};
  const first = latch.run(
    () =>
      new Promise<void>((resolve) => {
        settle = resolve;
      }),
  );
  await t.rejects(
    latch.run(async () => {}),
    just('ERR_SESSION_STATE'),
  );
  settle();
  await t.rejects(first, just('ERR_SESSION_STATE'));
  t.equal(latch.failed, true);
});

const single = (image: Partial<SingleImage>, guard = ANY, store = keys): Promise<SingleImageTrust> =>
  SingleImageTrust.create(node, store, guard, {
    name: 'image-kernel',
    signature: sign(system, kernel),
    ...image,
  });

t.test('a single image takes no other member, and each refusal says which', async (t) => {
  const trust = await single({});
  t.match(trust, { proves: true, keepsBlocksText: false, manifest: null });
  await t.rejects(trust.member('MANIFEST', kernel), just('ERR_BUNDLE_MEMBER', 'MANIFEST'));
  const other = await single({});
  await t.rejects(other.blocks(index, {}, null), just('ERR_BUNDLE_MEMBER', 'BLOCKS'));
  const third = await single({});
  await t.rejects(
    third.image('image-rofs', 1, { sha256: new Uint8Array(32) }),
    just('ERR_BUNDLE_MEMBER', 'image-rofs'),
  );
  await t.rejects(single({ signature: null }), just('ERR_TRUST_SIGNATURE_MISSING', 'image-kernel'));
  const text = Buffer.from('any');
  await t.rejects(
    single({ blocks: { text, signature: new Uint8Array(0) } }),
    just('ERR_TRUST_SIGNATURE_MISSING', 'BLOCKS'),
  );
  await t.rejects((await single({})).finish(), just('ERR_BUNDLE_MEMBER_MISSING', 'image-kernel'));
  const pure = new KeyStore([await systemKey(node, 'Pure', ed.pem, 'Ed25519')]);
  await t.rejects(single({}, ANY, pure), just('ERR_TRUST_HASH', 'image-kernel'));
});

t.test('a single image whose digest was not made by the hash of any key is refused', async (t) => {
  const store = new KeyStore([await systemKey(node, 'Sha512', system.pem, 'RSA-SHA512')]);
  const trust = await single({ signature: sign(system, kernel, 'sha512') }, ANY, store);
  await t.rejects(
    trust.image('image-kernel', kernel.length, { sha256: imageIndex('image-kernel', kernel).sha256 }),
    just('ERR_TRUST_SIGNATURE', 'image-kernel'),
  );
});

t.test('a pure key beside others does not put off the refusal of a wrong signature', async (t) => {
  const store = new KeyStore([...keys.keys, await systemKey(node, 'Pure', ed.pem, 'Ed25519')]);
  t.equal(store.names, 'OpenBMC, Pure');
  const text = proven.find(([name]) => name === 'BLOCKS')![1];
  const blocks = { text, signature: sign(system, text) };
  await t.rejects(
    single({ signature: flip(sign(system, kernel)), blocks }, Q71L, store),
    just('ERR_TRUST_SIGNATURE', 'image-kernel'),
  );
});

t.test('unsigned: any signature is accepted, and MANIFEST is known and gives the version', async (t) => {
  const unsigned = new UnsignedTrust({ ...Q71L, minimumVersion: '2.19' });
  t.equal(unsigned.manifest, null);
  await feed(unsigned, edit(stock, { 'image-kernel.sig': new Uint8Array(0) }));
  t.match(unsigned.manifest, { version: '2.19.0' });
});
