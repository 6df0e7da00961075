import t from 'tap';
import type { Platform } from '../../../../../src/core/platform.js';
import { BufferPair } from '../../../../../src/core/update/receive/block-assembler.js';
import {
  ImageStream,
  type BlockProof,
  type ImageStreamOptions,
  type Slice,
} from '../../../../../src/core/update/receive/image-stream.js';
import type { BlockSink } from '../../../../../src/core/update/write/image-writer.js';
import { indexOf, sha256 } from '../../../../kit/bundle-maker.js';
import { platform } from '../../../../kit/update-kit.js';
import { sameBytes } from '../../../../kit/same-bytes.js';
import { noise } from '../../../../kit/noise.js';

const BLOCK = 4096;

/** Keeps what it is given. */
class Keeper implements BlockSink {
  readonly blocks: { index: number; bytes: Uint8Array; length: number }[] = [];
  /** Runs before a block is taken. */
  before: () => void | Promise<void> = () => {};

  async put(index: number, bytes: Uint8Array, length: number): Promise<void> {
    await this.before();
    this.blocks.push({ index, bytes: bytes.slice(), length });
  }
  get indexes(): number[] {
    return this.blocks.map(({ index }) => index);
  }
  get bytes(): Uint8Array {
    return Buffer.concat(this.blocks.map(({ bytes }) => bytes));
  }
}

const whole = (sink: BlockSink, eraseSize = BLOCK): Slice => ({
  sink,
  offset: 0,
  length: null,
  eraseSize,
});

function streamOf(sink: BlockSink, options: Partial<ImageStreamOptions> = {}): ImageStream {
  return new ImageStream({
    member: 'image-kernel',
    size: null,
    limit: Number.POSITIVE_INFINITY,
    leftOut: false,
    platform,
    buffers: new BufferPair(),
    hashes: ['sha256'],
    blockSize: BLOCK,
    proof: null,
    collect: false,
    slices: [whole(sink)],
    ...options,
  });
}

const proofOf = (image: Uint8Array): BlockProof => ({
  index: indexOf('image-kernel', image, BLOCK),
  made: false,
  whole: false,
});

async function send(stream: ImageStream, bytes: Uint8Array, piece = 1000): Promise<Uint8Array> {
  for (let at = 0; at < bytes.length; at += piece) await stream.write(bytes.subarray(at, at + piece));
  return (await stream.end()).sha256 as Uint8Array;
}

// Three blocks and a short one.
const image = noise(3 * BLOCK + 100, 1);

for (const eraseSize of [BLOCK / 2, BLOCK, 2 * BLOCK]) {
  t.test(`a wrong byte in any block keeps it from erase blocks of ${eraseSize}`, async (t) => {
    for (let block = 0; block <= 3; block++) {
      const sink = new Keeper();
      const wrong = image.slice();
      const at = block * BLOCK + 50;
      wrong[at] = (wrong[at] as number) ^ 1;
      const stream = streamOf(sink, {
        proof: proofOf(image),
        slices: [whole(sink, eraseSize)],
      });
      await t.rejects(send(stream, wrong), {
        code: 'ERR_TRUST_BLOCK',
        member: 'image-kernel',
        partition: 'kernel',
        block,
      });
      const proven = eraseSize > BLOCK ? Math.floor(block / 2) : (block * BLOCK) / eraseSize;
      t.equal(sink.blocks.length, proven, `block ${block}`);
    }
  });
}

t.test('the last block is filled up with 0xFF, whatever its buffer held', async (t) => {
  const sink = new Keeper();
  sameBytes(t, await send(streamOf(sink), image), sha256(image));
  t.same(sink.indexes, [0, 1, 2, 3]);
  t.same(
    sink.blocks.map(({ length }) => length),
    [BLOCK, BLOCK, BLOCK, 100],
  );
  const want = new Uint8Array(4 * BLOCK).fill(0xff);
  want.set(image);
  sameBytes(t, sink.bytes, want);
});

