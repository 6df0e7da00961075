/**
 * Refuses: what does not agree with itself, with the flash or with the check pass is not written.
 *
 * | promised | shown by |
 * |---|---|
 * | index and images agree | "the index and the images must agree" |
 * |  | "an index whose digests are wrong refuses the image before its first block" |
 * |  | "a wrong block is not written in any ratio, nor the erase blocks that share a block with it" |
 * |  | "blocks of the index and of the flash in all ratios, and images that end around their edges" |
 * |  | "image-bmc cannot be cut inside a block of its index" |
 * | images have a place on the flash | "an image that is there twice is refused" |
 * |  | "images that do not fit, and partitions that are not there, are refused" |
 * |  | "a partition that the flash does not have cannot be asked for" |
 * | a policy that cannot be kept is refused | "a stock bundle pushed once cannot be proven before it is erased" |
 * | the second reading is the first | "a second reading that differs in any member from the first one is refused" |
 * |  | "a second reading of another whole bundle, well signed, is refused before its first block" |
 * | a stream is whole | "a source that ends early, at any byte, commits nothing" |
 * |  | "gzip that is cut short, damaged, followed by something, or not known to this build is refused" |
 *
 * More: `test/spec/refuses-flips-head.test.ts`, `test/spec/refuses-flips.test.ts`, `test/spec/refuses-flips-large.test.ts`.
 */
import t, { type Test } from 'tap';
import { gzipSync } from 'node:zlib';
import { formatBlocks, type ImageIndex } from '../../src/core/bundle/block-index.js';
import { toHex } from '../../src/core/bytes.js';
import type { ErrorCode } from '../../src/core/errors.js';
import {
  indexOf,
  MACHINE,
  makeBundle,
  makeMembers,
  tarOf,
  withMember,
  type Member,
} from '../kit/bundle-maker.js';
import {
  check,
  erased,
  ERASE,
  layoutOf,
  nand,
  nor,
  oldContent,
  partitionBytes,
  platform,
  quickChain,
  quickPlatform,
  recorder,
  same,
  sessionOf,
  SMALL,
  update,
  written,
  type UpdateOptions,
} from '../kit/update-kit.js';
import { sameBytes } from '../kit/same-bytes.js';
import { noise } from '../kit/noise.js';
import { rsaSigner } from '../kit/keys.js';

const before = oldContent();
const images = { kernel: noise(3 * ERASE - 9, 1), rofs: noise(4 * ERASE + 1, 2), 'u-boot': noise(ERASE, 3) };
const proven = makeMembers({ images, kind: 'proven' });
const stock = makeMembers({ images, kind: 'stock' });

/** Members with a BLOCKS of other entries, signed. */
function reindexed(members: readonly Member[], entries: readonly ImageIndex[]): Member[] {
  const map = new Map(entries.map((entry) => [entry.member, entry]));
  const text = formatBlocks({ machine: MACHINE, version: '2.19.0', securityVersion: null, images: map });
  return withMember(withMember(members, 'BLOCKS', text), 'BLOCKS.sig', rsaSigner.sign(text));
}

/** A bundle that must be refused with nothing changed, whichever member of it is the wrong one. */
async function refused(
  t: Test,
  what: string,
  members: readonly Member[],
  code: ErrorCode,
  options: UpdateOptions = {},
): Promise<void> {
  for (const chip of [nor, nand]) {
    const { changes, onOperation } = recorder();
    const target = chip({ onOperation });
    const { receipt, error } = await update(target, tarOf(members).bytes, options);
    t.match(error, { code, flash: 'untouched' }, what);
    t.match(receipt, { code, flash: 'untouched' }, what);
    t.same(changes, [], `${what}: nothing was erased or programmed`);
  }
}

/** A bundle that must be refused; blocks that are proven may be in flash, but no first block. */
async function uncommitted(
  t: Test,
  what: string,
  members: readonly Member[],
  code: ErrorCode,
  options: UpdateOptions = {},
): Promise<void> {
  const target = nor();
  const { receipt, error } = await update(target, tarOf(members).bytes, options);
  t.match(error, { code }, what);
  t.match(receipt.outcome, /refused|failed/, what);
  const whole = members.some(({ name }) => name === 'image-bmc') && options.only === null;
  for (const name of whole ? ['bmc'] : Object.keys(images)) {
    const head = partitionBytes(target, name).subarray(0, ERASE);
    const shut = options.policy === 'before-commit' && erased(head);
    t.ok(shut || same(head, partitionBytes(nor(), name).subarray(0, ERASE)), `${what}: ${name}`);
  }
}

