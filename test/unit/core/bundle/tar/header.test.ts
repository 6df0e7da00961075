import t, { type Test } from 'tap';
import * as fc from 'fast-check';
import { readTarHeader } from '../../../../../src/core/bundle/tar/header.js';
import { tarNumber } from '../../../../../src/core/bundle/tar/number.js';
import { parsePax } from '../../../../../src/core/bundle/tar/pax.js';
import { gnuMagic, header, paxRecord } from '../../../../kit/tar-maker.js';

t.test('a ustar header gives name, type and size', (t) => {
  const read = readTarHeader(header({ name: 'image-rofs', prefix: 'some/dir', size: 0o1234567, type: '0' }));
  t.strictSame(read, { type: '0', name: 'some/dir/image-rofs', size: 0o1234567 });
  t.equal(
    readTarHeader(header({ name: 'n'.repeat(100) })).name,
    'n'.repeat(100),
    'a name may fill its field',
  );
  t.end();
});

t.test('a single flipped bit anywhere in a header is seen', (t) => {
  const names = ['image-kernel', 'n'.repeat(100)];
  for (const block of names.flatMap((name) => [
    header({ name, size: 77 }),
    header({ name, magic: gnuMagic }),
  ])) {
    let unseen = 0;
    for (let bit = 0; bit < 512 * 8; bit++) {
      const flipped = Buffer.from(block);
      flipped[bit >> 3] = flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7));
      try {
        readTarHeader(flipped);
        unseen++;
      } catch (error) {
        if (!['ERR_BUNDLE_TAR_HEADER', 'ERR_BUNDLE_TAR_NUMBER'].includes((error as { code: string }).code))
          throw error;
      }
    }
    t.equal(unseen, 0);
  }
  t.end();
});

t.test('headers without the magic of ustar or GNU tar are refused, V7 among them', (t) => {
  for (const magic of ['', 'ustar\0', 'ustar\x0001', 'USTAR\x0000', 'ustar  0']) {
    t.throws(
      () => readTarHeader(header({ magic })),
      { code: 'ERR_BUNDLE_TAR_HEADER' },
      JSON.stringify(magic),
    );
  }
  t.end();
});

t.test('the checksum is of unsigned bytes, in one of the three spellings in use', (t) => {
  const octal = (sum: number, digits: number) => sum.toString(8).padStart(digits, '0');
  for (const checksum of [
    (sum: number) => `${octal(sum, 6)}\0 `,
    (sum: number) => `${octal(sum, 6)} \0`,
    (sum: number) => `${octal(sum, 7)}\0`,
  ]) {
    t.equal(readTarHeader(header({ checksum })).name, 'image-kernel');
  }
  for (const checksum of [
    (sum: number) => `${octal(sum + 1, 6)}\0 `,
    (sum: number) => `${octal(sum, 6)}\0\0`,
    (sum: number) => ` ${octal(sum, 6)}\0`,
    (sum: number) => octal(sum, 8),
    () => '\0'.repeat(8),
    (sum: number) => `-${octal(sum, 5)}\0 `,
  ]) {
    t.throws(() => readTarHeader(header({ checksum })), { code: 'ERR_BUNDLE_TAR_HEADER' });
  }
  // Perl's Archive::Tar, and tars before POSIX.
  const blanks = (digits: number, end: string) => (sum: number) =>
    sum.toString(8).padStart(digits, ' ') + end;
  for (const checksum of [blanks(6, '\0 '), blanks(6, ' \0'), blanks(7, '\0')]) {
    t.match(readTarHeader(header({ checksum, size: '         77 ' })), { name: 'image-kernel', size: 0o77 });
    t.throws(() => readTarHeader(header({ checksum })), { code: 'ERR_BUNDLE_TAR_HEADER' });
  }
  // 0xff counts as 255; as a signed byte it would be -1.
  const signed = (sum: number) => `${octal(sum - 256, 6)}\0 `;
  t.throws(() => readTarHeader(header({ name: 'a\xff', checksum: signed })), {
    code: 'ERR_BUNDLE_TAR_HEADER',
  });
  t.equal(readTarHeader(header({ name: 'a\xff' })).name, 'a\xff');
  t.end();
});

