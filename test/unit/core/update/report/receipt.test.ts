/** What a session tells of itself: its receipt, its phases, and what it leaves in the journal. */
import t from 'tap';
import { formatBlocks } from '../../../../../src/core/bundle/block-index.js';
import { SluiceError, type ErrorCode } from '../../../../../src/core/errors.js';
import type { FlashTarget, Partition } from '../../../../../src/core/flash/device.js';
import type { Platform } from '../../../../../src/core/platform.js';
import { UnsignedTrust } from '../../../../../src/core/trust/unsigned-trust.js';
import { UpdateSession } from '../../../../../src/core/update/session.js';
import { indexOf, MACHINE, makeBundle, makeMembers, sha256, tarOf } from '../../../../kit/bundle-maker.js';
import { MemoryJournal } from '../../../../kit/memory-journal.js';
import {
  ERASE,
  layoutOf,
  nor,
  platform,
  pump,
  sessionOf,
  through,
  update,
} from '../../../../kit/update-kit.js';
import { DeviceWrapper } from '../../../../kit/device-wrapper.js';
import { noise } from '../../../../kit/noise.js';

const images = { kernel: noise(3 * ERASE - 9, 1), rofs: noise(2 * ERASE, 2) };
const proven = makeBundle({ images, kind: 'proven' }).bytes;
const stock = makeBundle({ images, kind: 'stock' }).bytes;
const hex = (bytes: Uint8Array): string => sha256(bytes).toString('hex');
const digests = (partitions: Readonly<Record<string, { sha256: string | null }>>): unknown =>
  Object.fromEntries(Object.entries(partitions).map(([name, row]) => [name, row.sha256]));

t.test(
  'times are seconds, of the session and of flash alone; memory is what the platform says',
  async (t) => {
    let time = 7000;
    const chip = nor();
    class Slow extends DeviceWrapper {
      override erase(block: number): Promise<void> {
        time += 250;
        return super.erase(block);
      }
    }
    const on = { ...platform, now: () => time, peakRss: () => 4242 };
    const session = sessionOf(through(chip, new Slow(chip.chip)), { platform: on });
    await session.write(proven.subarray(0, 100));
    time += 1500;
    await session.write(proven.subarray(100));
    const { times, memory, outcome } = await session.end();
    t.equal(outcome, 'committed');
    t.same([times, memory], [{ wall: 2.75, flash: 1.25 }, { peakRss: 4242 }]);
  },
);

t.test('its message names what was written, and what is unchanged', async (t) => {
  const target = nor();
  const { receipt } = await update(target, proven);
  t.match(receipt, { outcome: 'committed', message: /^kernel, rofs written/ });
  const again = await update(target, proven);
  t.match(again.receipt, { outcome: 'committed', flash: 'complete', message: 'kernel, rofs unchanged' });
});

t.test('each image, and each part that one is cut into, has a digest of its own', async (t) => {
  const hostfw = noise(ERASE + 3, 4);
  const bmc = noise(7 * ERASE + 5, 5);
  const parts = {
    'u-boot': hex(bmc.subarray(0, 2 * ERASE)),
    kernel: hex(bmc.subarray(2 * ERASE, 6 * ERASE)),
    rofs: hex(bmc.subarray(6 * ERASE)),
  };
  const other = nor({ layout: layoutOf({ hostfw: 3, spare: 1 }) }).partitions.get('hostfw') as Partition;
  for (const order of [
    { hostfw, bmc },
    { bmc, hostfw },
  ]) {
    for (const kind of ['proven', 'stock'] as const) {
      const chip = nor();
      const target: FlashTarget = { ...chip, partitions: new Map(chip.partitions).set('hostfw', other) };
      const policy = kind === 'stock' ? 'before-commit' : 'before-erase';
      const { receipt } = await update(target, makeBundle({ images: order, kind }).bytes, { policy });
      t.equal(receipt.outcome, 'committed');
      t.same(digests(receipt.partitions), { ...parts, hostfw: hex(hostfw) });
    }
  }
});

t.test('a part that is all of the image has one, too', async (t) => {
  const bmc = noise(100, 6);
  for (const only of [null, ['u-boot']]) {
    const { receipt } = await update(nor(), makeBundle({ images: { bmc }, kind: 'proven' }).bytes, { only });
    t.same(digests(receipt.partitions), { 'u-boot': hex(bmc) });
  }
});

t.test('what did not come whole has no digest', async (t) => {
  const { receipt } = await update(nor(), stock.subarray(0, 512 + 3 * ERASE + 512 + ERASE + 100), {
    policy: 'before-commit',
  });
  t.match(receipt, { outcome: 'refused', code: 'ERR_SOURCE_TRUNCATED', bundle: { identity: null } });
  t.same(digests(receipt.partitions), { kernel: hex(images.kernel), rofs: null });
});

