/**
 * Refuses before the first erase: what can be known of an update before its first block costs no partition.
 *
 * | promised | shown by |
 * |---|---|
 * | a partition has the name that the kernel gave it | "a single image is written whatever its partition is called" |
 * |  | "no name of a partition drives a terminal or forges a line" |
 * |  | "names with commas go through lists and come back" |
 * | what a single image lacks is known at its start | "a single image without a version is refused at its start if one is required" |
 * | what the first image of a bundle tells is known at its start | "a bundle that must end in a refusal is refused at its first image" |
 * |  | "a partition that the bundle must write is looked at before the first image" |
 */
import t from 'tap';
import { SluiceError } from '../../src/core/errors.js';
import type { FlashTarget } from '../../src/core/flash/device.js';
import type { MemoryTarget } from '../../src/core/sim/index.js';
import { joinNames, quoteName, splitNames } from '../../src/core/text.js';
import type { AcceptanceRules } from '../../src/core/trust/acceptance-rules.js';
import { KeyStore, systemKey } from '../../src/core/trust/key-store.js';
import { OpenBmcTrust } from '../../src/core/trust/openbmc-trust.js';
import { SingleImageTrust } from '../../src/core/trust/single-image-trust.js';
import type { Trust, TrustPolicy } from '../../src/core/trust/trust.js';
import { UnsignedTrust } from '../../src/core/trust/unsigned-trust.js';
import { UpdateSession } from '../../src/core/update/session.js';
import { MACHINE, makeBundle } from '../kit/bundle-maker.js';
import { DeviceWrapper } from '../kit/device-wrapper.js';
import { sameBytes } from '../kit/same-bytes.js';
import {
  ERASE,
  layoutOf,
  nor,
  oldContent,
  platform,
  pump,
  SMALL,
  SMALL_BLOCKS,
  through,
  update,
  written,
} from '../kit/update-kit.js';
import { noise } from '../kit/noise.js';
import { rsaSigner } from '../kit/keys.js';

const before = oldContent();
const keys = new KeyStore([await systemKey(platform, 'OpenBMC', rsaSigner.pem, rsaSigner.hashType)]);

/** Names that the kernel, a device tree or `mtdparts` gives MTDs, and some that nobody should. */
const NAMES: readonly string[] = [
  'BIOS',
  'spi0.0',
  'NAND simulator partition 0',
  'NAND 128MiB 3,3V 8-bit',
  'full',
  'MANIFEST',
  'bios/../env',
  '..',
  'say "hi"',
  'back\\slash',
  'прошивка',
  '__proto__',
  'constructor',
  'a\x1b[2J\r\nreceipt committed',
];

const TWO = layoutOf({ first: 4, rest: 2 });

/** A chip whose first partition has this name. */
function called(name: string): MemoryTarget {
  const chip = nor({ layout: TWO });
  const named = [...chip.partitions.values()].map((each) =>
    each.name === 'first' ? { ...each, name } : each,
  );
  return Object.assign(chip, { partitions: new Map(named.map((each) => [each.name, each])) });
}

function single(target: FlashTarget, name: string, image: Uint8Array, trust: Trust, policy: TrustPolicy) {
  const source = { member: `image-${name}`, size: image.length };
  return pump(new UpdateSession({ platform, target, trust, policy, single: source }), [image]);
}

const ANY: AcceptanceRules = { machine: 'any' };

t.test('a single image is written whatever its partition is called', async (t) => {
  const image = noise(3 * ERASE - 5, 4);
  const after = written(oldContent(TWO.size), TWO, { first: image });
  for (const name of NAMES) {
    const signed = await SingleImageTrust.create(platform, keys, ANY, {
      name: `image-${name}`,
      signature: rsaSigner.sign(image),
    });
    for (const [policy, trust] of [
      ['unsigned', new UnsignedTrust(ANY)],
      ['before-commit', signed],
    ] as const) {
      const target = called(name);
      const { receipt, error } = await single(target, name, image, trust, policy);
      t.equal(error, null, `${JSON.stringify(name)}, ${policy}`);
      t.match(receipt, { outcome: 'committed', flash: 'complete' });
      t.same(Object.keys(receipt.partitions), [name]);
      sameBytes(t, target.bytes, after);
    }
  }
});

t.test('no name of a partition drives a terminal or forges a line', async (t) => {
  for (const name of NAMES) {
    const target = called(name);
    const { error } = await single(target, name, noise(9 * ERASE, 4), new UnsignedTrust(ANY), 'unsigned');
    t.match(error, { flash: 'untouched' });
    for (const text of [
      error?.message ?? '',
      quoteName(name),
      new SluiceError('ERR_FLASH_READ', name).message,
    ]) {
      t.notMatch(text, /[\x00-\x1f\x7f-\x9f\u2028\u202e]/, JSON.stringify(name));
    }
  }
  t.equal(quoteName('u-boot'), 'u-boot');
  t.equal(quoteName('a b'), '"a b"');
});