const indexes = Object.entries(images).map(([name, bytes]) => indexOf(`image-${name}`, bytes, ERASE));

t.test('the index and the images must agree', async (t) => {
  const shorter = withMember(proven, 'image-kernel', images.kernel.subarray(0, -1));
  await refused(t, 'a shorter first image', shorter, 'ERR_TRUST_INDEX');
  const longer = withMember(proven, 'image-kernel', new Uint8Array([...images.kernel, 0xff]));
  await refused(t, 'a longer first image', longer, 'ERR_TRUST_INDEX');
  for (const last of [images['u-boot'].subarray(1), new Uint8Array([...images['u-boot'], 0])]) {
    const members = withMember(proven, 'image-u-boot', last);
    await uncommitted(t, 'a last image of another size', members, 'ERR_TRUST_INDEX');
  }
  const stray = { name: 'image-rwfs', bytes: noise(ERASE, 8) };
  await uncommitted(t, 'an image that the index has not', [...proven, stray], 'ERR_TRUST_INDEX');
  const at = proven.findIndex(({ name }) => name === 'image-kernel');
  await refused(t, 'the same first', proven.toSpliced(at, 0, stray), 'ERR_TRUST_INDEX');
  const missing = proven.filter(({ name }) => name !== 'image-u-boot' && name !== 'image-u-boot.sig');
  // Its signature is missing as well, so that image-full.sig would be another.
  await uncommitted(t, 'an image of the index that does not come', missing, 'ERR_TRUST_INDEX');
  const swapped = withMember(withMember(proven, 'image-kernel', images.rofs), 'image-rofs', images.kernel);
  await refused(t, 'two images that are swapped', swapped, 'ERR_TRUST_INDEX');
});

t.test('an index whose digests are wrong refuses the image before its first block', async (t) => {
  const wrong = indexes.map((entry) => ({ ...entry, digests: Uint8Array.from(entry.digests).fill(1, 0, 3) }));
  await refused(t, 'wrong digests', reindexed(proven, wrong), 'ERR_TRUST_BLOCK');
  const whole = indexes.map((entry) => ({ ...entry, sha256: Uint8Array.from(entry.sha256).fill(1, 0, 3) }));
  // The signature of the image is checked against the digest that the index names for the whole.
  await refused(t, 'a wrong digest of the whole', reindexed(proven, whole), 'ERR_TRUST_SIGNATURE');
  const unsigned = reindexed(proven, whole).filter(({ name }) => !/^image-.*\.sig$/.test(name));
  const full = proven.filter(({ name }) => /^(?:MANIFEST|publickey)\.sig$/.test(name));
  const fullSig = rsaSigner.sign(Buffer.concat(full.map(({ bytes }) => bytes)));
  const only = [...unsigned.slice(0, 6), { name: 'image-full.sig', bytes: fullSig }, ...unsigned.slice(6)];
  // Without signatures of the images nothing needs it: every block is signed by itself. Who only looks, looks at all.
  const target = nor();
  const { receipt } = await update(target, tarOf(only).bytes);
  t.equal(receipt.outcome, 'committed');
  for (const { member, sha256 } of whole) {
    const name = member.slice('image-'.length) as keyof typeof images;
    sameBytes(t, partitionBytes(target, name).subarray(0, images[name].length), images[name], name);
    t.equal(receipt.partitions[name]?.sha256, toHex(sha256), 'the receipt has what was signed');
  }
  await t.rejects(check(tarOf(only).bytes, nor()), { code: 'ERR_TRUST_IMAGE' });
});

t.test('an image that is there twice is refused', async (t) => {
  const twice = [...proven, { name: 'image-kernel', bytes: images.kernel }];
  await uncommitted(t, 'at the end', twice, 'ERR_BUNDLE_TAR_DUPLICATE');
  await uncommitted(
    t,
    'stock',
    [...stock, { name: './image-kernel', bytes: images.kernel }],
    'ERR_BUNDLE_TAR_DUPLICATE',
    {
      policy: 'before-commit',
    },
  );
});

