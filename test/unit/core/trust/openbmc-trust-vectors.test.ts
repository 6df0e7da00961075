import { readFileSync } from 'node:fs';
import t from 'tap';
import { nodePlatform } from '../../../../src/host/node/platform.js';
import { OpenBmcTrust } from '../../../../src/core/trust/openbmc-trust.js';
import { KeyStore, systemKey } from '../../../../src/core/trust/key-store.js';
import { feed, shuffled, splitTar } from '../../../kit/trust-kit.js';

const TAR = new URL('../../../fixtures/tar/', import.meta.url);
const platform = await nodePlatform();
const read = (name: string): Buffer => readFileSync(new URL(name, TAR));
const { cases } = JSON.parse(read('cases.json').toString()) as {
  cases: { name: string; file: string; upstream_code_mgmt_signature_valid: boolean; first_failure: string }[];
};

const hashType = read('hashfunc').toString().trim().slice('HashType='.length);
const keys = new KeyStore([await systemKey(platform, 'OpenBMC', read('system-publickey.pem'), hashType)]);
const chain = (): OpenBmcTrust =>
  new OpenBmcTrust(platform, keys, { machine: 'quanta-q71l' }, { anyImages: true });

/**
 * Upstream wants all four partitions; for us a bundle may have some of them. `missing-rwfs` is not among these:
 * its image-full.sig is that of good-stock, over the signature that was taken out.
 */
const PARTIAL = new Set(['kernel-only', 'rofs-only', 'rwfs-only']);

/** The code and the member that each kind of damage must be reported with. */
function expected(failure: string, name: string): { code: string; member?: string } {
  if (name === 'no-full-sig') return { code: 'ERR_TRUST_SIGNATURE_MISSING', member: 'image-full' };
  const member =
    failure === 'full' || failure.startsWith('missing:')
      ? 'image-full'
      : failure.slice(failure.indexOf(':') + 1);
  return { code: 'ERR_TRUST_SIGNATURE', member };
}

t.equal(cases.length, 19, 'all vectors are here');
for (const { name, file, upstream_code_mgmt_signature_valid: valid, first_failure: failure } of cases) {
  const good = valid || PARTIAL.has(name);
  t.test(`${name} is ${good ? 'proven' : 'refused'} in its own order and in any other`, async (t) => {
    const members = await splitTar(new URL(file, TAR).pathname);
    const orders = [members, [...members].reverse(), ...[1, 2, 3, 4].map((seed) => shuffled(members, seed))];
    for (const order of orders) {
      const trust = chain();
      if (good) {
        const proof = await feed(trust, order);
        t.equal(proof.key, 'OpenBMC');
        t.equal(proof.manifest?.version, '2.19.0-dev-42-gdeadbeef');
        t.equal(trust.index, null);
      } else {
        await t.rejects(feed(trust, order), expected(failure, name));
        await t.rejects(trust.finish(), expected(failure, name), 'and stays refused');
      }
    }
  });
}

t.test('a good bundle is refused on a board that has another key', async (t) => {
  const other = new KeyStore([await systemKey(platform, 'Other', read('image-publickey.pem'), hashType)]);
  const members = await splitTar(new URL('good-stock.tar', TAR).pathname);
  const trust = new OpenBmcTrust(platform, other, { machine: 'quanta-q71l' });
  await t.rejects(feed(trust, members), { code: 'ERR_TRUST_SIGNATURE', member: 'MANIFEST' });
  t.equal(trust.manifest, null);
});

t.test('a good bundle is refused on another machine', async (t) => {
  const members = await splitTar(new URL('good-stock.tar', TAR).pathname);
  const trust = new OpenBmcTrust(platform, keys, { machine: 'romulus' });
  await t.rejects(feed(trust, members), { code: 'ERR_TRUST_MACHINE' });
});

t.test('no member of a good bundle can be left out', async (t) => {
  const members = await splitTar(new URL('good-sigfirst.tar', TAR).pathname);
  for (const [name] of members) {
    const rest = members.filter(([other]) => other !== name);
    await t.rejects(feed(chain(), rest), { name: 'SluiceError' }, name);
  }
});
