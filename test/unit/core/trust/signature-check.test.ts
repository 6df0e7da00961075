import t from 'tap';
import { nodePlatform } from '../../../../src/host/node/platform.js';
import type { PublicKey } from '../../../../src/core/platform.js';
import { KeyStore } from '../../../../src/core/trust/key-store.js';
import { ReceivedMembers } from '../../../../src/core/trust/received-members.js';
import { parseScheme } from '../../../../src/core/trust/scheme.js';
import { checkSignature, findSystemKey } from '../../../../src/core/trust/signature-check.js';
import { Verifier } from '../../../../src/core/trust/verifier.js';
import { digestOf } from '../../../kit/trust-kit.js';

const platform = await nodePlatform();
const text = Buffer.from('text');
const sha256 = digestOf('sha256', text);

/** A key whose signature of a digest is `mark` and that digest. */
const keyOf = (mark: number, kind: PublicKey['kind'] = 'rsa'): PublicKey => ({
  kind,
  bits: kind === 'rsa' ? 2048 : 256,
  verify: async ({ digest, signature }) => Buffer.concat([Buffer.of(mark), digest]).equals(signature),
});
const signed = (mark: number, digest: Uint8Array): Buffer => Buffer.concat([Buffer.of(mark), digest]);
const rsa = new Verifier(keyOf(1), parseScheme('RSA-SHA256'), 'k');
const pure = new Verifier(keyOf(1, 'ed25519'), parseScheme('Ed25519'), 'k');

function receivedWith(signatures: Record<string, Uint8Array>): ReceivedMembers {
  const received = new ReceivedMembers();
  for (const [name, bytes] of Object.entries(signatures)) received.member(`${name}.sig`, bytes, true);
  return received;
}

t.test('each result of a check', async (t) => {
  const received = receivedWith({
    MANIFEST: signed(1, sha256),
    publickey: signed(2, sha256),
    BLOCKS: signed(1, sha256),
    'image-kernel': signed(1, sha256),
    'image-rofs': signed(1, sha256),
    'image-rwfs': signed(1, sha256),
  });
  received.member('MANIFEST', text, true);
  received.member('publickey', text, true);
  received.image('image-kernel', 4, { sha256 });
  received.image('image-rofs', 4, { sha256: digestOf('sha256', Buffer.from('other')) });
  const results = async (verifier: Verifier, ...names: string[]): Promise<string[]> => {
    const found: string[] = [];
    for (const name of names) found.push(await checkSignature(platform, verifier, received, name));
    return found;
  };
  t.strictSame(await results(rsa, 'MANIFEST', 'publickey'), ['valid', 'invalid']);
  t.strictSame(await results(rsa, 'image-kernel', 'image-rofs'), ['valid', 'invalid']);
  t.strictSame(await results(rsa, 'image-u-boot', 'image-full'), ['unsigned', 'unsigned']);
  t.strictSame(await results(rsa, 'image-rwfs', 'BLOCKS'), ['absent', 'absent']);
  t.strictSame(await results(pure, 'image-kernel', 'image-rwfs'), ['pure', 'absent']);
  const sha384 = new Verifier(keyOf(1), parseScheme('RSA-SHA384'), 'k');
  t.strictSame(await results(sha384, 'image-kernel'), ['unhashed']);
  t.equal(await checkSignature(platform, rsa, received, 'image-rwfs', { digests: { sha256 } }), 'valid');
  t.equal(await checkSignature(platform, rsa, received, 'image-rwfs', {}), 'unhashed');
});

t.test('BLOCKS is checked by its bytes if they were kept, else by its digests', async (t) => {
  const index = { machine: 'm', version: '1', securityVersion: null, images: new Map() };
  const check = (verifier: Verifier, content: object, signature: Uint8Array): Promise<string> => {
    const received = receivedWith({ BLOCKS: signature });
    received.addBlocks(index, content);
    return checkSignature(platform, verifier, received, 'BLOCKS');
  };
  t.equal(await check(rsa, { digests: { sha256 }, bytes: null }, signed(1, sha256)), 'valid');
  t.equal(await check(rsa, { digests: { sha256 }, bytes: null }, signed(2, sha256)), 'invalid');
  t.equal(await check(pure, { digests: { sha256 }, bytes: text }, signed(1, text)), 'valid');
  t.equal(await check(pure, { digests: { sha256 }, bytes: null }, signed(1, text)), 'pure');
  t.equal(await check(rsa, {}, signed(1, sha256)), 'unhashed');
});

t.test('image-full.sig is over the signatures that are there, joined in their order', async (t) => {
  const kernel = signed(7, sha256);
  const manifest = signed(8, sha256);
  const full = signed(1, digestOf('sha256', Buffer.concat([kernel, manifest])));
  const received = receivedWith({ MANIFEST: manifest, 'image-full': full, 'image-kernel': kernel });
  t.equal(await checkSignature(platform, rsa, received, 'image-full'), 'valid');
  received.member('image-rofs.sig', kernel, true);
  t.equal(await checkSignature(platform, rsa, received, 'image-full'), 'invalid');
});

t.test('the system key is the first that verifies every member', async (t) => {
  const scheme = parseScheme('RSA-SHA256');
  const keys = new KeyStore([
    { type: 'A', key: keyOf(1), scheme },
    { type: 'B', key: keyOf(2), scheme },
    { type: 'C', key: keyOf(2), scheme },
  ]);
  const find = async (manifest: number, publickey: number, ...names: string[]): Promise<string | null> => {
    const received = receivedWith({
      MANIFEST: signed(manifest, sha256),
      publickey: signed(publickey, sha256),
    });
    received.member('MANIFEST', text, true);
    received.member('publickey', text, true);
    return findSystemKey(platform, keys, received, ...(names as [string]));
  };
  t.equal(await find(1, 1, 'MANIFEST', 'publickey'), 'A');
  t.equal(await find(2, 2, 'MANIFEST', 'publickey'), 'B');
  t.equal(await find(1, 2, 'MANIFEST', 'publickey'), null);
  t.equal(await find(2, 1, 'MANIFEST', 'publickey'), null);
  t.equal(await find(1, 2, 'MANIFEST'), 'A');
  t.equal(await find(1, 2, 'publickey'), 'B');
  t.equal(await find(3, 3, 'MANIFEST'), null);
  t.equal(await find(1, 1, 'MANIFEST', 'BLOCKS'), null);
});
