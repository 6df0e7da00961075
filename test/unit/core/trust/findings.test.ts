import t from 'tap';
import * as fc from 'fast-check';
import { isImageName } from '../../../../src/core/bundle/image-name.js';
import { listFindings, type SignatureFinding } from '../../../../src/core/trust/findings.js';
import { KeyStore, systemKey } from '../../../../src/core/trust/key-store.js';
import { OpenBmcTrust } from '../../../../src/core/trust/openbmc-trust.js';
import { nodePlatform } from '../../../../src/host/node/platform.js';
import { faultsOf } from '../../../../src/tools/inspect/faults.js';
import { Inspection } from '../../../../src/tools/inspect/inspection.js';
import { namesToSign } from '../../../../src/tools/inspect/names-to-sign.js';
import {
  type BundleOptions,
  edit,
  edKey,
  feed,
  flip,
  makeBundle,
  type Member,
  rsaKey,
  sign,
  signPure,
} from '../../../kit/trust-kit.js';

const platform = await nodePlatform();
const system = rsaKey('system');
const second = rsaKey('second');
const bundle = rsaKey('bundle');
const ed = edKey('pure');
const keys = new KeyStore([
  await systemKey(platform, 'First', system.pem, 'RSA-SHA256'),
  await systemKey(platform, 'Second', second.pem, 'RSA-SHA256'),
]);

const base: BundleOptions = {
  images: {
    'image-kernel': Buffer.alloc(9000, 'kernel'),
    'image-rofs': Buffer.alloc(5000, 'rofs'),
  },
  system: (bytes) => sign(system, bytes),
  sign: (bytes) => sign(bundle, bytes),
  publickey: bundle.pem,
};
const proven = makeBundle(base);
const stock = makeBundle({ ...base, blocks: null });
const signPureBundle: Partial<BundleOptions> = {
  hashType: 'Ed25519',
  publickey: ed.pem,
  sign: (bytes) => signPure(ed, bytes),
};

function inspect(members: readonly Member[]): Inspection {
  const found = new Inspection(platform);
  for (const [name, bytes] of members) {
    found.begin({ name, size: bytes.length });
    found.data(bytes, 0);
    found.finish();
  }
  return found;
}

const findingsOf = (found: Inspection, store: KeyStore | null = keys): Promise<SignatureFinding[]> =>
  listFindings(platform, store, found.received, found.scheme, namesToSign(found));

/** The findings as `member: state`, and those that are not valid with their reason. */
async function states(members: readonly Member[], store: KeyStore | null = keys): Promise<string[]> {
  const findings = await findingsOf(inspect(members), store);
  return findings
    .filter(({ state }) => state !== 'valid')
    .map(({ of, state, why }) => `${of} ${state}: ${why}`);
}

t.test('every signature of a good bundle is valid, and names its key', async (t) => {
  for (const members of [proven, stock]) {
    t.strictSame(await states(members), []);
    const [manifest, publickey, ...rest] = await findingsOf(inspect(members));
    t.match([manifest?.why, publickey?.why], ['verified with key First', 'verified with key First']);
    t.ok(rest.every(({ why }) => why === 'verified with publickey of the bundle'));
    t.equal(rest.at(-1)?.of, 'image-full');
  }
});

t.test('without keys a signature is present or missing', async (t) => {
  const found = await findingsOf(inspect(edit(stock, { 'image-rofs.sig': null })), null);
  t.strictSame(
    found.map(({ of, state }) => `${of} ${state}`),
    [
      'MANIFEST present',
      'publickey present',
      'image-kernel present',
      'image-full present',
      'image-rofs missing',
    ].sort((a, b) => Number(a.startsWith('image-full')) - Number(b.startsWith('image-full'))),
  );
});

t.test('each fault is found, and those after it', async (t) => {
  const sig = (name: string): Uint8Array => proven.find(([other]) => other === name)![1];
  const damaged = edit(proven, {
    'image-kernel': flip(base.images['image-kernel']!),
    'BLOCKS.sig': flip(sig('BLOCKS.sig')),
    'image-rofs': null,
  });
  t.strictSame(await states(damaged), [
    'BLOCKS invalid: publickey of the bundle does not verify it',
    'image-kernel invalid: publickey of the bundle does not verify it',
    'image-rofs unknown: image-rofs is missing or incomplete',
  ]);
  t.strictSame(await states(edit(stock, { 'image-rofs.sig': null })), [
    'image-rofs missing: the bundle has no image-rofs.sig',
    'image-full invalid: publickey of the bundle does not verify it',
  ]);
  t.strictSame((await states(edit(stock, { publickey: null }))).slice(0, 2), [
    'publickey unknown: the bundle has no publickey',
    'image-kernel unknown: needs MANIFEST and publickey',
  ]);
  t.match(await states(edit(stock, { publickey: Buffer.from('no key') })), [
    'publickey invalid: no key (First, Second) verifies it',
    /^image-kernel unknown: /,
  ]);
});

t.test('a key that is not verified proves nothing', async (t) => {
  const why = (name: string, state: string): string =>
    `image-kernel unknown: verified with publickey, but ${name}.sig is ${state}`;
  const noSignature = await states(edit(stock, { 'publickey.sig': null }));
  t.equal(
    noSignature.find((line) => line.startsWith('image-kernel')),
    why('publickey', 'missing'),
  );
  const foreign = await states(makeBundle({ ...base, blocks: null, system: (bytes) => sign(bundle, bytes) }));
  t.equal(
    foreign.find((line) => line.startsWith('image-kernel')),
    why('MANIFEST', 'invalid'),
  );
});

