import t from 'tap';
import * as fc from 'fast-check';
import { createHash } from 'node:crypto';
import {
  blockCount,
  blockDigest,
  type BlockIndex,
  blockLength,
  BLOCKS_LIMITS,
  type BlocksLimits,
  formatBlocks,
  type ImageIndex,
  MAX_BLOCKS_SIZE,
} from '../../../../src/core/bundle/block-index.js';
import { BlocksParser } from '../../../../src/core/bundle/block-index-parser.js';
import { SluiceError } from '../../../../src/core/errors.js';
import { pieces, split } from '../../../kit/tar-maker.js';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

function parse(
  bytes: Uint8Array,
  chunks: Iterable<Uint8Array> = [bytes],
  memberSize = bytes.length,
): BlockIndex {
  const parser = new BlocksParser(memberSize);
  for (const chunk of chunks) parser.write(chunk);
  return parser.end();
}
const parseText = (text: string) => parse(Buffer.from(text, 'latin1'));

/** The index of some bytes, made with nothing of ours. */
function textOf(images: Record<string, Uint8Array>, head: string[], blockSize = 4096): string {
  const lines = ['sluice-blocks 1', ...head];
  for (const [partition, bytes] of Object.entries(images)) {
    const digest = sha256(bytes).toString('hex');
    lines.push(
      `image image-${partition} partition ${partition} size ${bytes.length} block ${blockSize} sha256 ${digest}`,
    );
    for (const block of pieces(bytes, blockSize)) lines.push(sha256(block).toString('hex'));
  }
  return `${lines.join('\n')}\n`;
}

const kernel = Buffer.alloc(10_000, 'kernel');
const rofs = Buffer.alloc(8192, 'rofs');
const head = ['machine quanta-q71l', 'version 2.19.0', 'security-version 7'];
const good = textOf({ kernel, 'u-boot': rofs }, head);

t.test('an index is read', (t) => {
  const index = parseText(good);
  t.match(index, { machine: 'quanta-q71l', version: '2.19.0', securityVersion: 7 });
  t.strictSame([...index.images.keys()], ['image-kernel', 'image-u-boot']);
  const image = index.images.get('image-kernel') as ImageIndex;
  t.match(image, { member: 'image-kernel', partition: 'kernel', size: 10_000, blockSize: 4096 });
  t.strictSame(Buffer.from(image.sha256), sha256(kernel));
  t.equal(blockCount(image), 3);
  t.strictSame(
    [0, 1, 2].map((k) => blockLength(image, k)),
    [4096, 4096, 1808],
  );
  t.equal(blockLength(index.images.get('image-u-boot') as ImageIndex, 1), 4096, 'a last block may be whole');
  for (let k = 0; k < 3; k++) {
    t.strictSame(Buffer.from(blockDigest(image, k)), sha256(kernel.subarray(k * 4096, (k + 1) * 4096)));
  }
  t.equal(blockDigest(image, 1).buffer, image.digests.buffer, 'a view');
  for (const k of [-1, 3, 0.5, Number.NaN]) {
    t.throws(() => blockDigest(image, k), { code: 'ERR_BUNDLE_BLOCKS' });
    t.throws(() => blockLength(image, k), { code: 'ERR_BUNDLE_BLOCKS' });
  }
  t.end();
});

t.test('the security version may be left out', (t) => {
  t.equal(parseText(textOf({ kernel }, head.slice(0, 2))).securityVersion, null);
  t.end();
});

t.test('any split of the text gives the same index', (t) => {
  const bytes = Buffer.from(good);
  const whole = parse(bytes);
  t.strictSame(parse(bytes, pieces(bytes, 1)), whole, 'one byte at a time');
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 30 }), (places) => {
      t.strictSame(parse(bytes, split(bytes, places)), whole);
    }),
  );
  t.end();
});

const word = fc.stringMatching(/^[\x21-\x7e]{1,40}$/);
const image = fc
  .record({
    partition: fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,20}$/).filter((name) => name !== 'full'),
    blockSize: fc.integer({ min: 12, max: 22 }).map((power) => 2 ** power),
    whole: fc.nat(20),
    last: fc.nat(),
    sha256: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  })
  .map(({ partition, blockSize, whole, last, sha256 }): ImageIndex => {
    const size = whole * blockSize + 1 + (last % blockSize);
    const digests = new Uint8Array(32 * (whole + 1)).map((_, i) => (last + i * 7) & 255);
    return { member: `image-${partition}`, partition, size, blockSize, sha256, digests };
  });