t.test('images that do not fit, and partitions that are not there, are refused', async (t) => {
  const big = { ...images, 'u-boot': noise(2 * ERASE + 1, 4) };
  const elsewhere = { ...images, hostfw: noise(100, 4) };
  const both = { ...images, bmc: noise(5 * ERASE, 4) };
  const whole = { bmc: noise(5 * ERASE, 4), kernel: images.kernel };
  const tooLarge = { bmc: noise(SMALL.size + 1, 4) };
  const cases: [string, Record<string, Uint8Array>, ErrorCode, string[] | null][] = [
    ['one byte more than the partition', big, 'ERR_BUNDLE_TOO_BIG', null],
    ['no such partition', elsewhere, 'ERR_BUNDLE_NO_PARTITION', null],
    ['image-bmc behind what lies in it', both, 'ERR_BUNDLE_LAYOUT', null],
    ['image-bmc ahead of what lies in it', whole, 'ERR_BUNDLE_LAYOUT', null],
    ['a part of image-bmc and its own image', whole, 'ERR_BUNDLE_LAYOUT', ['kernel']],
    ['image-bmc larger than the chip', tooLarge, 'ERR_BUNDLE_TOO_BIG', null],
    ['a partition that no image is for', images, 'ERR_BUNDLE_EMPTY', ['kernel', 'rwfs']],
    [
      'image-bmc that ends ahead of a partition',
      { bmc: noise(5 * ERASE, 4) },
      'ERR_BUNDLE_EMPTY',
      ['kernel', 'rofs'],
    ],
  ];
  for (const [what, each, code, only] of cases) {
    // With an index all of it is known, and refused, before the first block of the first image.
    await refused(t, what, makeMembers({ images: each, kind: 'proven' }), code, { only });
    await uncommitted(t, what, makeMembers({ images: each, kind: 'stock' }), code, {
      policy: 'before-commit',
      only,
    });
    const bytes = makeBundle({ images: each, kind: 'stock' }).bytes;
    await t.rejects(check(bytes, nor(), { only }), { code }, `${what}: in the check pass`);
  }
  const { receipt } = await update(nor(), makeBundle({ images: elsewhere, kind: 'proven' }).bytes, {
    only: ['kernel', 'rofs', 'u-boot'],
  });
  t.equal(receipt.outcome, 'committed', 'what is not asked for needs no partition');
});

t.test('a partition that the flash does not have cannot be asked for', (t) => {
  t.throws(() => sessionOf(nor(), { only: ['kernel', 'nvram'] }), {
    code: 'ERR_USAGE_PARTITION',
    partition: 'nvram',
  });
  t.end();
});

t.test('a stock bundle pushed once cannot be proven before it is erased', (t) =>
  refused(t, 'stock', stock, 'ERR_TRUST_NOT_AHEAD'),
);

t.test(
  'blocks of the index and of the flash in all ratios, and images that end around their edges',
  async (t) => {
    const KIB = 1024;
    for (const [eraseKib, blockKib] of [
      [4, 4],
      [4, 64],
      [64, 4],
      [64, 64],
      [64, 128],
      [128, 64],
      [128, 4],
    ] as const) {
      const [eraseSize, blockSize] = [eraseKib * KIB, blockKib * KIB];
      const unit = Math.max(eraseSize, blockSize);
      const layout = layoutOf({ kernel: (2 * unit) / eraseSize, rofs: (3 * unit) / eraseSize }, eraseSize);
      const edges = [1, eraseSize - 1, eraseSize, eraseSize + 1, unit - 1, unit, unit + 1, 2 * unit];
      for (const size of new Set(edges)) {
        const two = { kernel: noise(size, size), rofs: noise(unit + 3, 5) };
        const after = written(oldContent(layout.size), layout, two, eraseSize);
        for (const kind of ['proven', 'stock'] as const) {
          const bytes = makeBundle({ images: two, kind, blockSize }).bytes;
          const target = nor({ layout, eraseSize });
          const expect = kind === 'stock' ? await check(bytes, target) : null;
          const { receipt, error } = await update(target, bytes, { expect });
          t.equal(error, null, `erase ${eraseKib}, block ${blockKib}, ${size} bytes, ${kind}`);
          sameBytes(t, target.bytes, after);
          t.match(receipt.partitions['kernel'], { blocks: Math.ceil(size / eraseSize), bytes: size });
        }
      }
      // image-bmc, whole and cut.
      const bmc = noise(3 * unit + 5, 6);
      const bytes = makeBundle({ images: { bmc }, kind: 'proven', blockSize }).bytes;
      const whole = nor({ layout, eraseSize });
      t.equal((await update(whole, bytes)).error, null);
      sameBytes(t, whole.bytes, written(oldContent(layout.size), layout, { bmc }, eraseSize));
      const cut = nor({ layout, eraseSize });
      t.equal((await update(cut, bytes, { only: ['rofs'] })).error, null);
      const rofs = bmc.subarray(2 * unit);
      sameBytes(t, cut.bytes, written(oldContent(layout.size), layout, { rofs }, eraseSize));
    }
  },
);

