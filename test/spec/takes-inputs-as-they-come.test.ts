/**
 * Takes inputs as they come: what builds, tools and servers make of a bundle is taken, or refused by its name before
 * anything is changed.
 *
 * | promised | shown by |
 * |---|---|
 * | what is no tarball is named | "a source of another format is named, whatever its length and its pieces" |
 * | an image that is compressed as a whole is not written | "a compressed image is not written, in any container, unless it is left out" |
 * | gzip is taken as its tools make it | "gzip members one after the other, with zeros behind them, are one tarball" |
 * | what is left out does not matter | "an image that is left out is not measured against the flash" |
 * | signatures that no key here is for are passed over | "signatures of another algorithm in a folder change nothing" |
 * | an image of the chip needs no partition of the chip | "image-bmc is cut along the partitions of a flash that does not show the chip" |
 */
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { UnsignedTrust } from '../../src/core/trust/unsigned-trust.js';
import { UpdateSession } from '../../src/core/update/session.js';
import { tarChecksum } from '../../src/core/bundle/tar/header.js';
import { tarHeader } from '../../src/core/bundle/tar/tar-writer.js';
import { makeBundle, makeMembers, tarOf, withMember } from '../kit/bundle-maker.js';
import {
  check,
  ERASE,
  layoutOf,
  nor,
  oldContent,
  platform,
  pump,
  recorder,
  SMALL,
  SMALL_BLOCKS,
  update,
  written,
} from '../kit/update-kit.js';
import { sameBytes } from '../kit/same-bytes.js';
import { noise } from '../kit/noise.js';

const before = oldContent();
const images = { kernel: noise(3 * ERASE - 9, 1), rofs: noise(4 * ERASE + 1, 2) };
const proven = makeBundle({ images, kind: 'proven' }).bytes;
const after = written(before, SMALL, images);
const ZSTD = Buffer.from('28b52ffd', 'hex');
const pieces = function* (bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
};

t.test('a source of another format is named, whatever its length and its pieces', async (t) => {
  const page = Buffer.from('<!DOCTYPE html>\n<title>Sign in</title>');
  for (const bytes of [page, Buffer.concat([page, noise(5000, 3)]), gzipSync(page)]) {
    for (const size of [1, 100, 1e9]) {
      const { changes, onOperation } = recorder();
      const { error, receipt } = await update(nor({ onOperation }), pieces(bytes, size));
      t.match(error, { code: 'ERR_SOURCE_FORMAT', exit: 4, message: 'this is HTML, not a tarball' });
      t.match(receipt, { outcome: 'refused', flash: 'untouched' });
      t.same(changes, []);
    }
  }
});

t.test('a compressed image is not written, in any container, unless it is left out', async (t) => {
  const rofs = Buffer.concat([ZSTD, noise(3 * ERASE, 4)]);
  for (const kind of ['proven', 'stock'] as const) {
    const { bytes } = makeBundle({ images: { rofs, kernel: images.kernel }, kind });
    for (const policy of kind === 'proven'
      ? (['before-erase'] as const)
      : (['before-commit', 'unsigned'] as const)) {
      for (const size of [1, 1e9]) {
        const { changes, onOperation } = recorder();
        const target = nor({ onOperation });
        const trust = policy === 'unsigned' ? { trust: new UnsignedTrust({ machine: 'any' }) } : {};
        const { error } = await update(target, pieces(bytes, size), { policy, ...trust });
        t.match(
          error,
          { code: 'ERR_SOURCE_FORMAT', member: 'image-rofs', flash: 'untouched' },
          `${kind} ${policy}`,
        );
        t.same(changes, []);
      }
    }
    await t.rejects(check(bytes, null), { code: 'ERR_SOURCE_FORMAT' }, 'a check finds it without a flash');
    const target = nor();
    const policy = kind === 'proven' ? 'before-erase' : 'before-commit';
    t.equal((await update(target, bytes, { policy, only: ['kernel'] })).error, null);
    sameBytes(t, target.bytes, written(before, SMALL, { kernel: images.kernel }));
  }
  const tiny = makeBundle({ images: { rofs: ZSTD }, kind: 'proven' });
  t.match(
    (await update(nor(), tiny.bytes)).error,
    { code: 'ERR_SOURCE_FORMAT' },
    'shorter than what is looked at',
  );
  const single = { member: 'image-rofs', size: rofs.length };
  const session = new UpdateSession({
    platform,
    target: nor(),
    trust: new UnsignedTrust({ machine: 'any' }),
    policy: 'unsigned',
    single,
  });
  t.match(
    (await pump(session, [rofs])).error,
    { code: 'ERR_SOURCE_FORMAT', flash: 'untouched' },
    'a single image',
  );
});

t.test('gzip members one after the other, with zeros behind them, are one tarball', async (t) => {
  const half = proven.length >> 1;
  const members = [proven.subarray(0, half), proven.subarray(half)].map((part) => gzipSync(part));
  for (const size of [100, 1e9]) {
    const target = nor();
    const { error } = await update(target, pieces(Buffer.concat([...members, Buffer.alloc(3000)]), size));
    t.equal(error, null);
    sameBytes(t, target.bytes, after);
  }
});