const indexes = fc.record(
  {
    machine: word,
    version: word,
    securityVersion: fc.option(fc.maxSafeNat(), { nil: null }),
    images: fc
      .uniqueArray(image, { selector: ({ member }) => member, minLength: 1, maxLength: 10 })
      .map((images) => new Map(images.map((image) => [image.member, image]))),
  },
  { noNullPrototype: true },
);

t.test("format and parse are each other's inverse", (t) => {
  t.equal(Buffer.from(formatBlocks(parseText(good))).toString(), good);
  fc.assert(
    fc.property(indexes, (index) => {
      const text = formatBlocks(index);
      const read = parse(text);
      t.strictSame(read, index);
      t.strictSame([...read.images.keys()], [...index.images.keys()], 'in the same order');
      t.ok(Buffer.from(text).equals(formatBlocks(read)));
    }),
  );
  t.end();
});

t.test('a text with one byte changed, added or taken away is refused, or is canonical too', (t) => {
  const bytes = Buffer.from(good);
  const change = fc.record({
    at: fc.nat(bytes.length - 1),
    remove: fc.nat(2),
    insert: fc.array(fc.constantFrom(...Buffer.from(' \n\r\x00019aAfz=-')), { maxLength: 2 }),
  });
  let refused = 0;
  fc.assert(
    fc.property(change, ({ at, remove, insert }) => {
      const changed = Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(insert),
        bytes.subarray(at + remove),
      ]);
      let index: BlockIndex;
      try {
        index = parse(changed);
      } catch (error) {
        refused++;
        if (!(error instanceof SluiceError) || error.code !== 'ERR_BUNDLE_BLOCKS') throw error;
        if (!/^BLOCKS, line \d+: /.test(error.message)) t.fail(error.message);
        return;
      }
      if (!changed.equals(formatBlocks(index))) t.fail(changed.toString('latin1'));
    }),
    { numRuns: 2000 },
  );
  t.ok(refused > 1000, 'most of them are refused');
  t.end();
});

