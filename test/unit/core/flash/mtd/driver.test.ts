/** mtd: on a kernel in memory: what is selected, what is refused, whole updates. */
import t from 'tap';
import type { FlashTarget, Partition } from '../../../../../src/core/flash/device.js';
import { openMtdTarget, type MtdTargetOptions } from '../../../../../src/host/node/flash/mtd/target.js';
import { GoodBlocks } from '../../../../../src/core/update/plan/good-blocks.js';
import { makeBundle } from '../../../../kit/bundle-maker.js';
import type { ChipSpec, MemoryChip } from '../../../../kit/memory-chip.js';
import { MemoryKernel, type NodeSpec } from '../../../../kit/memory-kernel.js';
import { ERASE, oldContent, padded, PAGE, SMALL, update, written } from '../../../../kit/update-kit.js';
import { systemError } from '../../../../native/fake-binding.js';
import { sameBytes } from '../../../../kit/same-bytes.js';
import { noise } from '../../../../kit/noise.js';

const SIZE = SMALL.size;
const nor = (spec: Partial<ChipSpec> = {}): ChipSpec => {
  return { type: 'nor', size: SIZE, eraseSize: ERASE, writeSize: 1, content: oldContent(), ...spec };
};
const nand = (spec: Partial<ChipSpec> = {}): ChipSpec => nor({ type: 'nand', writeSize: PAGE, ...spec });

/** The chip as mtd0 and its partitions, as a kernel with CONFIG_MTD_PARTITIONED_MASTER has them. */
function nested(chip: ChipSpec, flags: Readonly<Record<string, number>> = {}): NodeSpec[] {
  return SMALL.partitions.map(({ name, offset, size }): NodeSpec => {
    if (name === 'bmc') return { name, chip };
    return {
      name,
      chip,
      offset,
      size,
      inside: 0,
      ...(name in flags ? { flags: flags[name] as number } : {}),
    };
  });
}

/** The same on a kernel without, where partitions stand beside their chip. */
const beside = (chip: ChipSpec): NodeSpec[] =>
  nested(chip).map(({ inside: _inside, ...node }) => ({ ...node, inside: 'virtual/mtd' }));

const kernels: MemoryKernel[] = [];
t.teardown(() => kernels.forEach((kernel) => kernel.remove()));

function kernelOf(nodes: readonly NodeSpec[]): MemoryKernel {
  const kernel = new MemoryKernel(nodes);
  kernels.push(kernel);
  return kernel;
}

const open = (kernel: MemoryKernel, name = '', options: MtdTargetOptions = {}): Promise<FlashTarget> =>
  openMtdTarget(name, { binding: kernel, roots: kernel.files.roots, ...options });

/** The chip of the first node. */
const chipOf = (kernel: MemoryKernel): MemoryChip => kernel.chipOf(kernel.nodes[0]?.chip as ChipSpec);

const part = (target: FlashTarget, name: string): Partition => target.partitions.get(name) as Partition;

/** Calls that change flash. */
const changes = (kernel: MemoryKernel): string[] =>
  kernel.calls.filter((call) => /^(mtdErase|write|mtdMarkBad)/.test(call));

const images = { kernel: noise(3 * ERASE - 100, 1), rofs: noise(5 * ERASE + 1, 2) };
const bundle = makeBundle({ images, kind: 'proven' }).bytes;

t.test('mtd: is all MTDs by name, whole chips before their parts', async (t) => {
  const chip = nor();
  const kernel = kernelOf(
    [...nested(chip).slice(1), { name: 'bmc', chip }].map(({ inside: _, ...node }) => node),
  );
  const target = await open(kernel);
  t.equal(target.address, 'mtd:');
  t.same([...target.partitions.keys()], ['bmc', 'u-boot', 'kernel', 'rofs', 'rwfs']);
  t.match(part(target, 'kernel'), {
    offset: 0,
    size: 4 * ERASE,
    device: { geometry: { type: 'nor', eraseSize: ERASE } },
  });
  t.same(kernel.opened, [], 'nothing is open yet');
  await target.close();
});