t.test('a unit of several erase blocks is filled up in its last one alone', async (t) => {
  const eraseSize = BLOCK / 4;
  const bytes = image.subarray(0, 2 * BLOCK + 2 * eraseSize + 50);
  const sink = new Keeper();
  await send(streamOf(sink, { slices: [whole(sink, eraseSize)] }), bytes);
  t.same(
    sink.blocks.map(({ index, length }) => [index, length]),
    Array.from({ length: 11 }, (_, index) => [index, index === 10 ? 50 : eraseSize]),
  );
  t.ok(sink.blocks.every((block) => block.bytes.length === eraseSize));
  sameBytes(t, sink.bytes.subarray(0, bytes.length), bytes);
  t.ok(sink.bytes.subarray(bytes.length).every((byte) => byte === 0xff));
});

t.test('an image that is longer or shorter than its index is refused', async (t) => {
  for (const [bytes, stored] of [
    [image.subarray(0, 3 * BLOCK), 3],
    [image.subarray(0, image.length - 1), 3],
    [noise(image.length + 1, 1), 3],
  ] as const) {
    const sink = new Keeper();
    await t.rejects(send(streamOf(sink, { proof: proofOf(image) }), bytes, BLOCK), {
      code: 'ERR_TRUST_BLOCK',
      partition: 'kernel',
    });
    t.equal(sink.blocks.length, stored);
  }
  const three = image.subarray(0, 3 * BLOCK);
  const sink = new Keeper();
  await t.rejects(send(streamOf(sink, { proof: proofOf(three) }), image, BLOCK), {
    code: 'ERR_TRUST_BLOCK',
    member: 'image-kernel',
    block: undefined,
  });
  const code = 'ERR_SOURCE_CHANGED' as const;
  const proof = { ...proofOf(image), made: true };
  await t.rejects(send(streamOf(new Keeper(), { proof }), image.subarray(0, 3 * BLOCK)), { code });
});

t.test('an image of another size than was said is refused, and none goes beyond its limit', async (t) => {
  const size = image.length;
  t.ok(await send(streamOf(new Keeper(), { size, limit: size }), image), 'both to the byte');
  for (const other of [size - 1, size + 1]) {
    await t.rejects(send(streamOf(new Keeper(), { size: other }), image), {
      code: 'ERR_SOURCE_CHANGED',
      member: 'image-kernel',
    });
  }
  const stream = streamOf(new Keeper(), { size: 10 });
  t.throws(() => stream.write(image.subarray(0, 11)), { code: 'ERR_SOURCE_CHANGED' }, 'at once');
  await t.rejects(send(streamOf(new Keeper(), { limit: size - 1 }), image), {
    code: 'ERR_BUNDLE_TOO_BIG',
    member: 'image-kernel',
  });
});

t.test('slices get the range of the image that is theirs, counted from their own start', async (t) => {
  const [first, second] = [new Keeper(), new Keeper()];
  const slices = [
    { sink: first, offset: 0, length: BLOCK, eraseSize: BLOCK },
    { sink: second, offset: 2 * BLOCK, length: BLOCK + 60, eraseSize: BLOCK },
  ];
  await send(streamOf(first, { slices }), image);
  t.same(first.indexes, [0]);
  sameBytes(t, first.bytes, image.subarray(0, BLOCK));
  t.same(
    second.blocks.map(({ index, length }) => [index, length]),
    [
      [0, BLOCK],
      [1, 60],
    ],
  );
  sameBytes(t, second.bytes.subarray(0, BLOCK), image.subarray(2 * BLOCK, 3 * BLOCK));
});

t.test('erase blocks that no proof block divides are put together from proven bytes', async (t) => {
  const eraseSize = 3000;
  const sink = new Keeper();
  await send(
    streamOf(sink, {
      proof: proofOf(image),
      slices: [whole(sink, eraseSize)],
    }),
    image,
  );
  t.same(sink.indexes, [0, 1, 2, 3, 4]);
  t.equal(sink.blocks.at(-1)?.length, image.length - 4 * eraseSize);
  sameBytes(t, sink.bytes.subarray(0, image.length), image);
  t.ok(sink.bytes.subarray(image.length).every((byte) => byte === 0xff));
});