t.test('two system keys, each for one half, verify nothing', async (t) => {
  const halves = edit(stock, { 'publickey.sig': sign(second, bundle.pem) });
  t.match(await states(halves), [
    'publickey invalid: verified with key Second, but MANIFEST with key First',
    'image-kernel unknown: verified with publickey, but publickey.sig is invalid',
  ]);
  const both = makeBundle({ ...base, system: (bytes) => sign(second, bytes) });
  t.strictSame(await states(both), []);
  t.equal((await findingsOf(inspect(both)))[0]?.why, 'verified with key Second');
});

t.test('what pure Ed25519 cannot verify is unknown', async (t) => {
  t.strictSame(
    await states(makeBundle({ ...base, ...signPureBundle, bare: ['image-kernel', 'image-rofs'] })),
    [],
  );
  t.strictSame(await states(makeBundle({ ...base, ...signPureBundle, bare: ['image-rofs'] })), [
    'image-kernel unknown: pure Ed25519 cannot be verified over a stream',
  ]);
});

/** Bundles that differ in one thing or another; all of them parse, and most are signed as they should be. */
const other: BundleOptions = {
  ...base,
  images: { ...base.images, 'image-kernel': Buffer.alloc(9000, 'older kernel') },
  manifest: { version: '2.18.0' },
};
const BUNDLES: readonly (readonly Member[])[] = [
  proven,
  stock,
  makeBundle({ ...other, blocks: { version: '2.18.0' } }),
  makeBundle({ ...other, blocks: null }),
  makeBundle(other),
  makeBundle({ ...base, bare: ['image-rofs'] }),
  makeBundle({ ...base, bare: ['image-rofs'], blocks: null }),
  makeBundle({ ...base, system: (bytes) => sign(second, bytes) }),
  makeBundle({ ...base, system: (bytes) => sign(bundle, bytes) }),
  makeBundle({ ...base, ...signPureBundle, bare: ['image-kernel', 'image-rofs'] }),
  makeBundle({ ...base, ...signPureBundle, blocks: null }),
  makeBundle({ ...base, hashType: 'RSA-SHA512', sign: (bytes) => sign(bundle, bytes, 'sha512') }),
  makeBundle({ ...base, hashType: 'RSA-SHA512', blocks: null }),
  makeBundle({ ...base, blocks: { machine: 'romulus' } }),
];

interface Change {
  readonly kind: 'flip' | 'remove' | 'replace' | 'swap';
  /** Which member, in thousandths of the bundle. */
  readonly at: number;
  /** Of the bundle that a replacement comes from. */
  readonly from: number;
}

/** The bundle after a change: a bit of a member, the member, or its bytes, from itself or another bundle. */
function changed(members: readonly Member[], { kind, at, from }: Change): Member[] {
  const index = Math.floor((at * members.length) / 1000);
  const [name, bytes] = members[index]!;
  const donor = BUNDLES[from]!;
  switch (kind) {
    case 'flip':
      return edit(members, { [name]: flip(bytes, at % bytes.length) });
    case 'remove':
      return edit(members, { [name]: null });
    case 'replace':
      return edit(members, { [name]: donor.find(([same]) => same === name)?.[1] ?? bytes });
    case 'swap':
      return edit(members, { [name]: donor[at % donor.length]![1] });
  }
}

/** Whether the findings that OpenBmcTrust needs are valid, and nothing else is wrong with the bundle. */
async function acceptable(members: readonly Member[]): Promise<boolean> {
  const found = inspect(members);
  const { problems, index, received } = found;
  if (problems.length > 0 || faultsOf(found, [], null).length > 0 || found.scheme === null) return false;
  const findings = await findingsOf(found);
  // BLOCKS lists the images, so that an image needs no signature of its own.
  const needed = findings.filter(
    ({ of }) => received.signatures.has(of) || !(isImageName(of) && index !== null),
  );
  return needed.every(({ state }) => state === 'valid');
}

t.test('a bundle is accepted if and only if the findings that it needs are valid', async (t) => {
  const changes = fc.array(
    fc.record({
      kind: fc.constantFrom<Change['kind']>('flip', 'remove', 'replace', 'swap'),
      at: fc.nat(999),
      from: fc.nat(BUNDLES.length - 1),
    }),
    { maxLength: 3 },
  );
  const seen = { accepted: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(fc.nat(BUNDLES.length - 1), changes, async (which, list) => {
      const members = list.reduce<readonly Member[]>(changed, BUNDLES[which]!);
      const trust = new OpenBmcTrust(
        platform,
        keys,
        { machine: 'any' },
        { anyImages: true, hashes: ['sha384', 'sha512'] },
      );
      const accepted = await feed(trust, members).then(
        () => true,
        () => false,
      );
      seen[accepted ? 'accepted' : 'refused']++;
      return accepted === (await acceptable(members));
    }),
    { numRuns: 1500 },
  );
  t.ok(seen.accepted > 100 && seen.refused > 100, JSON.stringify(seen));
});
