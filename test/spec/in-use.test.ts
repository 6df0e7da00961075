/**
 * In use: partitions that something else uses are refused before any operation reaches the flash, unless they are forced.
 *
 * | promised | shown by |
 * |---|---|
 * | asked before the flash is touched | "a bundle ${name} is refused for any of its partitions before the flash is touched" |
 * |  | "of a bundle ${name} all partitions that are in use are named at once" |
 * |  | "after a check pass all partitions are asked before the flash is touched" |
 * | only what is written is asked, and all of it | "partitions that a bundle ${name} does not name may be in use" |
 * |  | "an image of the whole chip asks the chip and each part of it" |
 * |  | "a single image asks its own partition alone" |
 * | asked again before a block changes | "what comes into use while an update runs is left as it was, and nothing is committed" |
 * |  | "if the question fails, nothing is written" |
 * | force has a name and a warning | "a bundle ${name} writes partitions that are forced, with a warning" |
 * |  | "a partition that is forced must be there" |
 * | a check reports and does not refuse | "a check pass reports what is in use and continues" |
 */
import t from 'tap';
import type { FlashDevice, FlashTarget } from '../../src/core/flash/device.js';
import { UnsignedTrust } from '../../src/core/trust/unsigned-trust.js';
import { MACHINE, makeBundle } from '../kit/bundle-maker.js';
import {
  check,
  ERASE,
  nor,
  oldContent,
  platform,
  pump,
  same,
  sessionOf,
  SMALL,
  through,
  update,
  written,
  type UpdateOptions,
} from '../kit/update-kit.js';
import { UpdateSession } from '../../src/core/update/session.js';
import { DeviceWrapper } from '../kit/device-wrapper.js';
import { sameBytes } from '../kit/same-bytes.js';
import { noise } from '../kit/noise.js';

const images = {
  kernel: noise(3 * ERASE - 9, 1),
  rofs: noise(4 * ERASE, 2),
  rwfs: noise(2 * ERASE + 1, 4),
  'u-boot': noise(ERASE, 3),
};
const proven = makeBundle({ images, kind: 'proven' }).bytes;
const stock = makeBundle({ images, kind: 'stock' }).bytes;
const whole = noise(SMALL.size, 5);
const wholeProven = makeBundle({ images: { bmc: whole }, kind: 'proven' }).bytes;
const wholeStock = makeBundle({ images: { bmc: whole }, kind: 'stock' }).bytes;
const before = oldContent();
const after = written(before, SMALL, images);

/** Notes every call, harmless ones too. */
class Noting extends DeviceWrapper {
  readonly calls: string[] = [];

  #note<A extends unknown[], R>(name: string, call: (...args: A) => R): (...args: A) => R {
    return (...args) => {
      this.calls.push(name);
      return call(...args);
    };
  }

  override read = this.#note('read', (...args: Parameters<FlashDevice['read']>) => this.inner.read(...args));
  override erase = this.#note('erase', (...args: Parameters<FlashDevice['erase']>) =>
    this.inner.erase(...args),
  );
  override program = this.#note('program', (...args: Parameters<FlashDevice['program']>) =>
    this.inner.program(...args),
  );
  override isBad = this.#note('isBad', (block: number) => this.inner.isBad(block));
  override markBad = this.#note('markBad', (block: number) => this.inner.markBad(block));
  override unlock = this.#note('unlock', (block: number, count: number) => this.inner.unlock(block, count));
}

/** A chip of which some partitions are in use. */
function used(uses: Readonly<Record<string, string>>) {
  const chip = nor();
  const device = new Noting(chip.chip);
  const asked: string[] = [];
  const target = through(chip, device);
  const partitions = new Map(
    [...target.partitions].map(([name, partition]) => [
      name,
      {
        ...partition,
        inUse: async () => {
          asked.push(name);
          return uses[name] ?? null;
        },
      },
    ]),
  );
  const flash: FlashTarget = { ...target, partitions };
  return { chip, calls: device.calls, asked, target: flash };
}