t.test(
  'a wrong block is not written in any ratio, nor the erase blocks that share a block with it',
  async (t) => {
    const KIB = 1024;
    for (const [eraseKib, blockKib] of [
      [4, 16],
      [16, 4],
    ] as const) {
      const [eraseSize, blockSize] = [eraseKib * KIB, blockKib * KIB];
      const layout = layoutOf({ kernel: (64 * KIB) / eraseSize, rofs: 1 }, eraseSize);
      const kernel = noise(64 * KIB, 3);
      const bundle = makeBundle({ images: { kernel }, kind: 'proven', blockSize });
      const bytes = Uint8Array.from(bundle.bytes);
      const at = (bundle.places.get('image-kernel')?.start ?? 0) + 40 * KIB;
      bytes[at] = (bytes[at] as number) ^ 1;
      const { changes, onOperation } = recorder();
      const target = nor({ layout, eraseSize, onOperation });
      const { error } = await update(target, bytes);
      t.match(error, {
        code: 'ERR_TRUST_BLOCK',
        member: 'image-kernel',
        partition: 'kernel',
        block: Math.floor((40 * KIB) / blockSize),
      });
      t.ok(changes.length > 0);
      t.ok(changes.every(({ offset, length }) => offset + length <= 32 * KIB));
    }
  },
);

t.test('image-bmc cannot be cut inside a block of its index', (t) =>
  refused(
    t,
    'cut',
    makeMembers({ images: { bmc: noise(9 * ERASE, 1) }, kind: 'proven', blockSize: 4 * ERASE }),
    'ERR_BUNDLE_LAYOUT',
    { only: ['kernel'] },
  ),
);

t.test('a second reading that differs in any member from the first one is refused', async (t) => {
  const target = nor();
  for (const [kind, members] of [
    ['stock', stock],
    ['signatures-first', makeMembers({ images, kind: 'signatures-first' })],
  ] as const) {
    const expect = await check(tarOf(members).bytes, target);
    t.equal((await update(nor(), tarOf(members).bytes, { expect })).receipt.outcome, 'committed', kind);
    for (const { name, bytes } of members) {
      const other = Uint8Array.from(bytes);
      other[other.length >> 1] = (other[other.length >> 1] as number) ^ 1;
      const changed = withMember(members, name, other);
      const run = await runAgain(tarOf(changed).bytes);
      t.match(
        run.error,
        { code: 'ERR_SOURCE_CHANGED', exit: 4, member: name },
        `${kind}: ${name} has other bytes`,
      );
      t.ok(run.safe, 'nothing that was not proven is in flash');
      const longer = withMember(members, name, new Uint8Array([...bytes, 10]));
      const long = await runAgain(tarOf(longer).bytes);
      t.match(long.error, { code: 'ERR_SOURCE_CHANGED', member: name }, `${kind}: ${name} is longer`);
      t.ok(long.safe);
      const gone = await runAgain(tarOf(members.filter((member) => member.name !== name)).bytes);
      t.match(gone.error, { code: 'ERR_SOURCE_CHANGED', member: name }, `${kind}: ${name} is missing`);
      t.ok(gone.safe);
    }
    for (const extra of ['image-rwfs', 'image-rwfs.sig', 'BLOCKS.sig']) {
      const more = await runAgain(tarOf([...members, { name: extra, bytes: noise(256, 1) }]).bytes);
      t.match(more.error, { code: 'ERR_SOURCE_CHANGED', member: extra }, `${kind}: ${extra} was not there`);
    }
    /** Under the check pass of the good bundle. */
    async function runAgain(bytes: Uint8Array): Promise<{ error: unknown; safe: boolean }> {
      const chip = nor();
      const { error } = await update(chip, bytes, { expect });
      const after = written(before, SMALL, images);
      let safe = true;
      for (let at = 0; at < before.length; at += ERASE) {
        const now = chip.bytes.subarray(at, at + ERASE);
        safe &&= same(now, before.subarray(at, at + ERASE)) || same(now, after.subarray(at, at + ERASE));
      }
      for (const name of Object.keys(images)) {
        const head = partitionBytes(chip, name).subarray(0, ERASE);
        safe &&= same(head, partitionBytes(nor(), name).subarray(0, ERASE));
      }
      return { error, safe };
    }
  }
});

