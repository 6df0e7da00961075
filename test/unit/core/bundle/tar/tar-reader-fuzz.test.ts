// Random damage to good input. The generator is seeded, so that a failure comes again; SLUICE_FUZZ_SEED and
// SLUICE_FUZZ_RUNS make longer and other walks.
import t from 'tap';
import { BlocksParser } from '../../../../../src/core/bundle/block-index-parser.js';
import { formatBlocks, type ImageIndex } from '../../../../../src/core/bundle/block-index.js';
import { parseManifest } from '../../../../../src/core/bundle/manifest.js';
import { SluiceError } from '../../../../../src/core/errors.js';
import {
  gnuMagic,
  header,
  longName,
  member,
  pax,
  pieces,
  readChunks,
  tarball,
  type Taken,
} from '../../../../kit/tar-maker.js';

const runs = Number(process.env['SLUICE_FUZZ_RUNS'] ?? 7000);
const seed = Number(process.env['SLUICE_FUZZ_SEED'] ?? 20_260);

/** mulberry32: small, seeded, good enough to choose places. */
function generator(state: number): (below: number) => number {
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const interesting = [...Buffer.from('\0\n\r =/.0123456789abxgLKS5\x7f\x80\xff', 'latin1')];

/** Flips bits, sets, removes, repeats and swaps bytes; now and then cuts the end off. */
function damage(good: Buffer, random: (below: number) => number): Buffer {
  let bytes = Buffer.from(good);
  for (let left = 1 + random(4); left > 0 && bytes.length > 0; left--) {
    const at = random(bytes.length);
    const length = 1 + random(Math.min(40, bytes.length - at));
    switch (random(6)) {
      case 0:
        bytes[at] = bytes.readUInt8(at) ^ (1 << random(8));
        break;
      case 1:
        bytes[at] = interesting[random(interesting.length)] ?? 0;
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
        break;
      case 4:
        bytes.copyWithin(random(bytes.length), at, at + length);
        break;
      default:
        if (random(4) === 0) bytes = bytes.subarray(0, at);
    }
  }
  return bytes;
}

/** Gives each header whose bytes were damaged its right checksum again, so that the damage gets past it. */
function mendChecksums(bytes: Buffer): void {
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    const block = bytes.subarray(at, at + 512);
    if (block.toString('latin1', 257, 262) !== 'ustar') continue;
    block.fill(0x20, 148, 156);
    let sum = 0;
    for (const byte of block) sum += byte;
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  }
}

/** Counts outcomes by code; anything but a SluiceError is a failure of the test. */
async function outcome(counts: Map<string, number>, run: () => unknown): Promise<void> {
  let code = 'taken';
  try {
    await run();
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    code = error.code;
  }
  counts.set(code, (counts.get(code) ?? 0) + 1);
}

t.test(
  'damaged tarballs are refused with a SluiceError, or give members that are in themselves right',
  async (t) => {
    const random = generator(seed);
    const good = tarball(
      pax({ comment: 'c' }, 'g'),
      member('./', '', { type: '5' }),
      pax({ path: './image-kernel', size: '700', mtime: '1.25' }),
      member('image', Buffer.alloc(700, 'k'), { size: 0 }),
      longName('image-rofs'),
      member('image', Buffer.alloc(513, 'r'), { magic: gnuMagic }),
      header({ name: 'empty' }),
      member('MANIFEST', 'version=1\n', { size: '\x80\0\0\0\0\0\0\0\0\0\0\x0a' }),
    );
    const counts = new Map<string, number>();
    for (let run = 0; run < runs; run++) {
      const bytes = damage(good, random);
      if (random(4) > 0) mendChecksums(bytes);
      const members: Taken[] = [];
      // The recording handler throws a plain Error on data beyond the declared size and on events out of order.
      await outcome(counts, () => readChunks(pieces(bytes, 1 + random(2000)), {}, members));
      const names = members.map(({ name }) => name);
      if (new Set(names).size !== names.length) t.fail(`duplicates: ${names.join(' ')}`);
      if (!names.every((name) => /^[\x20-\x7e]{1,100}$/.test(name) && !/[/]|^\.{1,2}$/.test(name))) {
        t.fail(`names: ${JSON.stringify(names)}`);
      }
      const bytesTaken = members.reduce((total, { data }) => total + data.length, 0);
      if (bytesTaken > bytes.length) t.fail('more data than there were bytes');
    }
    t.comment([...counts].map(([code, count]) => `${code} ${count}`).join(', '));
    for (const code of [
      'taken',
      'ERR_SOURCE_TRUNCATED',
      'ERR_BUNDLE_TAR_HEADER',
      'ERR_BUNDLE_TAR_NUMBER',
      'ERR_BUNDLE_TAR_TYPE',
      'ERR_BUNDLE_TAR_NAME',
      'ERR_BUNDLE_TAR_PADDING',
    ]) {
      t.ok(counts.has(code), `the walk comes to ${code}`);
    }
  },
);