t.test('an image that is left out is not measured against the flash', async (t) => {
  const huge = { ...images, rwfs: noise(SMALL.size, 5), hostfw: noise(2 * SMALL.size, 6) };
  for (const kind of ['proven', 'stock'] as const) {
    const { bytes } = makeBundle({ images: huge, kind });
    const target = nor();
    const only = ['kernel', 'rofs'];
    await t.resolves(check(bytes, nor(), { only, forecast: true }));
    const { error } = await update(target, bytes, {
      only,
      policy: kind === 'proven' ? 'before-erase' : 'before-commit',
    });
    t.equal(error, null, kind);
    sameBytes(t, target.bytes, after);
    t.match((await update(nor(), bytes)).error, { flash: 'untouched' }, 'all of it does not fit');
  }
});

t.test('signatures of another algorithm in a folder change nothing', async (t) => {
  const others = ['publickey', 'publickey.sig', 'MANIFEST.sig', 'image-kernel.sig', 'image-full.sig'].map(
    (name, at) => ({ name: `MLDSA/${name}`, bytes: noise(4627, at) }),
  );
  for (const kind of ['proven', 'stock'] as const) {
    const policy = kind === 'proven' ? 'before-erase' : 'before-commit';
    const members = makeMembers({ images, kind });
    const lines = Buffer.concat([
      members.find(({ name }) => name === 'MANIFEST')?.bytes ?? Buffer.alloc(0),
      Buffer.from('MLDSA_Hash_Type=SHA3-512,MLDSA\n'),
    ]);
    for (const [what, list] of [
      ['ahead', [...others, ...members]],
      ['behind', [...members, ...others]],
    ] as const) {
      for (const size of [511, 1e9]) {
        const target = nor();
        const { error, receipt } = await update(target, pieces(tarOf(list).bytes, size), { policy });
        t.equal(error, null, `${kind}, ${what}`);
        t.match(receipt.bundle, { kind });
        sameBytes(t, target.bytes, after);
      }
    }
    // Nothing in a folder stands for a signature that is missing, for an image or for MANIFEST.
    for (const missing of ['image-kernel.sig', 'MANIFEST.sig', 'image-full.sig', 'publickey']) {
      const stripped = members.map((member) =>
        member.name === missing ? { name: `MLDSA/${missing}`, bytes: member.bytes } : member,
      );
      const { changes, onOperation } = recorder();
      const { error, receipt } = await update(nor({ onOperation }), tarOf(stripped).bytes, { policy });
      t.match(error?.code, /^ERR_(?:TRUST|BUNDLE)_/, missing);
      t.not(receipt.flash, 'complete');
      if (kind === 'proven' && missing !== 'image-kernel.sig' && missing !== 'image-full.sig')
        t.same(changes, []);
    }
    const altered = await update(nor(), tarOf(withMember(members, 'MANIFEST', lines)).bytes, { policy });
    t.match(altered.error, { code: 'ERR_TRUST_SIGNATURE' }, 'MANIFEST with another line is another MANIFEST');
    for (const name of ['MLDSA/image-kernel', 'MLDSA/MANIFEST', 'a/b.sig', 'a/b/image-kernel.sig']) {
      const header = Buffer.from(tarHeader('x', 1));
      header.fill(0, 0, 100).write(name, 0, 'latin1');
      header.write(`${tarChecksum(header).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
      const { error } = await update(nor(), [header, tarOf(members).bytes], { policy });
      t.match(error, { code: /^ERR_BUNDLE_(?:TAR_NAME|MEMBER)$/, flash: 'untouched' }, name);
    }
    const large = tarOf([{ name: 'MLDSA/image-kernel.sig', bytes: noise(65_537, 1) }, ...members]).bytes;
    t.match((await update(nor(), large, { policy })).error, { code: 'ERR_BUNDLE_MEMBER_SIZE' });
  }
});

t.test('image-bmc is cut along the partitions of a flash that does not show the chip', async (t) => {
  const parts = { ...layoutOf(SMALL_BLOCKS), name: 'parts' };
  const layout = { ...parts, partitions: parts.partitions.filter(({ name }) => name !== 'bmc') };
  const bmc = noise(layout.size, 7);
  for (const kind of ['proven', 'stock'] as const) {
    const { bytes } = makeBundle({ images: { bmc }, kind });
    const policy = kind === 'proven' ? 'before-erase' : 'before-commit';
    const target = nor({ layout });
    const { error, receipt } = await update(target, bytes, { policy });
    t.equal(error, null, kind);
    t.same(Object.keys(receipt.partitions), Object.keys(SMALL_BLOCKS));
    sameBytes(t, target.bytes, bmc);
    const some = nor({ layout });
    t.equal((await update(some, bytes, { policy, only: ['rofs'] })).error, null);
    const { offset = 0, size = 0 } = layout.partitions.find(({ name }) => name === 'rofs') ?? {};
    sameBytes(t, some.bytes, written(before, SMALL, { rofs: bmc.subarray(offset, offset + size) }));
  }
});