t.test('what is not the format is refused, with the number of the line', (t) => {
  const digest = 'ab'.repeat(32);
  const imageLine = (change: Record<string, string> = {}) => {
    const fields = {
      image: 'image-x',
      partition: 'x',
      size: '4096',
      block: '4096',
      sha256: digest,
      ...change,
    };
    return Object.entries(fields).flat().join(' ');
  };
  const text = (...lines: string[]) =>
    `${['sluice-blocks 1', 'machine m', 'version v', ...lines].join('\n')}\n`;
  t.equal(parseText(text(imageLine(), digest)).images.size, 1, 'the text that the cases below spoil is good');

  const many = Array.from({ length: 65 }, (_, i) => [
    imageLine({ image: `image-x${i}`, partition: `x${i}` }),
    digest,
  ]);
  const cases: [string, number, string][] = [
    ['nothing', 1, ''],
    ['only LF', 1, '\n'],
    ['another version', 1, 'sluice-blocks 2\n'],
    ['a space at the end', 1, 'sluice-blocks 1 \n'],
    ['CRLF', 1, text(imageLine(), digest).replaceAll('\n', '\r\n')],
    ['a BOM', 1, `\xef\xbb\xbf${text(imageLine(), digest)}`],
    ['no machine', 2, 'sluice-blocks 1\nversion v\n'],
    ['an empty machine', 2, 'sluice-blocks 1\nmachine \nversion v\n'],
    ['two words of machine', 2, 'sluice-blocks 1\nmachine a b\nversion v\n'],
    ['a machine that is not ASCII', 2, 'sluice-blocks 1\nmachine \xe9\nversion v\n'],
    ['two spaces', 2, 'sluice-blocks 1\nmachine  a\nversion v\n'],
    ['no version', 3, 'sluice-blocks 1\nmachine m\nsecurity-version 1\n'],
    ['no image', 4, text()],
    ['no image after the security version', 5, text('security-version 1')],
    ['a negative security version', 4, text('security-version -1', imageLine(), digest)],
    ['a security version with a zero ahead', 4, text('security-version 07', imageLine(), digest)],
    ['a security version of 2^53', 4, text('security-version 9007199254740992', imageLine(), digest)],
    ['the security version twice', 5, text('security-version 1', 'security-version 1', imageLine(), digest)],
    ['the security version behind an image', 6, text(imageLine(), digest, 'security-version 1')],
    ['an empty line', 4, text('', imageLine(), digest)],
    ['an empty line at the end', 6, text(imageLine(), digest, '')],
    ['a comment', 4, text('# x', imageLine(), digest)],
    ['an image in capitals', 4, text(imageLine({ image: 'image-X', partition: 'X' }), digest)],
    ['an image with a dot', 4, text(imageLine({ image: 'image-x.sig', partition: 'x.sig' }), digest)],
    ['image-full', 4, text(imageLine({ image: 'image-full', partition: 'full' }), digest)],
    ['no image name', 4, text(imageLine({ image: 'MANIFEST', partition: 'x' }), digest)],
    ['another partition', 4, text(imageLine({ partition: 'y' }), digest)],
    ['an empty image', 4, text(imageLine({ size: '0' }))],
    ['a size with a zero ahead', 4, text(imageLine({ size: '04096' }), digest)],
    ['a size with a sign', 4, text(imageLine({ size: '+4096' }), digest)],
    ['a size of 2^53', 4, text(imageLine({ size: '9007199254740992' }), digest)],
    ['a block of 2 KiB', 4, text(imageLine({ block: '2048', size: '2048' }), digest)],
    ['a block of 8 MiB', 4, text(imageLine({ block: '8388608' }), digest)],
    ['a block that is no power of two', 4, text(imageLine({ block: '12288' }), digest)],
    ['a block of 0', 4, text(imageLine({ block: '0' }), digest)],
    ['a digest in capitals', 4, text(imageLine({ sha256: digest.toUpperCase() }), digest)],
    ['a short digest', 4, text(imageLine({ sha256: digest.slice(2) }), digest)],
    ['one field more', 4, text(imageLine({ more: '1' }), digest)],
    [
      'the fields in another order',
      4,
      text(`image image-x size 1 partition x block 4096 sha256 ${digest}`, digest),
    ],
    ['a block digest in capitals', 5, text(imageLine(), digest.toUpperCase())],
    ['a short block digest', 5, text(imageLine(), digest.slice(1), digest)],
    ['a long block digest', 5, text(imageLine(), `${digest}0`)],
    ['a space behind a block digest', 5, text(imageLine(), `${digest} `)],
    ['a block too many', 6, text(imageLine(), digest, digest)],
    [
      'a block too few',
      6,
      text(imageLine({ size: '4097' }), digest, imageLine({ image: 'image-y', partition: 'y' }), digest),
    ],
    ['an image twice', 6, text(imageLine(), digest, imageLine(), digest)],
    ['65 images', 4 + 2 * 64, text(...many.flat())],
    ['65,537 blocks', 4, text(imageLine({ size: String(65_537 * 4096) }), digest)],
    [
      '65,537 blocks of two images',
      6,
      text(imageLine(), digest, imageLine({ image: 'image-y', partition: 'y', size: String(65_536 * 4096) })),
    ],
    ['a line of 513 bytes', 2, `sluice-blocks 1\nmachine ${'m'.repeat(505)}\n`],
    ['no LF at the end', 6, text(imageLine(), digest, 'x').slice(0, -1)],
    ['no LF behind the last digest', 4, text(imageLine(), digest).slice(0, -1)],
  ];
  for (const [what, line, bad] of cases) {
    t.throws(
      () => parseText(bad),
      { name: 'SluiceError', code: 'ERR_BUNDLE_BLOCKS', message: `BLOCKS, line ${line}: ` },
      what,
    );
    t.throws(
      () => parse(Buffer.from(bad, 'latin1'), pieces(Buffer.from(bad, 'latin1'), 7)),
      { message: `BLOCKS, line ${line}: ` },
      what,
    );
  }
  t.end();
});

