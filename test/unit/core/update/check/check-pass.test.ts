import t from 'tap';
import { formatBlocks } from '../../../../../src/core/bundle/block-index.js';
import { KeyStore, systemKey } from '../../../../../src/core/trust/key-store.js';
import { SingleImageTrust } from '../../../../../src/core/trust/single-image-trust.js';
import { UnsignedTrust } from '../../../../../src/core/trust/unsigned-trust.js';
import {
  CheckPass,
  type CheckOptions,
  type CheckResult,
} from '../../../../../src/core/update/check/check-pass.js';
import { identityOf } from '../../../../../src/core/update/report/bundle-identity.js';
import { indexOf, MACHINE, makeBundle, sha256 } from '../../../../kit/bundle-maker.js';
import {
  chain,
  check,
  ERASE,
  nand,
  nor,
  oldContent,
  platform,
  recorder,
  SMALL,
  update,
  written,
} from '../../../../kit/update-kit.js';
import { sameBytes } from '../../../../kit/same-bytes.js';
import { noise } from '../../../../kit/noise.js';
import { rsaSigner } from '../../../../kit/keys.js';

const images = {
  kernel: noise(3 * ERASE - 9, 1),
  rofs: noise(4 * ERASE + 1, 2),
  rwfs: noise(ERASE, 4),
  'u-boot': noise(ERASE, 3),
};
const stock = makeBundle({ images, kind: 'stock' }).bytes;
const proven = makeBundle({ images, kind: 'proven' });
const after = written(oldContent(), SMALL, images);

/** A check pass of a bundle, with no flash at hand if not said otherwise. */
function passOf(options: Partial<CheckOptions>): CheckPass {
  const none = { target: null, forecast: false, only: null, single: null, observer: {} };
  return new CheckPass({ platform, trust: chain(), ...none, ...options });
}

async function resultOf(pass: CheckPass, bytes: Uint8Array): Promise<CheckResult> {
  await pass.write(bytes);
  await pass.end();
  return pass.result();
}

t.test('it keeps the digest of every block, in blocks of the flash', async (t) => {
  const { index, members, manifest, kind, proof } = await check(stock, nor());
  t.equal(kind, 'stock');
  t.match(manifest, { version: '2.19.0', machine: 'quanta-q71l' });
  t.equal(proof.key, 'OpenBMC');
  t.same(
    [...index.images.keys()],
    Object.keys(images).map((name) => `image-${name}`),
  );
  for (const [name, bytes] of Object.entries(images)) {
    const entry = index.images.get(`image-${name}`);
    t.match(entry, { partition: name, size: bytes.length, blockSize: ERASE });
    const digests: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += ERASE) digests.push(sha256(bytes.subarray(at, at + ERASE)));
    sameBytes(t, entry?.digests ?? Buffer.of(), Buffer.concat(digests), name);
    sameBytes(t, entry?.sha256 ?? Buffer.of(), sha256(bytes));
  }
  t.ok(members.has('MANIFEST') && members.has('image-full.sig') && !members.has('image-kernel'));
});

t.test('it writes nothing, and has the identity that the update will have', async (t) => {
  const { changes, onOperation } = recorder();
  const target = nor({ onOperation });
  const expect = await check(stock, target, { forecast: true });
  t.same(changes, []);
  sameBytes(t, target.bytes, oldContent());
  const { receipt } = await update(target, stock, { expect });
  t.equal(receipt.bundle.identity, expect.identity);
  const other = await update(nor(), proven.bytes);
  t.equal(other.receipt.bundle.identity, expect.identity, 'packed in another way it is the same update');
});

t.test('it foretells what an update does', async (t) => {
  for (const chip of [nor, nand]) {
    // One block is right already, one needs bits cleared only, in each of two partitions.
    const content = oldContent();
    content.set(after.subarray(3 * ERASE, 4 * ERASE), 3 * ERASE);
    content.fill(0xff, 7 * ERASE, 8 * ERASE);
    const target = chip({ content });
    const { forecasts } = await check(stock, target, { forecast: true });
    const { receipt } = await update(target, stock, { expect: await check(stock, target) });
    t.equal(forecasts.length, 4);
    for (const { partition, blocks, unchanged, erases, programs, changed } of forecasts) {
      const row = receipt.partitions[partition.name];
      t.same([row?.blocks, row?.skipped, row?.erased], [blocks, unchanged, erases], partition.name);
      t.equal(row?.programmedWithoutErase, programs);
      t.equal(changed.length, erases + programs);
    }
    t.same(forecasts[0]?.changed, [0, 2], 'blocks count from the start of the partition');
  }
});

t.test('it says whether the bundle proves its blocks by itself', async (t) => {
  const [one, two] = [passOf({ target: nor() }), passOf({ target: nor() })];
  const start = proven.places.get('image-kernel')?.start ?? 0;
  await one.write(proven.bytes.subarray(0, start - 512));
  t.equal(one.indexAhead, false);
  await one.write(proven.bytes.subarray(start - 512, start + 10));
  t.equal(one.indexAhead, true);
  await two.write(stock);
  await two.end();
  await two.result();
  t.equal(two.indexAhead, false);
});

t.test('a signal stops it', async (t) => {
  const signal = { aborted: false };
  const pass = passOf({ signal });
  await pass.write(stock.subarray(0, 1000));
  signal.aborted = true;
  await t.rejects(pass.write(stock.subarray(1000)), { code: 'ERR_SESSION_INTERRUPTED' });
});

