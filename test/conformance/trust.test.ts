import { formatBlocks } from '../../src/core/bundle/block-index.js';
import { KeyStore, systemKey } from '../../src/core/trust/key-store.js';
import { OpenBmcTrust, type TrustChainOptions } from '../../src/core/trust/openbmc-trust.js';
import { SingleImageTrust, type SingleImage } from '../../src/core/trust/single-image-trust.js';
import type { Trust } from '../../src/core/trust/trust.js';
import { UnsignedTrust } from '../../src/core/trust/unsigned-trust.js';
import { nodePlatform } from '../../src/host/node/platform.js';
import { rsaSigner } from '../kit/keys.js';
import { imageIndex, makeBundle, type Member } from '../kit/trust-kit.js';
import { trustSuite, type TrustCase } from './trust-suite.js';

const platform = await nodePlatform();
const keys = new KeyStore([await systemKey(platform, 'OpenBMC', rsaSigner.pem, rsaSigner.hashType)]);
const rules = { machine: 'quanta-q71l' };
const kernel = Buffer.alloc(10_000, 'kernel');
const images = { 'image-kernel': kernel, 'image-rofs': Buffer.alloc(5000, 'rofs') };
const sign = (bytes: Uint8Array): Uint8Array => rsaSigner.sign(bytes);
const signed = { images, system: sign, sign, publickey: rsaSigner.pem };
const proven = makeBundle(signed);
const stock = makeBundle({ ...signed, blocks: null });
const [head, index, rest] = [proven.slice(0, 4), proven.slice(4, 6), proven.slice(6)];

const chain = (options: TrustChainOptions = {}): Promise<Trust> =>
  Promise.resolve(new OpenBmcTrust(platform, keys, rules, options));
const bundle = { twice: 'ERR_BUNDLE_TAR_DUPLICATE', key: 'OpenBMC', detects: true } as const;
const none = (): boolean => false;

trustSuite('OpenBmcTrust with BLOCKS', {
  ...bundle,
  open: () => chain(),
  members: proven,
  optional: none,
  orders: {
    'BLOCKS ahead of MANIFEST and publickey': [[...index, ...head, ...rest], 'ERR_BUNDLE_ORDER'],
    'BLOCKS ahead of the last signature of the head': [
      [...head.slice(0, 3), ...index, ...head.slice(3), ...rest],
      'ERR_BUNDLE_ORDER',
    ],
    'images ahead of BLOCKS': [[...head, ...rest, ...index], null],
    'the head backwards': [[...head.toReversed(), ...index, ...rest], null],
  },
});

trustSuite('OpenBmcTrust without BLOCKS', {
  ...bundle,
  open: () => chain({ anyImages: true }),
  members: stock,
  optional: none,
  orders: { 'every member backwards': [stock.toReversed(), null] },
});

const image: Member = ['image-kernel', kernel];
const text = formatBlocks({
  machine: rules.machine,
  version: '2.19.0',
  securityVersion: null,
  images: new Map([['image-kernel', imageIndex(...image)]]),
});
const blocks = { text, signature: sign(text) };
const single: Omit<TrustCase, 'open'> = {
  members: [image],
  optional: none,
  twice: 'ERR_BUNDLE_MEMBER',
  orders: { 'a member of a bundle ahead of the image': [[proven[0]!, image], 'ERR_BUNDLE_MEMBER'] },
  key: 'OpenBMC',
  detects: true,
};
const bare = (evidence: Omit<SingleImage, 'name'>, machine = rules.machine): Promise<Trust> =>
  SingleImageTrust.create(platform, keys, { machine }, { name: 'image-kernel', ...evidence });

trustSuite('SingleImageTrust with a signature', {
  ...single,
  open: () => bare({ signature: sign(kernel) }, 'any'),
});
trustSuite('SingleImageTrust with BLOCKS', { ...single, open: () => bare({ signature: null, blocks }) });
trustSuite('SingleImageTrust with both', {
  ...single,
  open: () => bare({ signature: sign(kernel), blocks }),
});

const unsigned = (): Promise<Trust> => Promise.resolve(new UnsignedTrust(rules));

trustSuite('UnsignedTrust with BLOCKS', {
  ...bundle,
  key: null,
  open: unsigned,
  members: proven,
  optional: (name) => !(name in images),
  orders: { 'every member backwards': [proven.toReversed(), null] },
});

trustSuite('UnsignedTrust with one image', {
  ...bundle,
  key: null,
  open: unsigned,
  members: [image],
  optional: none,
  orders: {},
  detects: false,
});
