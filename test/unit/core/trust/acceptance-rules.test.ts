import { assert, nat, property, tuple } from 'fast-check';
import t from 'tap';
import type { PublicKey } from '../../../../src/core/platform.js';
import {
  checkVersion,
  type AcceptanceRules,
  checkManifest,
  checkSecurityVersion,
  requireRules,
} from '../../../../src/core/trust/acceptance-rules.js';
import { KeyStore } from '../../../../src/core/trust/key-store.js';
import { parseScheme, signatureScheme } from '../../../../src/core/trust/scheme.js';
import { compareVersions, parseVersion } from '../../../../src/core/trust/version.js';
import { PURPOSE } from '../../../kit/bundle-maker.js';

const key = (kind: PublicKey['kind'], bits: number): PublicKey => ({ kind, bits, verify: async () => true });
const RSA = key('rsa', 2048);
const EC = key('ec', 256);
const ED = key('ed25519', 255);

t.test('an OpenSSL digest name says the hash, and the key says the scheme', async (t) => {
  for (const bits of ['256', '384', '512']) {
    for (const name of [`RSA-SHA${bits}`, `SHA${bits}`, `rsa-sha${bits}`, `Sha${bits}`]) {
      const scheme = parseScheme(name);
      t.equal(scheme.hash, `sha${bits}`);
      t.equal(signatureScheme(scheme, RSA, 'k'), 'rsa-pkcs1');
      t.equal(signatureScheme(scheme, EC, 'k'), 'ecdsa');
      t.throws(() => signatureScheme(scheme, ED, 'k'), { code: 'ERR_TRUST_HASH' });
    }
  }
});

t.test('a name of ours says the scheme, and fits one kind of key', async (t) => {
  const table = [
    ['RSA-PSS-SHA384', RSA, 'rsa-pss', 'sha384', [EC, ED]],
    ['ECDSA-SHA384', EC, 'ecdsa', 'sha384', [RSA, ED]],
    ['Ed25519-SHA512', ED, 'ed25519', 'sha512', [RSA, EC]],
    ['Ed25519-SHA256', ED, 'ed25519', 'sha256', [RSA, EC]],
    ['Ed25519', ED, 'ed25519', null, [RSA, EC]],
  ] as const;
  for (const [name, fit, scheme, hash, others] of table) {
    t.equal(parseScheme(name).hash, hash);
    t.equal(signatureScheme(parseScheme(name), fit, 'k'), scheme);
    for (const other of others) {
      t.throws(() => signatureScheme(parseScheme(name), other, 'k'), { code: 'ERR_TRUST_HASH' });
    }
  }
});

t.test('every other name is refused', async (t) => {
  const names = [
    '',
    'MD5',
    'RSA-MD5',
    'SHA1',
    'RSA-SHA1',
    'SHA224',
    'SHA3-256',
    'SHA512-256',
    'Ed25519-SHA384',
  ];
  names.push(
    ' SHA256',
    'SHA256 ',
    'RSA-SHA256\r',
    'SHA256\n',
    'RSA-PSS',
    'DSA-SHA256',
    'none',
    'RSA-\u017FHA256',
    'x'.repeat(9999),
  );
  for (const name of names) t.throws(() => parseScheme(name), { code: 'ERR_TRUST_HASH' }, name.slice(0, 20));
});

t.test('a key store is empty or has a weak or unfit key: it is refused', async (t) => {
  const scheme = parseScheme('SHA256');
  t.throws(() => new KeyStore([]), { code: 'ERR_TRUST_NO_KEYS' });
  const weak = [key('rsa', 1024), key('rsa', 2047), key('rsa', 8193), key('ec', 224), key('ec', 521)];
  for (const key of weak) {
    t.throws(
      () =>
        new KeyStore([
          { type: 'Good', key: RSA, scheme },
          { type: 'Weak', key, scheme },
        ]),
      { code: 'ERR_TRUST_KEY', message: /Weak/ },
    );
  }
  t.throws(() => new KeyStore([{ type: 'Odd', key: ED, scheme }]), {
    code: 'ERR_TRUST_HASH',
    message: /Odd/,
  });
  const pure = { type: 'Pure', key: ED, scheme: parseScheme('Ed25519') };
  const store = new KeyStore([
    { type: 'A', key: RSA, scheme: parseScheme('SHA512') },
    { type: 'B', key: EC, scheme: parseScheme('SHA512') },
    pure,
  ]);
  t.strictSame(store.hashes, ['sha512']);
});