t.test('a bundle that is refused gives no result', async (t) => {
  const bad = Uint8Array.from(stock);
  bad[600] = (bad[600] as number) ^ 1;
  await t.rejects(check(bad, nor()), { code: 'ERR_TRUST_SIGNATURE' });
  await t.rejects(check(stock.subarray(0, -10_000), nor()), { code: 'ERR_SOURCE_TRUNCATED' });
  const late = Uint8Array.from(proven.bytes);
  const at = (proven.places.get('image-rofs')?.start ?? 0) + ERASE;
  late[at] = (late[at] as number) ^ 1;
  await t.rejects(check(late, nor()), { code: 'ERR_TRUST_BLOCK', member: 'image-rofs', block: 1 });
});

t.test('without a flash at hand it checks all the same', async (t) => {
  const { index, forecasts } = await check(stock, null, { forecast: true });
  t.equal(index.images.get('image-kernel')?.blockSize, 64 * 1024);
  t.same(forecasts, []);
});

t.test('a single image has the machine and version of its index, if of any', async (t) => {
  const { kernel } = images;
  const entry = indexOf('image-kernel', kernel, ERASE);
  const about = { machine: MACHINE, version: '2.19.0', securityVersion: 7 };
  const text = formatBlocks({ ...about, images: new Map([['image-kernel', entry]]) });
  const keys = new KeyStore([await systemKey(platform, 'OpenBMC', rsaSigner.pem, rsaSigner.hashType)]);
  const blocks = { text, signature: rsaSigner.sign(text) };
  const image = { name: 'image-kernel', signature: null, blocks };
  const trust = await SingleImageTrust.create(platform, keys, { machine: MACHINE }, image);
  const single = { member: 'image-kernel', size: kernel.length };
  const pass = passOf({ trust, single });
  t.same(pass.seen, { kind: 'single', machine: MACHINE, version: '2.19.0' });
  const indexed = await resultOf(pass, kernel);
  t.match(indexed, { kind: 'single', manifest: null, proven: true });
  t.match(indexed.index, about);
  t.equal(indexed.identity, identityOf(platform, MACHINE, '2.19.0', [entry]));
  const bare = await resultOf(passOf({ trust: new UnsignedTrust({ machine: 'any' }), single }), kernel);
  t.match(bare, { kind: 'single', manifest: null, proven: false });
  const { machine, version, securityVersion } = bare.index;
  t.same([machine, version, securityVersion], ['', '', null]);
  t.equal(bare.identity, identityOf(platform, null, null, [entry]));
});

t.test('a bundle has the machine and version of its MANIFEST', async (t) => {
  const about = { machine: MACHINE, version: '2.19.0', securityVersion: null };
  for (const [kind, bytes] of [
    ['stock', stock],
    ['proven', proven.bytes],
  ] as const) {
    const result = await check(bytes, null);
    t.equal(result.kind, kind);
    t.match(result.index, about, kind);
  }
});

t.test('what is known of a bundle is told before it has ended, once it is proven', async (t) => {
  const pass = passOf({});
  const head = proven.places.get('BLOCKS')?.header ?? 0;
  await pass.write(proven.bytes.subarray(0, 700));
  t.same(pass.seen, { kind: 'stock', machine: null, version: null });
  await pass.write(proven.bytes.subarray(700, head));
  t.same(pass.seen, { kind: 'stock', machine: MACHINE, version: '2.19.0' });
  await pass.write(proven.bytes.subarray(head));
  t.same(pass.seen, { kind: 'proven', machine: MACHINE, version: '2.19.0' });
});

t.test('an image of unknown length is compared as far as it goes', async (t) => {
  const trust = new UnsignedTrust({ machine: 'any' });
  const pass = passOf({
    trust,
    target: nor(),
    forecast: true,
    single: { member: 'image-kernel', size: null },
  });
  const { index, forecasts } = await resultOf(pass, images.kernel);
  t.equal(index.images.get('image-kernel')?.size, images.kernel.length);
  t.match(forecasts, [{ blocks: 3 }]);
});

t.test('it tells how many bytes it has taken, and which images', async (t) => {
  const taken: number[] = [];
  const seen: unknown[] = [];
  const observer = {
    received: (bytes: number) => void taken.push(bytes),
    image: (...about: unknown[]) => void seen.push(about),
  };
  const pieces = [stock.subarray(0, 700), stock.subarray(700, 1000), stock.subarray(1000)];
  await check(pieces, null, { observer });
  t.same(taken, [700, 1000, stock.length]);
  t.same(
    seen,
    Object.keys(images).map((name) => [`image-${name}`, name, 0, null]),
  );
});

t.test('a partition that is in use is told where it is compared, and not refused', async (t) => {
  const { partitions, ...target } = nor();
  const used = new Map(
    [...partitions].map(([name, partition]) => [
      name,
      { ...partition, inUse: async () => (name === 'rofs' ? 'mounted at /ro' : null) },
    ]),
  );
  const busy = { ...target, partitions: used, close: async () => {} };
  const warned: string[] = [];
  const observer = { warn: (message: string) => void warned.push(message) };
  t.equal((await check(stock, busy, { forecast: true, observer })).forecasts.length, 4);
  t.match(warned, [/rofs is mounted at \/ro/]);
  t.equal((await check(stock, busy, { forecast: true })).forecasts.length, 4, 'if there is anybody to tell');
  await check(stock, busy, { observer });
  t.equal(warned.length, 1, 'what is not compared is not asked about');
});

t.test('a signal also stops the compare with the flash', async (t) => {
  const reads: unknown[] = [];
  const target = nor({ onOperation: (operation) => void reads.push(operation) });
  const signal = { aborted: false };
  const observer = { image: () => void (signal.aborted = true) };
  const pass = passOf({ target, forecast: true, signal, observer });
  await t.rejects(pass.write(stock), { code: 'ERR_SESSION_INTERRUPTED' });
  t.same(reads, []);
});