t.test('mtd:NAME is that one, with what lies in it', async (t) => {
  const other: NodeSpec = { name: 'pnor', chip: nor({ size: 4 * ERASE }), inside: 'platform/spi1/mtd' };
  const kernel = kernelOf([...nested(nor()), other]);
  t.same([...(await open(kernel, 'pnor')).partitions.keys()], ['pnor']);
  t.same([...(await open(kernel, 'rofs')).partitions.keys()], ['rofs']);
  t.equal((await open(kernel, 'bmc')).partitions.size, 5);
  await t.rejects(open(kernel, 'data\u202e'), {
    code: 'ERR_FLASH_NO_DEVICE',
    message: /"data\\u202e"; it has mtd0 "bmc", .*mtd5 "pnor"/,
  });
  await t.rejects(open(kernelOf([])), { code: 'ERR_FLASH_NO_DEVICE' });
  await t.rejects(open(kernel, '', { signal: AbortSignal.abort() }), { code: 'ERR_SESSION_INTERRUPTED' });
});

t.test('a name that two MTDs have is refused where it matters', async (t) => {
  const [one, two] = [nor(), nor()];
  const kernel = kernelOf([
    { name: 'bmc', chip: one, inside: 'platform/spi0/mtd' },
    { name: 'kernel', chip: one, offset: 0, size: ERASE, inside: 0 },
    { name: 'alt-bmc', chip: two, inside: 'platform/spi1/mtd' },
    { name: 'kernel', chip: two, offset: ERASE, size: ERASE, inside: 2 },
  ]);
  for (const name of ['', 'kernel']) {
    await t.rejects(open(kernel, name), { code: 'ERR_FLASH_AMBIGUOUS', message: /mtd1 and mtd3/ });
  }
  const target = await open(kernel, 'alt-bmc');
  t.same([...target.partitions.keys()], ['alt-bmc', 'kernel']);
  t.equal(part(target, 'kernel').place?.offset, ERASE);
});

t.test('an update writes its partitions and nothing else, in four calls a block', async (t) => {
  const kernel = kernelOf(nested(nor()));
  const chip = chipOf(kernel);
  const target = await open(kernel);
  const { receipt, error } = await update(target, bundle);
  t.equal(error, null);
  t.match(receipt, {
    outcome: 'committed',
    partitions: { kernel: { erased: 3, programmed: 3, readBack: 3 } },
  });
  sameBytes(t, chip.bytes, written(oldContent(), SMALL, images));
  const onKernel = kernel.calls.filter(
    (call) => call.includes(' mtd2 ') && !/Unlock|IsLocked|sync|Info/.test(call),
  );
  const counts: Record<string, number> = {};
  for (const call of onKernel)
    counts[call.split(' ')[0] as string] = (counts[call.split(' ')[0] as string] ?? 0) + 1;
  // The gate block is looked at again before it is written, and not in the last look over all of them.
  t.match(counts, { compare: 3 + 3 + 1, mtdErase: 3, write: 3 });
  t.equal(kernel.opened.length, 3, 'two partitions and the lock of their chip are held until close');
  await target.close();
  t.same(kernel.opened, []);

  kernel.calls.length = 0;
  const again = await open(kernel);
  t.match((await update(again, bundle)).receipt, { outcome: 'committed', flash: 'complete' });
  t.same(changes(kernel), [], 'the second time nothing is to be done');
  await again.close();
});

t.test('image-bmc is cut along partitions that have devices of their own', async (t) => {
  const whole = noise(SIZE, 9);
  const bytes = makeBundle({ images: { bmc: whole }, kind: 'proven' }).bytes;
  const kernel = kernelOf(nested(nor()));
  const target = await open(kernel);
  const { receipt } = await update(target, bytes);
  t.match(receipt, { outcome: 'committed' });
  t.same(Object.keys(receipt.partitions), ['u-boot', 'kernel', 'rofs', 'rwfs']);
  sameBytes(t, chipOf(kernel).bytes, whole);
  await target.close();

  const one = kernelOf(nested(nor()));
  const partial = await open(one);
  t.match((await update(partial, bytes, { only: ['rofs'] })).receipt, { outcome: 'committed' });
  const wanted = oldContent();
  wanted.set(whole.subarray(6 * ERASE, 12 * ERASE), 6 * ERASE);
  sameBytes(t, chipOf(one).bytes, wanted);
  await partial.close();
});