t.test('names with commas go through lists and come back', (t) => {
  t.same(splitNames('kernel, rofs'), ['kernel', 'rofs']);
  t.same(splitNames('NAND 128MiB 3\\,3V 8-bit,rofs'), ['NAND 128MiB 3,3V 8-bit', 'rofs']);
  for (const name of NAMES) t.same(splitNames(joinNames([name, 'b', name])), [name, 'b', name]);
  for (const empty of ['', ',', 'a,,b', 'a,', ' ,a']) t.equal(splitNames(empty), null, empty);
  t.end();
});

t.test('a single image without a version is refused at its start if one is required', async (t) => {
  for (const [rule, code] of [
    [{ minimumVersion: '1.0' }, 'ERR_TRUST_VERSION'],
    [{ minimumSecurityVersion: 1 }, 'ERR_TRUST_SECURITY_VERSION'],
  ] as const) {
    const target = nor();
    const trust = new UnsignedTrust({ machine: MACHINE, ...rule });
    const { receipt } = await single(target, 'kernel', noise(3 * ERASE, 4), trust, 'unsigned');
    t.match(receipt, { code, flash: 'untouched' });
    sameBytes(t, target.bytes, before);
  }
  const target = nor();
  const options = { platform, target, trust: new UnsignedTrust(ANY), policy: 'unsigned' } as const;
  const one = { only: ['kernel', 'rofs'], single: { member: 'image-kernel', size: 3 * ERASE } };
  const { receipt } = await pump(new UpdateSession({ ...options, ...one }), [noise(3 * ERASE, 4)]);
  t.match(receipt, { code: 'ERR_BUNDLE_EMPTY', flash: 'untouched' }, 'of two partitions it can serve one');
  sameBytes(t, target.bytes, before);
});

const four = {
  kernel: noise(3 * ERASE, 1),
  rofs: noise(4 * ERASE, 2),
  rwfs: noise(2 * ERASE, 3),
  'u-boot': noise(ERASE, 4),
};

t.test('a bundle that must end in a refusal is refused at its first image', async (t) => {
  const rules = { machine: MACHINE };
  const stock = makeBundle({ images: four, kind: 'stock' }).bytes;
  const signed = (change: AcceptanceRules = rules): Trust => new OpenBmcTrust(platform, keys, change);
  const lacking = layoutOf({ ...SMALL_BLOCKS, rwfs: 4, spare: 2 });
  const without = { ...lacking, partitions: lacking.partitions.filter(({ name }) => name !== 'rwfs') };
  const secure = { ...rules, minimumSecurityVersion: 1 };
  const odd = makeBundle({ images: { nvram: noise(ERASE, 9) }, kind: 'stock' }).bytes;
  const nvram = layoutOf({ ...SMALL_BLOCKS, nvram: 2 });
  for (const [what, code, bytes, options, layout] of [
    ['no security version', 'ERR_TRUST_SECURITY_VERSION', stock, { trust: signed(secure) }, SMALL],
    [
      'no security version, unsigned',
      'ERR_TRUST_SECURITY_VERSION',
      stock,
      { trust: new UnsignedTrust(secure), policy: 'unsigned' },
      SMALL,
    ],
    ['an image that no signature can cover', 'ERR_TRUST_UNVOUCHED', odd, { trust: signed() }, nvram],
    ['no partition for an image of the set', 'ERR_BUNDLE_NO_PARTITION', stock, { trust: signed() }, without],
    [
      'a partition that no image can be for',
      'ERR_BUNDLE_EMPTY',
      stock,
      { trust: signed(), only: ['kernel', 'nvram'] },
      // Where image-bmc could be cut into it, nobody can know.
      { ...nvram, partitions: nvram.partitions.filter(({ name }) => name !== 'rofs' && name !== 'bmc') },
    ],
  ] as const) {
    const target = nor({ layout });
    const { receipt, error } = await update(target, bytes, { policy: 'before-commit', ...options });
    t.match(receipt, { code, flash: 'untouched' }, `${what}: ${error?.message}`);
    sameBytes(t, target.bytes, oldContent(layout.size));
  }
});

t.test('a partition that the bundle must write is looked at before the first image', async (t) => {
  class Protected extends DeviceWrapper {
    override async unlock(): Promise<void> {
      throw new SluiceError('ERR_FLASH_READ_ONLY', 'the device is read-only');
    }
  }
  const stock = makeBundle({ images: four, kind: 'stock' }).bytes;
  for (const only of [null, ['kernel', 'u-boot']]) {
    const chip = nor();
    const target = through(chip, chip.chip);
    const uboot = target.partitions.get('u-boot');
    const partitions = new Map(target.partitions);
    if (uboot !== undefined) partitions.set('u-boot', { ...uboot, device: new Protected(chip.chip) });
    const trust = new OpenBmcTrust(platform, keys, { machine: MACHINE });
    const { receipt } = await update({ ...target, partitions }, stock, {
      policy: 'before-commit',
      trust,
      only,
    });
    t.match(receipt, { code: 'ERR_FLASH_READ_ONLY', flash: 'untouched' });
    sameBytes(t, chip.bytes, before);
  }
});