t.test('versions are in order', async (t) => {
  const ascending = [
    '0.9',
    'v2.9',
    '2.9-3-gabcd',
    '2.10.0-dev',
    '2.10.0-dev-2-gabcdef',
    '2.10.0-dev-10-gabcdef',
    '2.10.0-rc1',
    '2.10.0-rc2',
    '2.10.0-rc10',
    '2.10.0-rc10-1-gabcd',
  ];
  ascending.push(
    '2.10.0',
    '2.10.0-1-g0123456',
    '2.10.1',
    '2.11',
    '10.0',
    '2024.05',
    '999999999999998',
    '999999999999999',
  );
  const versions = ascending.map((text) => parseVersion(text)!);
  versions.forEach((a, i) =>
    versions.forEach((b, j) =>
      t.equal(Math.sign(compareVersions(a, b)!), Math.sign(i - j), `${ascending[i]} and ${ascending[j]}`),
    ),
  );
  for (const [a, b] of [
    ['v2.9', '2.9.0'],
    ['2.9-dirty', '2.9'],
    ['2.9-1-gaaaa', '2.9-1-gbbbb-dirty'],
    ['2.09', '2.9'],
  ] as const) {
    t.equal(compareVersions(parseVersion(a)!, parseVersion(b)!), 0, `${a} and ${b}`);
  }
});

t.test('what is not a version in full passes no minimum of another form', async (t) => {
  const texts = [
    '',
    'v',
    '.',
    '2.',
    '.2',
    '2..1',
    '2.x',
    '2.9 ',
    ' 2.9',
    '2.9\n',
    '2.9-',
    '2.9-foo',
    '2.9-rc',
    '2.9-1',
    '2.9-1-abc',
    '-1.2',
    '+1',
    '1e3',
    '0x10',
    '2,9',
    'latest',
  ];
  texts.push('1'.repeat(16), '2.9-9999999999-gabcd', '1.1.1.1.1.1.1.1.1', '\u0662.9');
  for (const text of texts) {
    const rules = { machine: 'any', minimumVersion: '1' };
    t.throws(() => checkVersion(rules, text), { code: 'ERR_TRUST_VERSION' }, JSON.stringify(text));
  }
  for (const text of [
    '',
    'v',
    '.',
    'latest',
    '2#9',
    '2.9 ',
    '2.9\n',
    '\u0662.9',
    '1'.repeat(16),
    'x'.repeat(200),
  ])
    t.equal(parseVersion(text), null, JSON.stringify(text));
});

t.test('versions of vendors are compared by the numbers in them, if their forms are the same', async (t) => {
  const compare = (a: string, b: string): number | null => {
    const order = compareVersions(parseVersion(a)!, parseVersion(b)!);
    return order === null ? null : Math.sign(order);
  };
  for (const [older, newer] of [
    ['acme-2.9.0', 'acme-2.10'],
    ['2.9.0', 'acme-2.10'],
    ['ACME_BMC_2.9', '2.10'],
    ['fw1030.20-4', 'fw1030.20-10'],
    ['fw1030.20-99', 'fw1030.21-1'],
    ['tiogapass-v2020.23.1', 'tiogapass-v2021.12.0'],
    ['fp5280g2-v1.2.3', 'fp5280g2-v1.10.0'],
    ['2.19.0-r2', '2.19.0-r10'],
    ['acme-2.19.0-rc1', 'acme-2.19.0'],
    ['acme-2.19.0-r1-3-gabcdef', 'acme-2.19.0-r1-12-g012345-dirty'],
    ['2.19_20260101', '2.19_20260102'],
  ] as const) {
    t.equal(compare(older, newer), -1, `${older} is older than ${newer}`);
    t.equal(compare(newer, older), 1);
    t.equal(compare(older, older), 0);
  }
  for (const [a, b] of [
    ['fp5280g2-v1.2.3', '1.3.0'],
    ['acme-2.9', 'other-2.10'],
    ['2.19.0-r1', '2.19.0'],
    ['2.19.0-beta1', '2.19.0'],
    ['2.19a', '2.19b'],
    ['3.0.0x', '2.19.0'],
    ['a1b2c3d', '2.19.0'],
  ] as const) {
    t.equal(compare(a, b), null, `${a} and ${b}`);
    t.equal(compare(b, a), null);
    const rules = { machine: 'any', minimumVersion: b };
    t.throws(() => checkVersion(rules, a), { code: 'ERR_TRUST_VERSION', message: /cannot be compared/ });
  }
});