const field = (text: string) => Buffer.from(text, 'latin1');
const binary = (value: bigint) => {
  const bytes = Buffer.alloc(12);
  bytes.writeBigUInt64BE(value, 4);
  bytes[0] = 0x80;
  return bytes;
};

t.test('numbers are octal, ended by space or NUL', (t) => {
  t.equal(tarNumber(field('00000001234\0'), 'size'), 0o1234);
  t.equal(tarNumber(field('   1234 '), 'size'), 0o1234);
  t.equal(tarNumber(field('0 \0'), 'size'), 0);
  for (const text of [
    '',
    '\0\0\0\0',
    '    ',
    '12345678',
    '12x\0',
    '8\0',
    '-1\0',
    '+1\0',
    '1 1\0',
    '1\0x',
    '\t1\0',
    '0x1\0',
  ]) {
    t.throws(() => tarNumber(field(text), 'size'), { code: 'ERR_BUNDLE_TAR_NUMBER' }, JSON.stringify(text));
  }
  t.throws(() => tarNumber(field('777777777777777777777\0'), 'size'), { code: 'ERR_BUNDLE_TAR_NUMBER' });
  t.end();
});

t.test('numbers in base-256 are taken up to 2^53 - 1', (t) => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (value) => void t.equal(tarNumber(binary(BigInt(value)), 'size'), value)),
  );
  t.equal(tarNumber(binary(2n ** 53n - 1n), 'size'), 2 ** 53 - 1);
  t.equal(tarNumber(Buffer.from([0x81, 2]), 'size'), 258, 'the low bits of the first byte count');
  for (const bytes of [
    binary(2n ** 53n),
    binary(2n ** 64n - 1n),
    Buffer.alloc(12, 0xff),
    Buffer.from([0xc0, 1]),
  ]) {
    t.throws(() => tarNumber(bytes, 'size'), { code: 'ERR_BUNDLE_TAR_NUMBER' });
  }
  t.end();
});

t.test('pax records give path and size; the rest is ignored', (t) => {
  const body = ['mtime', 'SCHILY.xattr.user.a', 'LIBARCHIVE.creationtime', 'comment', 'hdrcharset']
    .map((key) => paxRecord(key, 'a=b\nc\0d'))
    .join('');
  t.strictSame(parsePax(field(body), 'member'), { path: null, size: null });
  const more = field(body + paxRecord('path', './image-x') + paxRecord('size', '9007199254740991'));
  t.strictSame(parsePax(more, 'member'), { path: './image-x', size: 2 ** 53 - 1 });
  t.strictSame(parsePax(new Uint8Array(0), 'member'), { path: null, size: null });
  t.end();
});

t.test('records of any length are read back', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 3000 }), (path) => {
      const body = field(paxRecord('comment', 'x') + paxRecord('path', path));
      t.equal(parsePax(body, 'member').path, path);
    }),
  );
  t.end();
});

const badPax = (t: Test, body: string, code: string) =>
  t.throws(() => parsePax(field(body), 'member'), { code }, JSON.stringify(body));

t.test('malformed pax records are refused', (t) => {
  const good = paxRecord('mtime', '1');
  for (const body of [
    'x',
    ' ',
    '\0\0\0',
    '5',
    '012 path=abc\n',
    '-5 a=\n',
    '5a=b\n',
    '4 a=\n',
    '6 a=\n',
    '5 a=x',
    '4 =\n',
    '5 =b\n',
    '5 ab\n',
    '3 \n',
    '2 ',
    '0 a=b\n',
    '99999999999999999999 a=b\n',
    `${good}\n`,
    `${good}\0`,
    good.slice(0, -1),
    paxRecord('path', 'a') + paxRecord('path', 'a'),
    paxRecord('size', '1') + paxRecord('size', '1'),
  ]) {
    badPax(t, body, 'ERR_BUNDLE_TAR_HEADER');
  }
  for (const size of [
    '',
    '-1',
    '+1',
    ' 1',
    '01',
    '1.0',
    '0x10',
    '9007199254740992',
    '99999999999999999999999',
  ]) {
    badPax(t, paxRecord('size', size), 'ERR_BUNDLE_TAR_NUMBER');
  }
  t.end();
});
