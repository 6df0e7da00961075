import t from 'tap';
import * as fc from 'fast-check';
import {
  formatManifest,
  type Manifest,
  MAX_MANIFEST,
  parseManifest,
} from '../../../../src/core/bundle/manifest.js';

const parse = (text: string) => parseManifest(Buffer.from(text, 'latin1'));
const refused = { name: 'SluiceError', code: 'ERR_BUNDLE_MANIFEST' };
const BMC = 'xyz.openbmc_project.Software.Version.VersionPurpose.BMC';
const least = 'purpose=p\nversion=1\n';

t.test('a MANIFEST of the OpenBMC build is read', (t) => {
  const text = [
    `purpose=${BMC}`,
    'version=2.19.0-dev-123-gabcdef012',
    'BuildId=20260101000000',
    'ExtendedVersion=a b=c',
    'CompatibleName=com.example.one',
    'CompatibleName=com.example.two',
    'KeyType=OpenBMC',
    'HashType=RSA-SHA256',
    'MachineName=quanta-q71l',
    '',
  ];
  const expected: Manifest = {
    purpose: BMC,
    version: '2.19.0-dev-123-gabcdef012',
    machine: 'quanta-q71l',
    hashType: 'RSA-SHA256',
    keyType: 'OpenBMC',
    extendedVersion: 'a b=c',
  };
  t.strictSame(parse(text.join('\n')), expected);
  t.strictSame(parse(text.join('\r\n')), expected, 'a carriage return at the end of a line is dropped');
  t.strictSame(parse(text.join('\n').trimEnd()), expected, 'the last line needs no LF');
  t.end();
});

t.test('what is not there is null', (t) => {
  t.strictSame(parse(least), {
    purpose: 'p',
    version: '1',
    machine: null,
    hashType: null,
    keyType: null,
    extendedVersion: null,
  });
  t.end();
});

t.test('a line counts only when it starts with exactly key=', (t) => {
  const lines = [
    ' MachineName=a',
    'machinename=b',
    'MachineName =c',
    '#MachineName=d',
    'xMachineName=e',
    'MachineName',
  ];
  t.equal(parse(`${least}${lines.join('\n')}`).machine, null);
  t.equal(parse(`${least}MachineName= x = y `).machine, ' x = y ', 'nothing is trimmed');
  t.equal(parse(`${least}MachineName=x\r`).machine, 'x');
  t.end();
});

t.test('the first value wins, even an empty one', (t) => {
  t.equal(parse(`version=1\nversion=2\npurpose=p`).version, '1');
  t.equal(parse(`${least}MachineName=a\nMachineName=b`).machine, 'a');
  t.equal(parse(`${least}MachineName=\nMachineName=b`).machine, null);
  t.throws(() => parse('version=\nversion=2\npurpose=p'), refused);
  t.end();
});

t.test('version and purpose must be there', (t) => {
  for (const text of [
    '',
    '\n',
    'version=1\n',
    'purpose=p\n',
    'version=\npurpose=p\n',
    'version=1\npurpose=\r\n',
  ]) {
    t.throws(() => parse(text), refused, JSON.stringify(text));
  }
  t.throws(() => parse('version=1\n'), { message: /no purpose/ });
  t.end();
});

t.test('control characters are refused anywhere, other bytes where they matter', (t) => {
  for (const bad of ['\0', '\x01', '\t', '\x1b', '\x7f', 'a\rb', '\r\r']) {
    t.throws(() => parse(`${least}MachineName=${bad}\n`), refused, JSON.stringify(bad));
    t.throws(() => parse(`${least}Other=${bad}\n`), refused, JSON.stringify(bad));
  }
  t.throws(() => parse(`${least}MachineName=caf\xe9\n`), refused);
  t.equal(parse(`${least}Other=caf\xe9\n`).version, '1');
  t.end();
});

t.test('a MANIFEST may have 64 KiB and no more', (t) => {
  const filler = 'x'.repeat(MAX_MANIFEST - least.length);
  t.equal(parse(least + filler).version, '1');
  t.throws(() => parse(`${least + filler}x`), refused);
  t.end();
});

const value = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 50 });
const optional = fc.option(value, { nil: null });

t.test('what is written is read back', (t) => {
  const manifests = fc.record(
    {
      purpose: value,
      version: value,
      machine: optional,
      hashType: optional,
      keyType: optional,
      extendedVersion: optional,
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(
      manifests,
      (manifest) => void t.strictSame(parseManifest(formatManifest(manifest)), manifest),
    ),
  );
  const text = formatManifest({ ...parse(least), machine: 'm', keyType: 'k' });
  t.equal(Buffer.from(text).toString(), 'purpose=p\nversion=1\nKeyType=k\nMachineName=m\n');
  t.end();
});

t.test('a value that would read back as something else is not written', (t) => {
  for (const machine of ['', 'a\nversion=2', 'a\r', 'caf\xe9', '\u{1f600}']) {
    t.throws(() => formatManifest({ ...parse(least), machine }), refused, JSON.stringify(machine));
  }
  t.throws(() => formatManifest({ ...parse(least), machine: 'm'.repeat(MAX_MANIFEST) }), refused);
  t.end();
});