t.test(
  'damaged block indexes are refused with ERR_BUNDLE_BLOCKS, or are as canonical as good ones',
  async (t) => {
    const random = generator(seed);
    const image = (partition: string, blocks: number): ImageIndex => ({
      member: `image-${partition}`,
      partition,
      size: blocks * 65_536 - 100,
      blockSize: 65_536,
      sha256: new Uint8Array(32).fill(blocks),
      digests: new Uint8Array(blocks * 32).map((_, i) => i & 255),
    });
    const images = [image('kernel', 3), image('u-boot', 1)];
    const good = Buffer.from(
      formatBlocks({
        machine: 'm',
        version: 'v',
        securityVersion: 7,
        images: new Map(images.map((i) => [i.member, i])),
      }),
    );
    const counts = new Map<string, number>();
    for (let run = 0; run < runs; run++) {
      const bytes = damage(good, random);
      await outcome(counts, () => {
        const parser = new BlocksParser(bytes.length);
        for (const part of pieces(bytes, 1 + random(400))) parser.write(part);
        if (!bytes.equals(formatBlocks(parser.end()))) t.fail(`not canonical: ${bytes.toString('latin1')}`);
      });
    }
    t.comment([...counts].map(([code, count]) => `${code} ${count}`).join(', '));
    t.strictSame([...counts.keys()].sort(), ['ERR_BUNDLE_BLOCKS', 'taken']);
  },
);

t.test('damaged manifests are refused with ERR_BUNDLE_MANIFEST, or give printable values', async (t) => {
  const random = generator(seed);
  const good = Buffer.from('purpose=p\r\nversion=2.19.0\nMachineName=m\nKeyType=k\nHashType=RSA-SHA256\n');
  const counts = new Map<string, number>();
  for (let run = 0; run < runs; run++) {
    await outcome(counts, () => {
      const values = Object.values(parseManifest(damage(good, random))) as (string | null)[];
      if (!values.every((value) => value === null || /^[\x20-\x7e]+$/.test(value))) t.fail(values.join());
    });
  }
  t.strictSame([...counts.keys()].sort(), ['ERR_BUNDLE_MANIFEST', 'taken']);
});

t.test('headers that promise much make nobody allocate much', async (t) => {
  const huge = '\x80\0\0\0\0\0\0\x01\0\0\0\0';
  const promises = [
    header({ type: 'x', size: huge }),
    header({ type: 'L', size: huge }),
    header({ type: 'g', size: 4097 }),
    header({ size: huge }),
    Buffer.concat([header({ type: 'x', size: 4096 }), Buffer.from('4095 path=')]),
    Buffer.concat([pax({ size: String(2 ** 33) }), header()]),
  ];
  const line = `image image-x partition x size 268435456 block 4096 sha256 ${'0'.repeat(64)}\n`;
  const blocks = Buffer.from(`sluice-blocks 1\nmachine m\nversion v\n${line}`);
  const kept: unknown[] = [];
  const before = process.memoryUsage().arrayBuffers;
  for (let run = 0; run < 100; run++) {
    for (const bytes of promises) {
      await t.rejects(readChunks([bytes], {}, []), { name: 'SluiceError' });
    }
    const parser = new BlocksParser(blocks.length + 1000);
    t.throws(() => parser.write(blocks), { code: 'ERR_BUNDLE_BLOCKS' });
    kept.push(parser);
  }
  const grown = process.memoryUsage().arrayBuffers - before;
  t.ok(grown < 16 * 1024 * 1024, `a hundred of each stay below 16 MiB: ${grown}`);
  t.equal(kept.length, 100);
});
