import { createHash } from 'node:crypto';
import t from 'tap';
import { formatBlocks, type BlockIndex } from '../../../../../src/core/bundle/block-index.js';
import { NO_COMPANIONS, type Digests, type Trust } from '../../../../../src/core/trust/trust.js';
import { BufferPair } from '../../../../../src/core/update/receive/block-assembler.js';
import { ImageStream } from '../../../../../src/core/update/receive/image-stream.js';
import type { SingleSource } from '../../../../../src/core/bundle/single-image.js';
import { BundleReceiver } from '../../../../../src/core/update/receive/bundle-receiver.js';
import { indexOf, sha256, tarOf } from '../../../../kit/bundle-maker.js';
import { piecesAt, platform, same } from '../../../../kit/update-kit.js';
import { noise } from '../../../../kit/noise.js';

const BLOCK = 4096;
const kernel = noise(BLOCK + 100, 1);
const blocks = formatBlocks({
  machine: 'any',
  version: '1.0',
  securityVersion: null,
  images: new Map([['image-kernel', indexOf('image-kernel', kernel, BLOCK)]]),
});
const manifest = noise(700, 2);

/** What the trust was told, in order. */
type Told =
  | { readonly what: 'member' | 'small'; readonly name: string; readonly bytes: Uint8Array }
  | { readonly what: 'begin'; readonly name: string; readonly size: number | null }
  | { readonly what: 'image' | 'end'; readonly name: string; readonly digests: Digests }
  | {
      readonly what: 'blocks';
      readonly index: BlockIndex;
      readonly digests: Digests;
      readonly text: Uint8Array | null;
    };

/** A receiver whose trust and host write down what they are told. */
function open(
  keepsBlocksText = false,
  single: SingleSource | null = null,
): { receiver: BundleReceiver; told: Told[] } {
  const told: Told[] = [];
  const trust: Trust = {
    proves: true,
    keepsBlocksText,
    index: null,
    indexKey: null,
    manifest: null,
    hashes: () => ['sha256', 'sha512'],
    member: async (name, bytes) => void told.push({ what: 'member', name, bytes: bytes.slice() }),
    blocks: async (index, digests, text) => void told.push({ what: 'blocks', index, digests, text }),
    image: async (name, _size, digests) => void told.push({ what: 'image', name, digests }),
    beforeUnproven: () => NO_COMPANIONS,
    finish: async () => ({ manifest: null, key: null }),
  };
  const host = {
    async beginImage(member: string, size: number | null): Promise<ImageStream> {
      told.push({ what: 'begin', name: member, size });
      return new ImageStream({
        member,
        size,
        limit: Number.POSITIVE_INFINITY,
        leftOut: false,
        platform,
        buffers: new BufferPair(),
        hashes: trust.hashes(),
        blockSize: BLOCK,
        proof: null,
        collect: false,
        slices: [],
      });
    },
    endImage: async (name: string, _stream: ImageStream, digests: Digests) =>
      void told.push({ what: 'end', name, digests }),
    smallMember: (name: string, bytes: Uint8Array) => void told.push({ what: 'small', name, bytes }),
  };
  return { receiver: new BundleReceiver(platform, trust, host, single), told };
}

const digestsOf = (bytes: Uint8Array): Digests => ({
  sha256: sha256(bytes),
  sha512: createHash('sha512').update(bytes).digest(),
});
const tarball = tarOf([
  { name: 'MANIFEST', bytes: manifest },
  { name: 'BLOCKS', bytes: blocks },
  { name: 'image-kernel', bytes: kernel },
]).bytes;

t.test('each member goes where it belongs, its digests with it', async (t) => {
  const { receiver, told } = open();
  t.equal(receiver.kind, 'stock', 'as long as there is no index');
  for (const piece of piecesAt(tarball, [10, 600, 1100, 1600, 5000])) await receiver.write(piece);
  await receiver.end();
  t.equal(receiver.kind, 'proven');
  const digests = digestsOf(kernel);
  t.match(told, [
    { what: 'small', name: 'MANIFEST', bytes: sha256(manifest) },
    { what: 'member', name: 'MANIFEST' },
    { what: 'small', name: 'BLOCKS', bytes: sha256(blocks) },
    { what: 'blocks', index: { version: '1.0' }, digests: digestsOf(blocks), text: null },
    { what: 'begin', name: 'image-kernel', size: kernel.length },
    { what: 'image', name: 'image-kernel', digests },
    { what: 'end', name: 'image-kernel', digests },
  ]);
  const [, member] = told;
  t.ok(member?.what === 'member' && same(member.bytes, manifest));
  t.equal(told.length, 7);
});

t.test('the bytes of BLOCKS are kept where its signature needs them', async (t) => {
  const { receiver, told } = open(true);
  for (const piece of piecesAt(tarball, [1800, 1900])) await receiver.write(piece);
  await receiver.end();
  const found = told.find(({ what }) => what === 'blocks');
  t.ok(found?.what === 'blocks' && found.text !== null && same(found.text, blocks));
});

t.test('a single image has nothing around it', async (t) => {
  for (const size of [kernel.length, null]) {
    const { receiver, told } = open(false, { member: 'image-kernel', size });
    t.equal(receiver.kind, 'single');
    for (const piece of piecesAt(kernel, [1, 5000])) await receiver.write(piece);
    await receiver.end();
    const digests = digestsOf(kernel);
    t.match(told, [
      { what: 'begin', name: 'image-kernel', size },
      { what: 'image', name: 'image-kernel', digests },
      { what: 'end', name: 'image-kernel', digests },
    ]);
  }
});

t.test('a source of nothing is no image', async (t) => {
  const { receiver, told } = open(false, { member: 'image-kernel', size: null });
  await t.rejects(receiver.end(), { code: 'ERR_SOURCE_TRUNCATED', member: 'image-kernel' });
  t.same(told, []);
});

t.test('a container may state the SHA-256 of an image', async (t) => {
  const { receiver, told } = open();
  const right = await receiver.image({ partition: 'kernel', size: null, sha256: sha256(kernel) });
  await right.write(kernel);
  await right.end();
  t.equal(told.at(-1)?.what, 'end');
  const wrong = await receiver.image({ partition: 'rofs', size: null, sha256: sha256(kernel) });
  await wrong.write(manifest);
  await t.rejects(async () => wrong.end(), { code: 'ERR_TRUST_IMAGE', member: 'image-rofs' });
  t.equal(told.at(-1)?.what, 'begin', 'neither trust nor host takes it');
});
