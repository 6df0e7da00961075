import { constants, privateEncrypt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { nodePlatform } from '../../../../../src/host/node/platform.js';
import { isPss } from '../../../../../src/host/node/crypto/rsa-encoding.js';
import type { HashName, PublicKey, SignatureScheme } from '../../../../../src/core/platform.js';
import { digestOf, ecKey, edKey, flip, makeKey, rsaKey, sign, signPure } from '../../../../kit/trust-kit.js';
import { type KeyFiles, openssl } from '../../../../kit/keys.js';

const platform = await nodePlatform();
const HASHES = ['sha256', 'sha384', 'sha512'] as const;
const MESSAGE = Buffer.from('what is signed');
const OTHER = Buffer.from('what is not');

const rsa = rsaKey('rsa');
const keys: Record<string, KeyFiles> = {
  rsa,
  p256: ecKey('p256'),
  p384: ecKey('p384', 'P-384'),
  ed: edKey('ed'),
};
const parsed: Record<string, PublicKey> = {};
for (const [name, key] of Object.entries(keys)) parsed[name] = await platform.publicKey(key.pem);

interface Kind {
  readonly name: string;
  readonly key: string;
  readonly scheme: SignatureScheme;
  readonly hash: HashName;
  readonly make: (message: Uint8Array) => Buffer;
  /** What the platform is given in place of the message. */
  readonly digest: (message: Uint8Array) => Uint8Array;
}

const PSS = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt'];
const kinds: Kind[] = [];
for (const hash of HASHES) {
  const digest = (message: Uint8Array): Buffer => digestOf(hash, message);
  kinds.push({
    name: `PKCS#1 v1.5 ${hash}`,
    key: 'rsa',
    scheme: 'rsa-pkcs1',
    hash,
    digest,
    make: (m) => sign(rsa, m, hash),
  });
  for (const salt of ['digest', 'max', '0', '20']) {
    const make = (m: Uint8Array): Buffer => sign(rsa, m, hash, ...PSS, `rsa_pss_saltlen:${salt}`);
    kinds.push({ name: `PSS ${hash} salt ${salt}`, key: 'rsa', scheme: 'rsa-pss', hash, digest, make });
  }
  for (const key of ['p256', 'p384']) {
    kinds.push({
      name: `ECDSA ${key} ${hash}`,
      key,
      scheme: 'ecdsa',
      hash,
      digest,
      make: (m) => sign(keys[key]!, m, hash),
    });
  }
  kinds.push({
    name: `Ed25519 over ${hash}`,
    key: 'ed',
    scheme: 'ed25519',
    hash,
    digest,
    make: (m) => signPure(keys['ed']!, digest(m)),
  });
}
kinds.push({
  name: 'pure Ed25519',
  key: 'ed',
  scheme: 'ed25519',
  hash: 'sha512',
  digest: (m) => m,
  make: (m) => signPure(keys['ed']!, m),
});

for (const kind of kinds) {
  t.test(`${kind.name}: what openssl signs is right, and whatever is done to it is not`, async (t) => {
    const { scheme, hash } = kind;
    const digest = kind.digest(MESSAGE);
    const key = parsed[kind.key]!;
    const right = kind.make(MESSAGE);
    const check = (signature: Uint8Array, change = {}): Promise<boolean> =>
      key.verify({ scheme, hash, digest, signature, ...change });

    t.equal(await check(right), true);
    t.equal(await check(right), true, 'a second time');
    t.equal(await check(kind.make(OTHER)), false, 'of another message');
    t.equal(await check(right, { digest: kind.digest(OTHER) }), false, 'for another message');
    // ECDSA and P-384 are slow; a stride that meets every region is enough there.
    const stride = scheme === 'ecdsa' ? 9 : scheme === 'rsa-pss' ? 5 : 1;
    for (let at = 0; at < right.length; at += stride) {
      if (await check(flip(right, at))) t.fail(`byte ${at} flipped passes`);
    }
    const wrong: [string, Uint8Array][] = [
      ['empty', new Uint8Array(0)],
      ['cut by one', right.subarray(0, -1)],
      ['without its first byte', right.subarray(1)],
      ['longer by a zero', Buffer.concat([right, Buffer.alloc(1)])],
      ['longer by a zero in front', Buffer.concat([Buffer.alloc(1), right])],
      ['all zero', new Uint8Array(right.length)],
      ['all ones', new Uint8Array(right.length).fill(255)],
      ['the number one', Buffer.concat([Buffer.alloc(right.length - 1), Buffer.of(1)])],
      ['the digest itself', digest],
      ['twice', Buffer.concat([right, right])],
    ];
    for (const [how, signature] of wrong) t.equal(await check(signature), false, how);
    for (const other of ['rsa-pkcs1', 'rsa-pss', 'ecdsa', 'ed25519']) {
      if (other !== scheme) t.equal(await check(right, { scheme: other }), false, `as ${other}`);
    }
    if (scheme !== 'ed25519') {
      for (const other of HASHES)
        if (other !== hash) t.equal(await check(right, { hash: other }), false, `as ${other}`);
      t.equal(await check(right, { digest: digest.subarray(0, -1) }), false, 'for a part of the digest');
      t.equal(await check(right, { digest: new Uint8Array(0) }), false, 'for an empty digest');
    }
  });
}

t.test('ECDSA numbers out of range and lax DER are wrong', async (t) => {
  const digest = digestOf('sha256', MESSAGE);
  const right = sign(keys['p256']!, MESSAGE);
  const check = (signature: Uint8Array): Promise<boolean> =>
    parsed['p256']!.verify({ scheme: 'ecdsa', hash: 'sha256', digest, signature });
  const integer = (bytes: Uint8Array): Buffer => Buffer.concat([Buffer.of(2, bytes.length), bytes]);
  const der = (...parts: Uint8Array[]): Buffer => {
    const body = Buffer.concat(parts);
    return Buffer.concat([Buffer.of(0x30, body.length), body]);
  };
  const rLength = right[3]!;
  const r = right.subarray(4, 4 + rLength);
  const s = right.subarray(6 + rLength);
  t.equal(await check(der(integer(r), integer(s))), true, 'the parts are the right ones');
  const zero = Buffer.alloc(1);
  const order = Buffer.from('00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
  const table: [string, Buffer][] = [
    ['r = 0', der(integer(zero), integer(s))],
    ['s = 0', der(integer(r), integer(zero))],
    ['r = s = 0', der(integer(zero), integer(zero))],
    ['r = n', der(integer(order), integer(s))],
    ['s = n', der(integer(r), integer(order))],
    ['r without bytes', der(integer(Buffer.alloc(0)), integer(s))],
    ['a negative r', der(integer(Buffer.concat([Buffer.of(0x80), r.subarray(1)])), integer(s))],
    ['a padded r', der(integer(Buffer.concat([zero, zero, r])), integer(s))],
    ['three numbers', der(integer(r), integer(s), integer(s))],
    ['one number', der(integer(r))],
    ['a long length', Buffer.concat([Buffer.of(0x30, 0x81, right.length - 2), right.subarray(2)])],
    ['r and s as they are', Buffer.concat([r.subarray(-32), s.subarray(-32)])],
  ];
  for (const [how, signature] of table) t.equal(await check(signature), false, how);
});

t.test('RSA: the modulus as a signature, and a message that only begins right, are wrong', async (t) => {
  const digest = digestOf('sha256', MESSAGE);
  const modulus = Buffer.from(
    openssl('rsa', '-in', rsa.path, '-noout', '-modulus').toString().trim().slice('Modulus='.length),
    'hex',
  );
  // A raw RSA operation by the owner of the key: what is checked is the encoding, not the secret.
  const raw = (encoded: Buffer): Buffer =>
    privateEncrypt({ key: readFileSync(rsa.path), padding: constants.RSA_NO_PADDING }, encoded);
  const info = Buffer.concat([Buffer.from('3031300d060960864801650304020105000420', 'hex'), digest]);
  const noNull = Buffer.concat([Buffer.from('302f300b06096086480165030402010420', 'hex'), digest]);
  const encode = (type: number, filler: number, body: Buffer): Buffer => {
    const out = Buffer.alloc(256, 0);
    out[1] = type;
    out.fill(0xff, 2, 2 + filler);
    body.copy(out, 3 + filler);
    return out;
  };
  const check = (signature: Uint8Array): Promise<boolean> =>
    parsed['rsa']!.verify({ scheme: 'rsa-pkcs1', hash: 'sha256', digest, signature });
  t.equal(
    await check(raw(encode(1, 256 - 3 - info.length, info))),
    true,
    'the encoding made here is the right one',
  );
  t.equal(await check(modulus), false, 'the modulus');
  t.equal(await check(raw(encode(1, 8, info))), false, 'bytes behind the digest (Bleichenbacher 2006)');
  t.equal(await check(raw(encode(2, 256 - 3 - info.length, info))), false, 'block type 2');
  t.equal(await check(raw(encode(1, 256 - 3 - noNull.length, noNull))), false, 'DigestInfo without its NULL');
  t.equal(await check(raw(encode(1, 256 - 3 - digest.length, digest))), false, 'no DigestInfo');
});

t.test('RSA-PSS: an encoding that is right but for one rule is wrong', async (t) => {
  const digest = digestOf('sha256', MESSAGE);
  const salt = Buffer.alloc(32, 7);
  const mgf = (seed: Buffer, length: number): Buffer =>
    Buffer.concat(
      Array.from({ length: Math.ceil(length / 32) }, (_, i) =>
        digestOf('sha256', Buffer.concat([seed, Buffer.of(0, 0, 0, i)])),
      ),
    ).subarray(0, length);
  /** RFC 8017 9.1.1 for a modulus of 2048 bits, with one thing changed at will. */
  const encode = (change: {
    one?: number;
    filler?: number;
    top?: number;
    end?: number;
    zeros?: number;
  }): Buffer => {
    const hash = digestOf('sha256', Buffer.concat([Buffer.alloc(8, change.zeros ?? 0), digest, salt]));
    const block = Buffer.concat([Buffer.alloc(190, 0), Buffer.of(change.one ?? 1), salt]);
    block[100] = change.filler ?? 0;
    const mask = mgf(hash, block.length);
    for (let i = 0; i < block.length; i++) block[i] = block[i]! ^ mask[i]!;
    block[0] = (block[0]! & 0x7f) | (change.top ?? 0);
    return Buffer.concat([block, hash, Buffer.of(change.end ?? 0xbc)]);
  };
  const check = (encoded: Buffer, bits = 2048): boolean => isPss(encoded, bits, 'sha256', digest);
  const signature = privateEncrypt(
    { key: readFileSync(rsa.path), padding: constants.RSA_NO_PADDING },
    encode({}),
  );
  t.equal(await parsed['rsa']!.verify({ scheme: 'rsa-pss', hash: 'sha256', digest, signature }), true);
  t.equal(check(encode({})), true, 'the encoding made here is the right one');
  t.equal(check(encode({ one: 2 })), false, 'another separator');
  t.equal(check(encode({ one: 0 })), false, 'no separator');
  t.equal(check(encode({ filler: 3 })), false, 'filler that is not zero');
  t.equal(check(encode({ top: 0x80 })), false, 'a bit above the encoding');
  t.equal(check(encode({ end: 0xcc })), false, 'another end');
  t.equal(check(encode({ zeros: 1 })), false, 'no zeros before the digest');
  t.equal(check(Buffer.concat([Buffer.of(0), encode({})]), 2048), false, 'a byte too many');
  t.equal(check(Buffer.concat([Buffer.of(1), encode({})]), 2049), false, 'a first byte that must be zero');
  t.equal(check(Buffer.alloc(256)), false, 'nothing at all');
  t.equal(isPss(Buffer.alloc(33, 0xbc), 264, 'sha256', digest), false, 'a modulus too short for the hash');
});

t.test('RSA-PSS works where the modulus is a bit or two longer than whole bytes', async (t) => {
  // With two primes openssl makes even sizes only.
  for (const [bits, primes] of [
    [2049, 3],
    [2050, 2],
  ]) {
    const pair = ['-pkeyopt', `rsa_keygen_bits:${bits}`, '-pkeyopt', `rsa_keygen_primes:${primes}`];
    const key = makeKey(`rsa${bits}`, '-algorithm', 'RSA', ...pair);
    const parsed = await platform.publicKey(key.pem);
    t.equal(parsed.bits, bits);
    const signature = sign(key, MESSAGE, 'sha256', ...PSS, 'rsa_pss_saltlen:digest');
    const digest = digestOf('sha256', MESSAGE);
    t.equal(await parsed.verify({ scheme: 'rsa-pss', hash: 'sha256', digest, signature }), true);
    for (const at of [0, 1, 2, 128, 255, 256]) {
      t.equal(
        await parsed.verify({ scheme: 'rsa-pss', hash: 'sha256', digest, signature: flip(signature, at) }),
        false,
      );
    }
  }
});

t.test('a public key has its kind and its bits', async (t) => {
  const found = Object.values(parsed).map(({ kind, bits }) => [kind, bits]);
  t.strictSame(found, [
    ['rsa', 2048],
    ['ec', 256],
    ['ec', 384],
    ['ed25519', 255],
  ]);
  const crlf = Buffer.from(rsa.pem.toString().replaceAll('\n', '\r\n'));
  t.equal((await platform.publicKey(crlf)).bits, 2048, 'with CRLF');
  t.equal((await platform.publicKey(rsa.pem.subarray(0, -1))).bits, 2048, 'without the last LF');
});

t.test('whatever is not one public key of a known kind is refused', async (t) => {
  const pem = rsa.pem.toString();
  const der = openssl('pkey', '-in', rsa.path, '-pubout', '-outform', 'DER');
  const wrap = (bytes: Uint8Array): string =>
    `-----BEGIN PUBLIC KEY-----\n${Buffer.from(bytes).toString('base64')}\n-----END PUBLIC KEY-----\n`;
  t.equal((await platform.publicKey(Buffer.from(wrap(der)))).bits, 2048, 'the wrapper made here is right');
  const certificate = openssl('req', '-x509', '-key', rsa.path, '-subj', '/CN=x', '-days', '1');
  const explicit = openssl('ec', '-in', keys['p256']!.path, '-pubout', '-param_enc', 'explicit');
  const table: [string, string | Uint8Array][] = [
    ['nothing', ''],
    ['text', 'no key'],
    ['DER', der],
    ['a private key', openssl('pkey', '-in', rsa.path)],
    ['PKCS#1', openssl('rsa', '-in', rsa.path, '-RSAPublicKey_out')],
    ['a certificate', certificate],
    ['text in front', `x\n${pem}`],
    ['text behind', `${pem}x`],
    ['two keys', pem + pem],
    ['a key and a private key', pem + openssl('pkey', '-in', rsa.path).toString()],
    ['no end', pem.replace(/-----END.*/s, '')],
    ['odd characters', pem.replace('\nMII', '\nM I!I')],
    ['base64 that goes on after its end', pem.replace('\n-----END', 'AA==AAAA\n-----END')],
    ['bytes behind the key', wrap(Buffer.concat([der, Buffer.alloc(4)]))],
    ['half a key', wrap(der.subarray(0, 100))],
    ['an empty key', wrap(Buffer.alloc(0))],
    ['secp256k1', ecKey('k1', 'secp256k1').pem],
    ['P-521', ecKey('p521', 'P-521').pem],
    ['a curve by its parameters', explicit],
    ['X25519', makeKey('x25519', '-algorithm', 'X25519').pem],
    ['Ed448', makeKey('ed448', '-algorithm', 'ED448').pem],
    [
      'a key for PSS only',
      makeKey('psskey', '-algorithm', 'RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048').pem,
    ],
    ['an endless file', `${pem}${'\n'.repeat(20_000)}`],
    ['exponent 1', wrap(Buffer.concat([der.subarray(0, -3), Buffer.of(0, 0, 1)]))],
    ['exponent 65536', wrap(Buffer.concat([der.subarray(0, -3), Buffer.of(1, 0, 0)]))],
  ];
  for (const [what, input] of table) {
    await t.rejects(platform.publicKey(Buffer.from(input)), { code: 'ERR_TRUST_KEY' }, what);
  }
});