t.test('the member must be as long as its header says', (t) => {
  const bytes = Buffer.from(good);
  t.throws(() => parse(bytes, [bytes], bytes.length + 1), { code: 'ERR_BUNDLE_BLOCKS' }, 'shorter');
  t.throws(() => parse(bytes, [bytes], bytes.length - 1), { code: 'ERR_BUNDLE_BLOCKS' }, 'longer');
  for (const size of [-1, 0.5, Number.NaN, Infinity]) {
    t.throws(() => new BlocksParser(size), { code: 'ERR_BUNDLE_BLOCKS' });
  }
  t.end();
});

t.test('digests that cannot come are not allocated for', (t) => {
  const line = `image image-x partition x size ${65_536 * 4096} block 4096 sha256 ${'0'.repeat(64)}\n`;
  const bytes = Buffer.from(`sluice-blocks 1\nmachine m\nversion v\n${line}`);
  t.throws(() => parse(bytes, [bytes], bytes.length + 65 * 65_535), {
    message: /line 4: .* before their digests/,
  });
  const parser = new BlocksParser(bytes.length + 65 * 65_536);
  parser.write(bytes);
  t.throws(() => parser.end(), { code: 'ERR_BUNDLE_BLOCKS' });
  t.end();
});

t.test('blocks and images are counted over the whole index', (t) => {
  const bytes = Buffer.from(good);
  const within = (limits: Partial<BlocksLimits>) => {
    const parser = new BlocksParser(bytes.length, { ...BLOCKS_LIMITS, ...limits });
    parser.write(bytes);
    return parser.end();
  };
  t.equal(within({ blocks: 5, images: 2 }).images.size, 2);
  t.throws(() => within({ blocks: 4 }), { code: 'ERR_BUNDLE_BLOCKS', message: 'more than 4' });
  t.throws(() => within({ images: 1 }), { code: 'ERR_BUNDLE_BLOCKS', message: 'more than 1 images' });
  t.end();
});

t.test('the largest index fits the largest member', (t) => {
  const images = Array.from({ length: BLOCKS_LIMITS.images }, (_, i): ImageIndex => {
    const partition = `p${i}`;
    const size = 1024 * 4096;
    const digests = new Uint8Array(1024 * 32).fill(i);
    return {
      member: `image-${partition}`,
      partition,
      size,
      blockSize: 4096,
      sha256: new Uint8Array(32),
      digests,
    };
  });
  const map = new Map(images.map((image) => [image.member, image]));
  const index: BlockIndex = { machine: 'm', version: 'v', securityVersion: 1, images: map };
  const text = formatBlocks(index);
  t.ok(text.length <= MAX_BLOCKS_SIZE);
  t.ok(parse(text, pieces(text, 65_536)).images.size === 64);
  const [first] = images as [ImageIndex];
  const more = new Map(map).set('image-p0', {
    ...first,
    size: first.size + 1,
    digests: new Uint8Array(1025 * 32),
  });
  t.throws(() => formatBlocks({ ...index, images: more }), { code: 'ERR_BUNDLE_BLOCKS' }, 'a block more');
  t.end();
});

t.test('an index that could not be read back is not written', (t) => {
  const index = parseText(good);
  const first = index.images.get('image-kernel') as ImageIndex;
  const changed = (change: Partial<ImageIndex>): BlockIndex => {
    const image = { ...first, ...change };
    return { ...index, images: new Map([[image.member, image]]) };
  };
  const cases: BlockIndex[] = [
    { ...index, machine: '' },
    { ...index, machine: 'a b' },
    { ...index, machine: 'm'.repeat(505) },
    { ...index, version: 'a\nb' },
    { ...index, securityVersion: -1 },
    { ...index, securityVersion: 2 ** 53 },
    { ...index, images: new Map() },
    { ...index, images: new Map([['image-rofs', first]]) },
    changed({ member: 'kernel' }),
    changed({ partition: 'rofs' }),
    changed({ size: 0 }),
    changed({ size: 1.5 }),
    changed({ blockSize: 5000 }),
    changed({ sha256: new Uint8Array(31) }),
    changed({ digests: first.digests.subarray(1) }),
    changed({ digests: new Uint8Array(4 * 32) }),
  ];
  for (const bad of cases) t.throws(() => formatBlocks(bad), { code: 'ERR_BUNDLE_BLOCKS' });
  t.end();
});