t.test('a slice that ends inside of a proven block gets nothing of what is behind it', async (t) => {
  const sink = new Keeper();
  const length = BLOCK + 96;
  await send(streamOf(sink, { slices: [{ sink, offset: 0, length, eraseSize: 3000 }] }), image);
  t.same(
    sink.blocks.map(({ length }) => length),
    [3000, length - 3000],
  );
  sameBytes(t, sink.bytes.subarray(0, length), image.subarray(0, length));
  t.ok(sink.bytes.subarray(length).every((byte) => byte === 0xff));
});

for (const eraseSize of [BLOCK / 2, BLOCK, 2 * BLOCK]) {
  t.test(
    `erase blocks of ${eraseSize} are handed on as they lie in the two buffers, without a copy`,
    async (t) => {
      const memory = new Set<unknown>();
      const sink: BlockSink = {
        put: async (_index, { buffer }) => void memory.add(buffer),
      };
      const buffers = new BufferPair();
      const unit = Math.max(BLOCK, eraseSize);
      buffers.ensure(unit);
      const { current } = buffers;
      buffers.ensure(unit);
      t.equal(buffers.current, current, 'they are there already');
      await send(streamOf(sink, { buffers, slices: [whole(sink, eraseSize)] }), image);
      t.equal(memory.size, 2);
      t.ok(memory.has(current.buffer));
    },
  );
}

for (const eraseSize of [BLOCK, 3000]) {
  t.test(`an image that is given up hands on no further block (erase blocks of ${eraseSize})`, async (t) => {
    const sink = new Keeper();
    const stream = streamOf(sink, { slices: [whole(sink, eraseSize)] });
    sink.before = () => stream.abandon();
    await t.rejects(send(stream, image, BLOCK), {
      code: 'ERR_SESSION_INTERRUPTED',
    });
    await stream.settled();
    t.equal(sink.blocks.length, 1);
  });
}

t.test('digests of blocks are kept where they were asked for, and only there', async (t) => {
  const collecting = streamOf(new Keeper(), { collect: true });
  await send(collecting, image);
  sameBytes(t, collecting.blockDigests, indexOf('image-kernel', image, BLOCK).digests);
  t.match(collecting, { size: image.length, blockSize: BLOCK });
  const other = streamOf(new Keeper(), { proof: proofOf(image) });
  await send(other, image);
  t.equal(other.blockDigests.length, 0);
  let made = 0;
  const counting = { ...platform, digest: (bytes: Uint8Array) => (made++, platform.digest(bytes)) };
  await send(streamOf(new Keeper(), { platform: counting }), image);
  t.equal(made, 0, 'nor made where nothing needs them');
  await send(streamOf(new Keeper(), { platform: counting, proof: proofOf(image) }), image);
  t.equal(made, 4);
});

t.test('the digest of the whole is made anew, but where that of the index stands for it', async (t) => {
  const hashed: string[] = [];
  const counting: Platform = {
    ...platform,
    hasher: (name) => {
      hashed.push(name);
      return platform.hasher(name);
    },
  };
  const hashes = ['sha256', 'sha512'] as const;
  const { index } = proofOf(image);
  // Not so in life: it shows whose digest is told.
  const claims = { ...index, sha256: new Uint8Array(32) };
  for (const [whole, wanted, names] of [
    [false, index.sha256, ['sha256', 'sha512']],
    [true, claims.sha256, ['sha512']],
  ] as const) {
    hashed.length = 0;
    const proof = { index: claims, made: false, whole };
    const stream = streamOf(new Keeper(), { platform: counting, hashes, proof });
    await stream.write(image);
    const digests = await stream.end();
    sameBytes(t, digests.sha256 as Uint8Array, wanted);
    t.equal(digests.sha512?.length, 64, 'what signatures need is made in either case');
    t.same(hashed, names);
  }
});