t.test('the bundle is described as far as it is proven', async (t) => {
  const index = {
    machine: MACHINE,
    version: '2.19.0',
    securityVersion: null,
    images: new Map([['image-kernel', indexOf('image-kernel', images.kernel, ERASE)]]),
  };
  const blocks = { name: 'BLOCKS', bytes: formatBlocks(index) };
  const image = { name: 'image-kernel', bytes: images.kernel };
  const manifest = makeMembers({ images, kind: 'stock' }).filter(({ name }) => name === 'MANIFEST');
  const { identity } = (
    await update(nor(), makeBundle({ images: { kernel: images.kernel }, kind: 'proven' }).bytes)
  ).receipt.bundle;
  for (const members of [
    [blocks, image],
    [...manifest, blocks, image],
  ]) {
    const journal = new MemoryJournal();
    const trust = new UnsignedTrust({ machine: MACHINE });
    const { receipt } = await update(nor(), tarOf(members).bytes, { trust, policy: 'unsigned', journal });
    t.match(receipt, { outcome: 'committed', bundle: { identity, version: '2.19.0', machine: MACHINE } });
    t.ok(journal.saved.length > 0);
    t.ok(
      journal.saved.every((record) => record.includes(`${identity}`)),
      'the journal has the identity that the receipt has',
    );
    t.same(receipt.session.journal, journal.wear);
  }
  const cut = makeMembers({ images, kind: 'signatures-first' });
  const early = await update(nor(), tarOf(cut).bytes.subarray(0, -9000), { policy: 'before-commit' });
  t.match(early.receipt, {
    code: 'ERR_SOURCE_TRUNCATED',
    bundle: { identity: null, version: '2.19.0', machine: MACHINE },
    session: { journal: null },
  });
  const nothing = await update(nor(), stock.subarray(0, 9000), { policy: 'before-commit' });
  t.match(nothing.receipt.bundle, { identity: null, version: null, machine: null });
  const late = await update(nor(), stock, { policy: 'before-commit' });
  t.match(late.receipt.bundle, { version: '2.19.0', machine: MACHINE });
});

t.test('a failed receipt has the key that verified the index', async (t) => {
  const failed = await update(nor({ faults: ['weak:3:erase'] }), proven);
  t.match(failed.receipt, { outcome: 'failed', trust: { by: 'index', key: 'OpenBMC' } });
  const truncated = await update(nor(), proven.subarray(0, -9000));
  t.match(truncated.receipt, { outcome: 'refused', trust: { by: 'index', key: 'OpenBMC' } });
  const unproven = await update(nor(), stock.subarray(0, -9000), { policy: 'before-commit' });
  t.match(unproven.receipt, { outcome: 'refused', trust: { by: 'none', key: null } });
});

t.test('it tells how much has come, and each phase once', async (t) => {
  const phases: string[] = [];
  const received: number[] = [];
  const observer = {
    phase: (phase: string) => void phases.push(phase),
    received: (bytes: number) => void received.push(bytes),
  };
  await update(nor(), [proven.subarray(0, 100), proven.subarray(100)], { observer });
  t.same(received, [100, proven.length]);
  t.same(phases.splice(0), ['receiving', 'checking', 'proven', 'committing', 'done']);
  const failed = sessionOf(nor(), { observer });
  await t.rejects(failed.write(stock), { code: 'ERR_TRUST_NOT_AHEAD' });
  t.equal((await failed.abort(new Error('too late'))).code, 'ERR_TRUST_NOT_AHEAD');
  t.same(phases.splice(0), ['receiving', 'failed']);
});

t.test('a signal stops it before anything is read', async (t) => {
  const signal = { aborted: true };
  const session = sessionOf(nor(), { signal });
  // Of these bytes nothing would reach the flash, which looks at the signal by itself.
  await t.rejects(session.write(proven.subarray(0, 100)), { code: 'ERR_SESSION_INTERRUPTED' });
  t.match(await session.end(), { outcome: 'interrupted', flash: 'untouched' });
});

t.test('blocks stay in doubt when flash or sluice has failed, and not when the source has', async (t) => {
  const start = Buffer.from(proven).indexOf(images.rofs.subarray(0, 99));
  const doubt = async (reason: unknown, faults: readonly string[] = []): Promise<[unknown, boolean]> => {
    const journal = new MemoryJournal();
    const session = sessionOf(nor({ faults }), { journal });
    await session.write(proven.subarray(0, start + ERASE)).catch(() => {});
    const { code } = await session.abort(reason);
    return [code, /^window/m.test(journal.text ?? '')];
  };
  const of = (code: ErrorCode): Error => new SluiceError(code, 'x');
  t.same(await doubt(of('ERR_SOURCE_TRUNCATED')), ['ERR_SOURCE_TRUNCATED', false]);
  t.same(await doubt(of('ERR_SESSION_INTERRUPTED')), ['ERR_SESSION_INTERRUPTED', false]);
  t.same(await doubt(of('ERR_BUSY_IN_USE')), ['ERR_BUSY_IN_USE', false]);
  t.same(await doubt(new Error('a fault')), ['ERR_SESSION_INTERNAL', true]);
  t.same(await doubt(of('ERR_FLASH_POWER_CUT')), ['ERR_FLASH_POWER_CUT', true]);
  t.same(await doubt(null, ['fail:erase@4:1:ever']), ['ERR_FLASH_ERASE', true]);
});

t.test('blocks are hashed one by one only where something names their digests', async (t) => {
  let hashed = 0;
  const on = {
    ...platform,
    digest: (bytes: Uint8Array) => {
      hashed++;
      return platform.digest(bytes);
    },
  };
  await update(nor(), stock, { policy: 'before-commit', platform: on });
  t.equal(hashed, 0);
  await update(nor(), proven, { platform: on });
  t.equal(hashed, 5);
});

t.test('an image that is not cut is hashed once as a whole', async (t) => {
  let bytes = 0;
  const on: Platform = {
    ...platform,
    hasher(name) {
      const hasher = platform.hasher(name);
      return {
        update(piece) {
          bytes += piece.length;
          hasher.update(piece);
        },
        digest: () => hasher.digest(),
      };
    },
  };
  const single = { member: 'image-kernel', size: images.kernel.length };
  const trust = new UnsignedTrust({ machine: MACHINE });
  const options = { platform: on, target: nor(), trust, policy: 'unsigned', single } as const;
  const { receipt } = await pump(new UpdateSession(options), [images.kernel]);
  t.equal(receipt.partitions['kernel']?.sha256, hex(images.kernel));
  const identity = 200;
  t.ok(bytes >= images.kernel.length && bytes < images.kernel.length + identity, `${bytes} bytes`);
});
