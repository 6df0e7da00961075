import t from 'tap';
import { nodePlatform } from '../../../../src/host/node/platform.js';
import type { PublicKey } from '../../../../src/core/platform.js';
import { KeyStore } from '../../../../src/core/trust/key-store.js';
import { parseScheme } from '../../../../src/core/trust/scheme.js';
import { Verifier } from '../../../../src/core/trust/verifier.js';
import { compareVersions, parseVersion } from '../../../../src/core/trust/version.js';

const platform = await nodePlatform();
const bytes = Uint8Array.of(1, 2, 3);

type Question = Parameters<PublicKey['verify']>[0];

/** A key that gives this answer, and keeps what it was asked. */
function keyOf(kind: PublicKey['kind'], answer: unknown = true): PublicKey & { asked: Question[] } {
  const asked: Question[] = [];
  return {
    kind,
    bits: kind === 'rsa' ? 2048 : 256,
    asked,
    verify: async (question) => {
      asked.push(question);
      return answer as boolean;
    },
  };
}

t.test('a key is asked for the digest by the hash of its scheme', async (t) => {
  const key = keyOf('rsa');
  const verifier = new Verifier(key, parseScheme('RSA-SHA384'), 'k');
  t.equal(await verifier.verifyBytes(platform, bytes, bytes), true);
  t.equal(await verifier.verifyDigest(new Uint8Array(48), bytes), true);
  t.match(key.asked, [
    { scheme: 'rsa-pkcs1', hash: 'sha384', signature: bytes },
    { scheme: 'rsa-pkcs1', hash: 'sha384', digest: new Uint8Array(48) },
  ]);
  t.equal(key.asked[0]?.digest.length, 48);
});

t.test('pure Ed25519 is asked for the bytes, and answers for no digest', async (t) => {
  const key = keyOf('ed25519');
  const verifier = new Verifier(key, parseScheme('Ed25519'), 'k');
  t.equal(await verifier.verifyDigest(new Uint8Array(32), bytes), false);
  t.same(key.asked, []);
  t.equal(await verifier.verifyBytes(platform, bytes, bytes), true);
  t.match(key.asked, [{ scheme: 'ed25519', digest: bytes }]);
});

t.test('an empty signature is wrong, and only `true` is right', async (t) => {
  const verifier = new Verifier(keyOf('rsa'), parseScheme('SHA256'), 'k');
  t.equal(await verifier.verifyBytes(platform, bytes, new Uint8Array(0)), false);
  for (const answer of [false, null, 1, 'true', {}]) {
    const odd = new Verifier(keyOf('rsa', answer), parseScheme('SHA256'), 'k');
    t.equal(await odd.verifyBytes(platform, bytes, bytes), false, String(answer));
  }
});

t.test('the smallest and the largest key that are accepted', (t) => {
  const scheme = parseScheme('SHA256');
  const sizes = [
    ['rsa', 2048],
    ['rsa', 8192],
    ['ec', 256],
    ['ec', 384],
  ] as const;
  for (const [kind, bits] of sizes) {
    t.doesNotThrow(() => new KeyStore([{ type: 'Own', key: { ...keyOf(kind), bits }, scheme }]), `${bits}`);
  }
  t.end();
});

t.test('a version with more numbers is newer, unless they are 0', (t) => {
  const compare = (a: string, b: string): number => compareVersions(parseVersion(a)!, parseVersion(b)!)!;
  t.ok(compare('2.9', '2.9.1') < 0);
  t.ok(compare('2.9.0.1', '2.9') > 0);
  t.equal(compare('2.9', '2.9.0.0'), 0);
  t.end();
});
