import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { SluiceError, type ErrorCode } from '../../src/core/errors.js';
import type { ByteSink } from '../../src/core/platform.js';
import { DigestList } from '../../src/core/update/receive/digest-list.js';
import { DecodeChain } from '../../src/core/bundle/decode/decode-chain.js';
import { identityOf } from '../../src/core/update/report/bundle-identity.js';
import { emptyPartitionReceipt, outcomeOf } from '../../src/core/update/report/receipt.js';
import { changedMember, SmallMember } from '../../src/core/bundle/small-member.js';
import { sha256 } from '../kit/bundle-maker.js';
import { piecesAt, platform, reusedPieces } from '../kit/update-kit.js';
import { sameBytes } from '../kit/same-bytes.js';
import { noise } from '../kit/noise.js';

class Collector implements ByteSink {
  readonly parts: Uint8Array[] = [];
  ended = 0;
  async write(bytes: Uint8Array): Promise<void> {
    this.parts.push(bytes.slice());
  }
  async end(): Promise<void> {
    this.ended++;
  }
  get bytes(): Uint8Array {
    return Buffer.concat(this.parts);
  }
}

t.test('gzip is known by the first two bytes, however they are split', async (t) => {
  const plain = noise(3000, 1).fill(0x61, 0, 2);
  for (const bytes of [plain, gzipSync(plain)]) {
    for (const cuts of [[], [0], [1], [2], [0, 1, 1, 2], [1, 2, 3, 4, 100]]) {
      const sink = new Collector();
      const front = new DecodeChain(platform, sink);
      for (const piece of piecesAt(bytes, cuts)) await front.write(piece);
      await front.end();
      sameBytes(t, sink.bytes, plain, `${bytes.length} bytes cut at ${cuts.join(' ')}`);
      t.equal(sink.ended, 1);
    }
  }
});

t.test('half of the magic is no gzip', async (t) => {
  const sink = new Collector();
  const front = new DecodeChain(platform, sink);
  for (const byte of [0x1f, 0x8c, 1]) await front.write(Uint8Array.of(byte));
  await front.end();
  t.same([...sink.bytes], [0x1f, 0x8c, 1]);
  const other = new Collector();
  const second = new DecodeChain(platform, other);
  await second.write(Uint8Array.of(0x1e, 0x8b, 1));
  await second.end();
  t.same([...other.bytes], [0x1e, 0x8b, 1]);
});

t.test('the first byte is kept, though its buffer is used again', async (t) => {
  const sink = new Collector();
  const front = new DecodeChain(platform, sink);
  for (const piece of reusedPieces(Uint8Array.of(0x61, 0x62, 0x63), 1)) await front.write(piece);
  await front.end();
  t.same([...sink.bytes], [0x61, 0x62, 0x63]);
});

t.test('what is compressed is refused where nothing can decompress it', async (t) => {
  const { gunzip: _none, ...plainPlatform } = platform;
  const sink = new Collector();
  const front = new DecodeChain(plainPlatform, sink);
  await t.rejects(front.write(gzipSync(noise(100, 1))), { code: 'ERR_SOURCE_GZIP' });
  await t.rejects(
    front.write(noise(100, 1)),
    { code: 'ERR_SOURCE_GZIP' },
    'and nothing after it is taken for plain',
  );
  t.equal(sink.parts.length, 0);
});

t.test('a source of no or one byte is truncated', async (t) => {
  await t.rejects(new DecodeChain(platform, new Collector()).end(), { code: 'ERR_SOURCE_TRUNCATED' });
  const front = new DecodeChain(platform, new Collector());
  await front.write(Uint8Array.of(0x1f));
  await t.rejects(front.end(), { code: 'ERR_SOURCE_TRUNCATED' });
});

t.test('a list of digests takes them in any order and grows', (t) => {
  const list = new DigestList();
  t.equal(list.bytes.length, 0);
  const digests = Array.from({ length: 300 }, (_, k) => sha256(Uint8Array.of(k & 0xff, k >> 8)));
  for (const k of [299, ...Array.from({ length: 299 }, (_, index) => (index * 7) % 299)]) {
    list.set(k, digests[k] as Uint8Array);
  }
  sameBytes(t, list.bytes, Buffer.concat(digests));
  t.end();
});

t.test('a list of digests that come one after the other grows wherever it has to', (t) => {
  const list = new DigestList();
  const digests = Array.from({ length: 300 }, (_, k) => sha256(Uint8Array.of(k & 0xff, k >> 8)));
  for (const [k, digest] of digests.entries()) {
    list.set(k, digest);
    t.equal(list.bytes.length, 32 * (k + 1));
  }
  sameBytes(t, list.bytes, Buffer.concat(digests));
  t.end();
});

t.test('the identity is a digest of lines that anyone can write', (t) => {
  const facts = ['image-rofs', 'image-kernel'].map((member, k) => ({
    member,
    size: 100 + k,
    sha256: sha256(Uint8Array.of(k)),
  }));
  const hex = (k: number): string => sha256(Uint8Array.of(k)).toString('hex');
  const text =
    'sluice-identity 1\nmachine quanta-q71l\nversion 2.19.0\n' +
    `image-kernel 101 ${hex(1)}\nimage-rofs 100 ${hex(0)}\n`;
  const expected = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  t.equal(identityOf(platform, 'quanta-q71l', '2.19.0', facts), expected);
  t.equal(identityOf(platform, 'quanta-q71l', '2.19.0', facts.toReversed()), expected, 'in any order');
  const unknown = text.replace('quanta-q71l', '-').replace('2.19.0', '-');
  const without = `sha256:${createHash('sha256').update(unknown).digest('hex')}`;
  t.equal(identityOf(platform, null, null, facts), without, 'what is not known is a dash');
  const others = [
    identityOf(platform, null, '2.19.0', facts),
    identityOf(platform, 'quanta-q71l', null, facts),
    identityOf(platform, 'quanta-q71l', '2.19.1', facts),
    identityOf(platform, 'quanta-q71l', '2.19.0', facts.slice(1)),
  ];
  t.equal(new Set([expected, ...others]).size, 5);
  t.end();
});

t.test('the outcome of an error follows its exit code', (t) => {
  const outcome = (code: ErrorCode): string => outcomeOf(new SluiceError(code, 'x'));
  t.equal(outcome('ERR_TRUST_SIGNATURE'), 'refused');
  t.equal(outcome('ERR_SOURCE_TRUNCATED'), 'refused');
  t.equal(outcome('ERR_SESSION_INTERRUPTED'), 'interrupted');
  t.equal(outcome('ERR_FLASH_POWER_CUT'), 'interrupted');
  t.equal(outcome('ERR_FLASH_ERASE'), 'failed');
  t.equal(outcome('ERR_SESSION_INTERNAL'), 'failed');
  t.equal(outcome('ERR_BUSY_FLASH'), 'failed');
  t.end();
});

t.test('each partition has a row of its own', (t) => {
  const one = emptyPartitionReceipt();
  one.erased++;
  t.equal(emptyPartitionReceipt().erased, 0);
  t.end();
});

t.test('a small member is collected whole', (t) => {
  const member = new SmallMember(5);
  member.write(Uint8Array.of(1, 2));
  member.write(Uint8Array.of());
  member.write(Uint8Array.of(3, 4, 5));
  t.same([...member.bytes], [1, 2, 3, 4, 5]);
  t.match(changedMember('MANIFEST', 'was another'), { code: 'ERR_SOURCE_CHANGED', member: 'MANIFEST' });
  t.end();
});