const COMMIT: UpdateOptions = { policy: 'before-commit' };
/** Sources that do and do not tell ahead what they bring. */
const SOURCES: Record<string, readonly [bytes: Uint8Array, options: UpdateOptions]> = {
  'with an index': [proven, {}],
  'without one': [stock, COMMIT],
};

for (const [name, [bytes, options]] of Object.entries(SOURCES)) {
  t.test(`a bundle ${name} is refused for any of its partitions before the flash is touched`, async (t) => {
    for (const partition of Object.keys(images)) {
      const { chip, calls, target } = used({ [partition]: 'mounted at /rw' });
      const { receipt, error } = await update(target, bytes, options);
      t.match(receipt, { outcome: 'failed', code: 'ERR_BUSY_IN_USE', flash: 'untouched', partitions: {} });
      t.match(error, { partition, exit: 6, message: `partition ${partition} is mounted at /rw` });
      t.same(calls, [], partition);
      sameBytes(t, chip.bytes, before);
    }
  });

  t.test(`of a bundle ${name} all partitions that are in use are named at once`, async (t) => {
    const { calls, target } = used({ rofs: 'mounted at /ro', rwfs: 'attached to UBI as ubi0' });
    const { error } = await update(target, bytes, options);
    t.match(error?.message, /partition rofs is mounted at \/ro/);
    t.match(error?.message, /partition rwfs is attached to UBI as ubi0/);
    const some = await update(target, bytes, { ...options, forceMounted: ['rofs'] });
    t.match(
      some.error,
      { code: 'ERR_BUSY_IN_USE', partition: 'rwfs' },
      'one that is forced does not free the other',
    );
    t.same(calls, []);
  });

  t.test(`a bundle ${name} writes partitions that are forced, with a warning`, async (t) => {
    const { chip, target, asked } = used({ rofs: 'mounted at /ro', rwfs: 'open for writing in x (pid 7)' });
    const warnings: string[] = [];
    const { receipt } = await update(target, bytes, {
      ...options,
      forceMounted: ['rwfs', 'rofs'],
      observer: { warn: (message) => void warnings.push(message) },
    });
    t.equal(receipt.outcome, 'committed');
    sameBytes(t, chip.bytes, after);
    t.same(warnings.sort(), [
      'partition rofs is mounted at /ro; it is written all the same, as was asked',
      'partition rwfs is open for writing in x (pid 7); it is written all the same, as was asked',
    ]);
    t.equal(receipt.partitions['rwfs']?.inUse, 'open for writing in x (pid 7)');
    t.notOk('inUse' in (receipt.partitions['kernel'] ?? {}));
    t.same(
      asked.filter((name) => name.startsWith('r')).sort(),
      ['rofs', 'rwfs'],
      'those that are forced were asked once',
    );
  });

  t.test(`partitions that a bundle ${name} does not name may be in use`, async (t) => {
    const { target, asked } = used({ rwfs: 'mounted at /rw', bmc: 'covering mtd5' });
    t.equal((await update(target, bytes, { ...options, only: ['kernel'] })).receipt.outcome, 'committed');
    t.same(new Set(asked), new Set(['kernel']));
    const busy = await update(target, bytes, { ...options, only: ['kernel', 'rwfs'] });
    t.match(busy.error, { code: 'ERR_BUSY_IN_USE', partition: 'rwfs' });
  });
}

t.test('what comes into use while an update runs is left as it was, and nothing is committed', async (t) => {
  const times = { plan: 1, firstChange: 2, gate: 3 };
  for (const [when, time] of Object.entries(times)) {
    const chip = nor();
    let asks = 0;
    const partitions = new Map(
      [...chip.partitions].map(([name, partition]) => [
        name,
        { ...partition, inUse: async () => (name === 'rofs' && ++asks >= time ? 'mounted at /ro' : null) },
      ]),
    );
    const { receipt, error } = await update({ ...chip, partitions } as FlashTarget, proven);
    t.match(error, { code: 'ERR_BUSY_IN_USE', partition: 'rofs' }, when);
    t.not(receipt.outcome, 'committed');
    const { offset } = chip.partitions.get('rofs') as { offset: number };
    const size = when === 'gate' ? ERASE : 4 * ERASE;
    sameBytes(t, chip.bytes.subarray(offset, offset + size), before.subarray(offset, offset + size), when);
    t.notOk(
      same(chip.bytes.subarray(0, ERASE), after.subarray(0, ERASE)) && when === 'gate',
      'no gate opened',
    );
  }
});