t.test(
  'two images over the same flash are refused, also where the kernel only lets it be guessed',
  async (t) => {
    const both = makeBundle({ images: { kernel: images.kernel, bmc: noise(SIZE, 9) }, kind: 'proven' }).bytes;
    for (const [nodes, message] of [
      [nested(nor()), /which lie over/],
      [beside(nor()), /which may lie over/],
    ] as const) {
      const kernel = kernelOf(nodes);
      const target = await open(kernel);
      const { error } = await update(target, both);
      t.match(error, { code: 'ERR_BUNDLE_LAYOUT', message });
      t.same(changes(kernel), []);
      await target.close();
    }
  },
);

t.test('what is only guessed is never used to cut an image', async (t) => {
  const bytes = makeBundle({ images: { bmc: noise(SIZE, 9) }, kind: 'proven' }).bytes;
  const kernel = kernelOf(beside(nor()));
  const target = await open(kernel);
  t.match((await update(target, bytes, { only: ['rofs'] })).error, { code: 'ERR_BUNDLE_EMPTY' });
  t.same(changes(kernel), []);
  await target.close();
  const onNand = kernelOf(beside(nand()));
  const drifting = await open(onNand);
  t.match((await update(drifting, bytes)).error, { code: 'ERR_BUNDLE_LAYOUT' });
  await drifting.close();
});

t.test('NAND: bad blocks are skipped, one that fails is marked and replaced', async (t) => {
  // rofs is the blocks 6 to 11.
  const kernel = kernelOf(nested(nand({ bad: [7] })));
  const chip = chipOf(kernel);
  chip.failing.set('erase 9', Infinity);
  const small = { kernel: images.kernel, rofs: noise(4 * ERASE - 7, 4) };
  const target = await open(kernel);
  const { receipt } = await update(target, makeBundle({ images: small, kind: 'proven' }).bytes);
  t.match(receipt, { outcome: 'committed', partitions: { rofs: { bad: 1, erased: 4, retried: 2 } } });
  t.same(chip.bad, [7, 9]);
  const found = [6, 8, 10, 11].map((block) => chip.bytes.subarray(block * ERASE, (block + 1) * ERASE));
  sameBytes(t, Buffer.concat(found), padded(small.rofs));
  await target.close();
});

t.test(
  'NAND: a refusal of the system, or a controller that does not answer, marks no block bad',
  async (t) => {
    for (const code of ['ENOMEM', 'EINVAL', 'EPERM', 'EROFS', 'EINTR', 'ETIMEDOUT']) {
      const kernel = kernelOf(nested(nand()));
      kernel.before = (call) => {
        if (/^(mtdErase|write) mtd3/.test(call)) throw systemError(code, 'MEMERASE64');
      };
      const target = await open(kernel);
      const { error } = await update(target, bundle);
      const own = {
        EPERM: 'ERR_BUSY_PERMISSION',
        EROFS: 'ERR_FLASH_READ_ONLY',
        ETIMEDOUT: 'ERR_FLASH_TIMEOUT',
      };
      const wanted = (own as Record<string, string>)[code] ?? 'ERR_FLASH_SYSTEM';
      t.match(error, { code: wanted, errno: code }, code);
      t.same(chipOf(kernel).bad, []);
      await target.close();
    }
  },
);

t.test('NOR: a block that fails for ever ends the update and is named; nothing is skipped', async (t) => {
  const kernel = kernelOf(nested(nor()));
  chipOf(kernel).failing.set('erase 7', Infinity);
  const target = await open(kernel);
  const { error } = await update(target, bundle);
  t.match(error, { code: 'ERR_FLASH_ERASE', partition: 'rofs', block: 1, errno: 'EIO', flash: 'partial' });
  t.equal(changes(kernel).filter((call) => call.startsWith('mtdErase mtd3')).length, 3, 'three attempts');
  await target.close();
});