t.test('comparing is by number, for any numbers', async () => {
  const number = nat({ max: 2 ** 40 });
  assert(
    property(tuple(number, number, number), tuple(number, number, number), (a, b) => {
      const sign = Math.sign(a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
      return (
        Math.sign(compareVersions(parseVersion(a.join('.'))!, parseVersion(`v${b.join('.')}`)!)!) === sign
      );
    }),
  );
});

const MANIFEST = {
  purpose: PURPOSE,
  version: '2.19.0',
  machine: 'quanta-q71l',
  hashType: null,
  keyType: null,
  extendedVersion: null,
};

t.test('MANIFEST must be for this machine, a BMC and new enough', async (t) => {
  const q71l: AcceptanceRules = { machine: 'quanta-q71l' };
  const table = [
    [q71l, {}, null],
    [{ ...q71l, minimumVersion: 'v2.19' }, {}, null],
    [{ ...q71l, minimumVersion: '2.19.1' }, {}, 'ERR_TRUST_VERSION'],
    [{ ...q71l, minimumVersion: '2.18' }, { version: 'nightly' }, 'ERR_TRUST_VERSION'],
    [q71l, { version: 'nightly' }, null],
    [q71l, { machine: 'romulus' }, 'ERR_TRUST_MACHINE'],
    [q71l, { machine: 'any' }, 'ERR_TRUST_MACHINE'],
    [q71l, { machine: 'Quanta-Q71L' }, 'ERR_TRUST_MACHINE'],
    [q71l, { machine: null }, 'ERR_TRUST_MACHINE_UNKNOWN'],
    [{ machine: 'any' }, { machine: null }, null],
    [{ machine: 'any' }, { machine: 'romulus' }, null],
    [{ machine: null }, {}, 'ERR_TRUST_MACHINE_UNKNOWN'],
    [{ machine: '' }, { machine: '' }, 'ERR_TRUST_MACHINE_UNKNOWN'],
    [q71l, { purpose: PURPOSE.replace('BMC', 'Host') }, 'ERR_TRUST_PURPOSE'],
    [q71l, { purpose: `${PURPOSE} ` }, 'ERR_TRUST_PURPOSE'],
    [{ machine: 'any' }, { purpose: '' }, 'ERR_TRUST_PURPOSE'],
  ] as const;
  for (const [guard, change, code] of table) {
    const check = (): void => checkManifest(guard, { ...MANIFEST, ...change });
    if (code === null) t.doesNotThrow(check);
    else t.throws(check, { code }, JSON.stringify([guard, change]));
  }
});

t.test('the security version must be there and high enough when a minimum is set', async (t) => {
  const guard: AcceptanceRules = { machine: 'any', minimumSecurityVersion: 7 };
  t.doesNotThrow(() => checkSecurityVersion(guard, 7));
  t.doesNotThrow(() => checkSecurityVersion({ machine: 'any' }, null));
  for (const version of [6, 0, null, Number.NaN]) {
    t.throws(() => checkSecurityVersion(guard, version), { code: 'ERR_TRUST_SECURITY_VERSION' });
  }
  t.throws(() => checkSecurityVersion({ machine: 'any', minimumSecurityVersion: 0 }, null), {
    code: 'ERR_TRUST_SECURITY_VERSION',
  });
});

t.test('a guard that could let everything pass is refused', async (t) => {
  for (const minimumSecurityVersion of [Number.NaN, -1, 1.5, 2 ** 53]) {
    t.throws(() => requireRules({ machine: 'any', minimumSecurityVersion }), { code: 'ERR_USAGE_OPTION' });
  }
  t.throws(() => requireRules({ machine: 'any', minimumVersion: 'latest' }), { code: 'ERR_USAGE_OPTION' });
});