t.test('after a check pass all partitions are asked before the flash is touched', async (t) => {
  const { target, calls } = used({ rwfs: 'mounted at /rw' });
  const expect = await check(stock, target);
  const { error } = await update(target, stock, { expect });
  t.equal(error?.code, 'ERR_BUSY_IN_USE');
  t.same(calls, []);
});

t.test('an image of the whole chip asks the chip and each part of it', async (t) => {
  for (const [bytes, options] of [
    [wholeProven, {}],
    [wholeStock, COMMIT],
  ] as const) {
    for (const name of ['bmc', 'rofs']) {
      const { calls, target } = used({ [name]: 'mounted' });
      const { error } = await update(target, bytes, options);
      t.match(error, { code: 'ERR_BUSY_IN_USE', partition: name });
      t.same(calls, []);
      const forced = await update(target, bytes, { ...options, forceMounted: ['bmc'] });
      t.equal(forced.receipt.outcome, 'committed', 'who names the chip means its parts');
    }
    const { target } = used({ rwfs: 'mounted', bmc: 'covering rwfs' });
    const cut = await update(target, bytes, { ...options, only: ['kernel'] });
    t.equal(cut.receipt.outcome, 'committed', 'a part that is cut out of it is asked alone');
    t.match(await update(target, bytes, { ...options, forceMounted: ['rwfs'] }), {
      error: { partition: 'bmc' },
    });
  }
});

t.test('a single image asks its own partition alone', async (t) => {
  const { target, asked, calls } = used({ kernel: 'mounted', rofs: 'mounted' });
  const single = (member: string) => ({ member: `image-${member}`, size: ERASE });
  const trust = new UnsignedTrust({ machine: MACHINE });
  const options = { platform, target, trust, policy: 'unsigned' } as const;
  const busy = await pump(new UpdateSession({ ...options, single: single('kernel') }), [noise(ERASE, 8)]);
  t.match(busy.error, { code: 'ERR_BUSY_IN_USE', partition: 'kernel' });
  t.same([asked, calls], [['kernel'], []]);
  const free = await pump(new UpdateSession({ ...options, single: single('rwfs') }), [noise(ERASE, 8)]);
  t.equal(free.receipt.outcome, 'committed');
});

t.test('a partition that is forced must be there', (t) => {
  const { target } = used({});
  t.throws(() => sessionOf(target, { forceMounted: ['rwfs', 'nand'] }), {
    code: 'ERR_USAGE_PARTITION',
    partition: 'nand',
  });
  t.end();
});

t.test('if the question fails, nothing is written', async (t) => {
  const { target, calls } = used({});
  const kernel = target.partitions.get('kernel');
  const failing = new Map(target.partitions).set('kernel', {
    ...(kernel as NonNullable<typeof kernel>),
    inUse: () => Promise.reject(new Error('no')),
  });
  const { receipt } = await update({ ...target, partitions: failing }, proven, { forceMounted: ['kernel'] });
  t.match(receipt, { outcome: 'failed', flash: 'untouched' });
  t.same(calls, []);
});

t.test('a check pass reports what is in use and continues', async (t) => {
  const { target } = used({ rwfs: 'mounted at /rw' });
  const warnings: string[] = [];
  const result = await check(proven, target, {
    forecast: true,
    observer: { warn: (message) => void warnings.push(message) },
  });
  t.equal(result.forecasts.length, 4);
  t.same(warnings, ['partition rwfs is mounted at /rw; a write would be refused']);
});