t.test('what cannot be written is refused when the update plans', async (t) => {
  const cases: [nodes: NodeSpec[], message: RegExp, code?: string][] = [
    [nested(nor(), { rofs: 0x800 }), /flag MTD_WRITEABLE is not set/],
    [nested(nor({ type: 'rom' })), /ROM/],
    [nested(nor({ type: 'ubi' })), /ubi:NAME/],
    [
      [{ name: 'rofs', chip: nor({ size: SIZE + 512, content: new Uint8Array(SIZE + 512) }) }],
      /not a multiple/,
      'ERR_FLASH_GEOMETRY',
    ],
    [[{ name: 'rofs', chip: nor({ writeSize: 3 }) }], /write size of 3/, 'ERR_FLASH_GEOMETRY'],
  ];
  for (const [nodes, message, code = 'ERR_FLASH_READ_ONLY'] of cases) {
    const kernel = kernelOf(nodes);
    const target = await open(kernel);
    const rofs = makeBundle({ images: { rofs: images.rofs }, kind: 'proven' }).bytes;
    t.match((await update(target, rofs)).error, { code, message, flash: 'untouched' });
    await target.close();
    const reading = await open(kernel, '', { write: false });
    await t.resolves(GoodBlocks.scan(part(reading, 'rofs')), 'it can be looked at');
    await t.rejects(part(reading, 'rofs').device.erase(0), { code: 'ERR_FLASH_READ_ONLY' });
    await reading.close();
    t.same(changes(kernel), []);
  }
});

t.test('locks are lifted, and one that stays is a refusal', async (t) => {
  const kernel = kernelOf(nested(nor({ locks: true })));
  const target = await open(kernel);
  t.match((await update(target, bundle)).receipt, { outcome: 'committed' });
  await target.close();
  const stuck = kernelOf(nested(nor({ locks: true })));
  chipOf(stuck).stuckLocks.add(8);
  const locked = await open(stuck);
  t.match((await update(locked, bundle)).error, {
    code: 'ERR_FLASH_READ_ONLY',
    message: /block 2 stays write protected/,
    flash: 'untouched',
  });
  await locked.close();
  const range = kernelOf(nested(nor({ locks: true })));
  range.before = (call) => {
    if (call.startsWith('mtdUnlock')) throw systemError('EOVERFLOW', 'MEMUNLOCK');
  };
  const far = await open(range);
  t.equal(await part(far, 'rofs').device.unlock(0, 1), 'unsupported', 'above 4 GiB there are no locks');
  await far.close();
});

t.test('flash that was replaced between listing and writing is refused', async (t) => {
  const chip = nor();
  const kernel = kernelOf(nested(chip));
  const target = await open(kernel);
  const [first, second, , ...rest] = nested(chip);
  kernel.setNodes([
    first,
    second,
    { name: 'kernel', chip, offset: 2 * ERASE, size: 3 * ERASE, inside: 0 },
    ...rest,
  ] as NodeSpec[]);
  t.match((await update(target, bundle)).error, {
    code: 'ERR_FLASH_REPLACED',
    message: /size was 16384/,
    flash: 'untouched',
  });
  await target.close();
  const gone = await open(kernel, 'kernel');
  kernel.setNodes([first as NodeSpec]);
  await t.rejects(part(gone, 'kernel').device.isBad(0), { code: 'ERR_FLASH_NO_DEVICE' });
  await gone.close();
  t.same(changes(kernel), []);
});

