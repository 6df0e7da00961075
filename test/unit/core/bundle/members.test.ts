import { imageOf, isImageName, partitionOf } from '../../../../src/core/bundle/image-name.js';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  checkMember,
  FULL_ORDER,
  FULL_SIGNATURE,
  MEMBER_LIMITS,
  memberKind,
  signatureOf,
  signedBy,
} from '../../../../src/core/bundle/members.js';

t.test('the members of stock and proven tarballs have their kinds', (t) => {
  const stock =
    'image-u-boot image-kernel image-rofs image-rwfs image-bmc image-hostfw image-u-boot-env'.split(' ');
  for (const name of stock) t.equal(memberKind(name), 'image', name);
  t.equal(memberKind('MANIFEST'), 'manifest');
  t.equal(memberKind('publickey'), 'publickey');
  t.equal(memberKind('BLOCKS'), 'blocks');
  for (const name of [...stock, 'MANIFEST', 'publickey', 'BLOCKS'])
    t.equal(memberKind(`${name}.sig`), 'signature', name);
  t.equal(memberKind('image-full.sig'), 'signature');
  for (const name of FULL_ORDER) t.equal(memberKind(signatureOf(name)), 'signature', name);
  t.end();
});

t.test('a folder has signatures of another algorithm, and their key', (t) => {
  for (const name of ['publickey', 'publickey.sig', 'MANIFEST.sig', 'image-kernel.sig', 'image-full.sig'])
    t.equal(memberKind(`MLDSA/${name}`), 'other-signature', name);
  t.end();
});

t.test('other members do not belong in a bundle', (t) => {
  const others = [
    '',
    'manifest',
    'MANIFEST ',
    'image',
    'image-',
    'image-full',
    'image-Kernel',
    'image--x',
    'image-_x',
    'image-a.b',
    'image-a b',
    'IMAGE-kernel',
    'README',
    '.sig',
    'README.sig',
    'image-.sig',
    'MANIFEST.sig.sig',
    'image-full.sig.sig',
    'MANIFEST.SIG',
    'xMANIFEST',
    'image-kernel\n',
    'constructor',
    'MLDSA/image-kernel',
    'MLDSA/MANIFEST',
    'MLDSA/BLOCKS',
    'MLDSA/README.sig',
    'MLDSA/',
    '/publickey',
    'a/b/publickey',
    '__proto__',
  ];
  for (const name of others)
    t.throws(() => memberKind(name), { code: 'ERR_BUNDLE_MEMBER', member: name }, JSON.stringify(name));
  t.end();
});

t.test('each kind has its largest size, and none may be empty', (t) => {
  const examples = {
    manifest: 'MANIFEST',
    publickey: 'publickey',
    blocks: 'BLOCKS',
    image: 'image-x',
    signature: 'image-x.sig',
    'other-signature': 'MLDSA/image-x.sig',
  } as const;
  for (const [kind, name] of Object.entries(examples) as [keyof typeof examples, string][]) {
    t.equal(checkMember(name, 1), kind);
    t.equal(checkMember(name, MEMBER_LIMITS[kind]), kind);
    for (const size of [0, MEMBER_LIMITS[kind] + 1, -1, Number.NaN]) {
      t.throws(
        () => checkMember(name, size),
        { code: 'ERR_BUNDLE_MEMBER_SIZE', member: name },
        `${name} ${size}`,
      );
    }
  }
  t.throws(() => checkMember('README', 1), { code: 'ERR_BUNDLE_MEMBER' });
  t.end();
});

t.test('names lead to partitions and signatures, and back', (t) => {
  t.equal(partitionOf('image-u-boot'), 'u-boot');
  t.equal(imageOf('u-boot'), 'image-u-boot');
  t.equal(signatureOf('MANIFEST'), 'MANIFEST.sig');
  t.equal(signedBy('MANIFEST.sig'), 'MANIFEST');
  t.equal(signedBy('MANIFEST'), null);
  t.equal(signedBy(FULL_SIGNATURE), 'image-full');
  t.equal(isImageName('image-full'), false);
  t.end();
});

t.test('the order under image-full.sig is the one of the build in en_US.UTF-8', (t) => {
  const collator = new Intl.Collator('en-US');
  t.strictSame([...FULL_ORDER].sort(collator.compare), FULL_ORDER);
  t.equal(FULL_ORDER.length, 8);
  t.end();
});

t.test('one file of src knows how images are named', (t) => {
  const folder = join(import.meta.dirname, '../../../../src');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.[jt]s$/.test(name),
  );
  t.ok(files.length > 200, 'all of src was looked at');
  const name = /['"`]image-/;
  const known = files.filter((path) =>
    readFileSync(join(folder, path), 'utf8')
      .split('\n')
      .some((line) => !/^\s*(?:\*|\/\*|\/\/)/.test(line) && name.test(line)),
  );
  t.same(known, [join('core', 'bundle', 'image-name.ts')]);
  t.end();
});