t.test(
  'a second reading of another whole bundle, well signed, is refused before its first block',
  async (t) => {
    const target = nor();
    const expect = await check(tarOf(stock).bytes, target);
    const other = { ...images, kernel: noise(images.kernel.length, 99) };
    const { error, receipt } = await update(target, makeBundle({ images: other, kind: 'stock' }).bytes, {
      expect,
    });
    t.match(error, { code: 'ERR_SOURCE_CHANGED', member: 'image-kernel', block: 0, partition: 'kernel' });
    t.equal(receipt.flash, 'untouched');
  },
);

t.test('a source that ends early, at any byte, commits nothing', async (t) => {
  const small = { kernel: noise(ERASE + 100, 1), rofs: noise(300, 2) };
  for (const [kind, policy] of [
    ['proven', 'before-erase'],
    ['stock', 'before-commit'],
  ] as const) {
    const { bytes, places } = makeBundle({ images: small, kind });
    const edges = [...places.values()].flatMap(({ header, start, end }) => [header, start, end]);
    const marker = Math.ceil(Math.max(...edges) / 512) * 512 + 2 * 512;
    const codes = new Map<string, number>();
    for (let length = 0; length < bytes.length; length++) {
      const near = edges.some((edge) => Math.abs(edge - length) < 3) || Math.abs(marker - length) < 99;
      if (!near && length % 17 !== 0) continue;
      const target = nor();
      const options = { policy, trust: quickChain(), platform: quickPlatform };
      const { receipt, error } = await update(target, bytes.subarray(0, length), options);
      const head = partitionBytes(target, 'kernel').subarray(0, ERASE);
      if (error === null) {
        // Only the zeros that fill up the last record may be missing.
        if (length < marker) t.fail(`committed ${length} of ${bytes.length} bytes`);
        continue;
      }
      codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
      if (receipt.outcome !== 'refused') t.fail(`${length}: ${receipt.outcome}`);
      if (same(head, small.kernel.subarray(0, ERASE))) t.fail(`${length}: the gate is open`);
    }
    t.same(
      [...codes.keys()],
      ['ERR_SOURCE_TRUNCATED'],
      `${kind}: ${codes.get('ERR_SOURCE_TRUNCATED')} lengths`,
    );
    t.ok((codes.get('ERR_SOURCE_TRUNCATED') ?? 0) > 1000);
  }
});

t.test(
  'gzip that is cut short, damaged, followed by something, or not known to this build is refused',
  async (t) => {
    const bytes = gzipSync(tarOf(proven).bytes);
    const after = written(before, SMALL, images);
    const cases: [string, Uint8Array, ErrorCode][] = [
      ['one byte', bytes.subarray(0, 1), 'ERR_SOURCE_TRUNCATED'],
      ['the magic alone', bytes.subarray(0, 2), 'ERR_SOURCE_TRUNCATED'],
      ['half of it', bytes.subarray(0, bytes.length / 2), 'ERR_SOURCE_TRUNCATED'],
      ['all but a byte', bytes.subarray(0, -1), 'ERR_SOURCE_TRUNCATED'],
      [
        'a wrong checksum',
        Buffer.concat([bytes.subarray(0, -8), Buffer.alloc(4), bytes.subarray(-4)]),
        'ERR_SOURCE_GZIP',
      ],
      ['something behind it', Buffer.concat([bytes, Buffer.from('x')]), 'ERR_SOURCE_TRAILING'],
      ['a gzip of something else', gzipSync(noise(5000, 1)), 'ERR_BUNDLE_TAR_HEADER'],
    ];
    for (const [what, piece, code] of cases) {
      const target = nor();
      const { error } = await update(target, piece);
      t.match(error, { code, exit: 4 }, what);
      t.notOk(same(target.bytes, after));
    }
    const { gunzip: _gunzip, ...without } = platform;
    const { error } = await update(nor(), bytes, { platform: without });
    t.match(error, { code: 'ERR_SOURCE_GZIP', flash: 'untouched' });
  },
);