t.test('one session a chip, whichever partitions it writes', async (t) => {
  for (const nodes of [nested(nor()), beside(nor())]) {
    const kernel = kernelOf(nodes);
    const [one, two] = [await open(kernel), await open(kernel)];
    await part(one, 'kernel').device.isBad(0);
    await part(one, 'rofs').device.isBad(0);
    await part(one, 'bmc').device.isBad(0);
    await t.rejects(part(two, 'rwfs').device.isBad(0), { code: 'ERR_BUSY_FLASH', message: /mtd0/ });
    await t.rejects(part(two, 'bmc').device.isBad(0), { code: 'ERR_BUSY_FLASH' });
    await one.close();
    await t.resolves(part(two, 'rwfs').device.isBad(0), 'the next one may when it has ended');
    await two.close();
    t.same(kernel.opened, []);
  }
  const kernel = kernelOf(
    [
      { name: 'a', chip: nor(), inside: 'platform/spi0/mtd' },
      { name: 'b', chip: nor(), inside: 'platform/spi1/mtd' },
      { name: 'c', chip: nor(), inside: 2 },
    ].slice(0, 2),
  );
  const [one, two] = [await open(kernel, 'a'), await open(kernel, 'b')];
  await part(one, 'a').device.isBad(0);
  await t.resolves(part(two, 'b').device.isBad(0), 'another chip is another matter');
  await one.close();
  await two.close();
});

t.test('those who read share a chip, and none reads while it is written', async (t) => {
  const kernel = kernelOf(nested(nor()));
  const [one, two] = [
    await open(kernel, '', { write: false }),
    await open(kernel, 'kernel', { write: false }),
  ];
  await part(one, 'rofs').device.isBad(0);
  await t.resolves(part(two, 'kernel').device.isBad(0));
  const writer = await open(kernel);
  await t.rejects(part(writer, 'rwfs').device.isBad(0), { code: 'ERR_BUSY_FLASH', message: /verifies/ });
  await one.close();
  await two.close();
  await part(writer, 'rwfs').device.isBad(0);
  const late = await open(kernel, '', { write: false });
  await t.rejects(part(late, 'rofs').device.read(0, new Uint8Array(1)), {
    code: 'ERR_BUSY_FLASH',
    message: /mtd0 "bmc" is locked by another process that writes it/,
  });
  await late.close();
  await writer.close();
  t.same(kernel.opened, []);
});

t.test('another session is told as such before it is told as one that has it open', async (t) => {
  const kernel = kernelOf(nested(nor()));
  const [one, two] = [await open(kernel), await open(kernel)];
  await part(one, 'kernel').device.isBad(0);
  await t.rejects(async () => part(two, 'rofs').inUse?.(), { code: 'ERR_BUSY_FLASH' });
  await one.close();
  await part(two, 'rofs').inUse?.();
  await t.rejects(
    part(await open(kernel), 'kernel').device.isBad(0),
    { code: 'ERR_BUSY_FLASH' },
    'held since',
  );
  await two.close();
});

t.test('verify opens for reading only', async (t) => {
  const kernel = kernelOf(nested(nor()));
  const target = await open(kernel, '', { write: false });
  await part(target, 'rofs').device.read(0, new Uint8Array(10));
  t.notOk(kernel.calls.some((call) => call.endsWith(' w')));
  await target.close();
});

t.test('what opening fails with is told apart', async (t) => {
  for (const [errno, code] of [
    ['EACCES', 'ERR_BUSY_PERMISSION'],
    ['EPERM', 'ERR_BUSY_PERMISSION'],
    ['ENOENT', 'ERR_FLASH_NO_DEVICE'],
    ['ENODEV', 'ERR_FLASH_NO_DEVICE'],
    ['EROFS', 'ERR_FLASH_READ_ONLY'],
    ['EBUSY', 'ERR_BUSY_FLASH'],
    ['ETIMEDOUT', 'ERR_FLASH_TIMEOUT'],
    ['EMFILE', 'ERR_FLASH_SYSTEM'],
  ] as const) {
    const kernel = kernelOf(nested(nor()));
    kernel.before = (call) => {
      if (call.startsWith('open mtd3')) throw systemError(errno, 'open');
    };
    const target = await open(kernel);
    await t.rejects(part(target, 'rofs').device.isBad(0), { code, errno, message: /mtd3 "rofs"/ }, errno);
    kernel.before = undefined;
    await t.resolves(part(target, 'rofs').device.isBad(0), 'it can be tried again');
    await target.close();
    t.same(kernel.opened, []);
  }
});

t.test('in all of this nothing was done that a chip cannot stand', (t) => {
  t.same(
    kernels.flatMap(({ violations }) => violations),
    [],
  );
  t.end();
});
