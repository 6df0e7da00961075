/** What keys come in: PEM, hashfunc, and signatures, which are encodings too. */
import { createPublicKey, generateKeyPairSync, sign, verify, constants, type KeyObject } from 'node:crypto';
import { hashTypeOf } from '../../../../src/core/trust/load-keys.js';
import { parsePublicKey } from '../../../../src/host/node/crypto/public-key.js';
import { requireStrongKey } from '../../../../src/core/trust/key-store.js';
import { parseScheme } from '../../../../src/core/trust/scheme.js';
import type { SignatureScheme } from '../../../../src/core/platform.js';
import { latin1, must, type FuzzTarget } from '../target.js';
import { FIXED_KEYS } from '../fixed-keys.js';

const pems = FIXED_KEYS.map((pem) => latin1(pem));
const [rsaPem = '', ecPem = ''] = FIXED_KEYS;

/** The DER of a PEM, changed, and its lines made anew: damage that gets past base64. */
function mendPem(bytes: Buffer, below: (most: number) => number): Buffer {
  const text = bytes.toString('latin1');
  const [, body = ''] = /-----BEGIN PUBLIC KEY-----([\s\S]*?)-----END/.exec(text) ?? [];
  const der = Buffer.from(body, 'base64');
  if (der.length === 0) return bytes;
  const at = below(der.length);
  if (below(2) === 0) der[at] = der.readUInt8(at) ^ (1 << below(8));
  const lines = der.toString('base64').replaceAll(/.{64}/g, '$&\n').trimEnd();
  return latin1(`-----BEGIN PUBLIC KEY-----\n${lines}\n-----END PUBLIC KEY-----\n`);
}

export const pem: FuzzTarget = {
  name: 'pem',
  codes: ['ERR_TRUST_KEY'],
  seeds: [
    ...pems,
    latin1(rsaPem.replaceAll('\n', '\r\n')),
    latin1(rsaPem + ecPem),
    latin1(rsaPem.replaceAll('PUBLIC KEY', 'CERTIFICATE')),
  ],
  dictionary: ['-----BEGIN PUBLIC KEY-----\n', '-----END PUBLIC KEY-----\n', '=', '\r\n', 'AQAB', 'MIIB'],
  mend: (bytes, random) => (random.below(2) === 0 ? mendPem(bytes, (most) => random.below(most)) : bytes),
  run: (bytes) => {
    const key = parsePublicKey(bytes);
    requireStrongKey(key, 'it');
    const body = bytes.toString('latin1').replaceAll(/-----[^-]+-----|\s/g, '');
    // Of lines of some lengths OpenSSL reads no PEM; what is in them must be the same key to it.
    const other = createPublicKey({ key: Buffer.from(body, 'base64'), format: 'der', type: 'spki' });
    const der = other.export({ type: 'spki', format: 'der' });
    must(der.toString('base64') === body, 'a key with two encodings');
    const kinds: Record<string, string> = { rsa: 'rsa', ec: 'ec', ed25519: 'ed25519' };
    must(kinds[other.asymmetricKeyType ?? ''] === key.kind, 'openssl takes it for another kind');
    const { modulusLength } = other.asymmetricKeyDetails ?? {};
    must(modulusLength === undefined || modulusLength === key.bits, 'openssl finds another size');
    return `${key.kind} ${key.bits}`;
  },
};

export const hashfunc: FuzzTarget = {
  name: 'hashfunc',
  codes: ['ERR_TRUST_HASH'],
  seeds: [
    'HashType=RSA-SHA256\n',
    '# x\nHashType=Ed25519\r\n',
    'HashType=sha512',
    'a=b\nHashType=ECDSA-SHA384\n',
  ].map(latin1),
  dictionary: ['HashType=', 'RSA-SHA256', '\r\n', ' ', 'SHA1'],
  longest: 512,
  run: (bytes) => {
    const text = bytes.toString('latin1');
    const { name, hash } = parseScheme(hashTypeOf(text, 'hashfunc'));
    const lines = text.split('\n').filter((line) => line.startsWith('HashType='));
    must(lines.length === 1 && lines[0]?.replace(/\r$/, '') === `HashType=${name}`, 'grep finds another one');
    return `${hash}`;
  },
};

const message = latin1('what was signed');

interface Signed {
  readonly scheme: SignatureScheme;
  readonly privateKey: KeyObject;
  readonly padding?: number;
  readonly good: Buffer;
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed = generateKeyPairSync('ed25519');
const { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING } = constants;
const signed: readonly Signed[] = [
  { scheme: 'rsa-pkcs1', privateKey: rsa.privateKey, padding: RSA_PKCS1_PADDING },
  { scheme: 'rsa-pss', privateKey: rsa.privateKey, padding: RSA_PKCS1_PSS_PADDING },
  { scheme: 'ed25519', privateKey: ed.privateKey },
].map(({ scheme, privateKey, padding }) => {
  const key = padding === undefined ? privateKey : { key: privateKey, padding };
  return {
    scheme,
    privateKey,
    ...(padding === undefined ? {} : { padding }),
    good: sign(padding === undefined ? null : 'sha256', message, key),
  } as Signed;
});
const publicKeys = new Map(
  [rsa, ed].map(({ publicKey, privateKey }) => {
    const text = publicKey.export({ type: 'spki', format: 'pem' }) as string;
    return [privateKey, { ours: parsePublicKey(latin1(text)), theirs: publicKey }] as const;
  }),
);

/** The first byte says which key; the rest is the signature. */
export const signature: FuzzTarget = {
  name: 'signature',
  codes: [],
  seeds: signed.map(({ good }, at) => Buffer.concat([Buffer.from([at]), good])),
  longest: 600,
  run: async (bytes) => {
    const which = (bytes[0] ?? 0) % signed.length;
    const { scheme, privateKey, padding, good } = signed[which] as Signed;
    const signature = bytes.subarray(1);
    const { ours, theirs } = publicKeys.get(privateKey) as {
      ours: ReturnType<typeof parsePublicKey>;
      theirs: KeyObject;
    };
    const digest =
      padding === undefined
        ? message
        : (await import('node:crypto')).createHash('sha256').update(message).digest();
    const right = await ours.verify({ scheme, hash: 'sha256', digest, signature });
    let other = false;
    try {
      const key = padding === undefined ? theirs : { key: theirs, padding };
      other = verify(padding === undefined ? null : 'sha256', message, key, signature);
    } catch {
      // It refuses some by throwing.
    }
    must(right === other, `openssl says ${other}, we say ${right}`);
    must(
      !right || padding === RSA_PKCS1_PSS_PADDING || signature.equals(good),
      'a second signature of the same',
    );
    return `${which} ${right}`;
  },
};
