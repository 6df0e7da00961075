/**
 * Bad blocks and failing operations: tried again, replaced on NAND, named on NOR, and never called good.
 *
 * | promised | shown by |
 * |---|---|
 * | a failure that passes costs a retry | "${name}, ${on}: an erase, program or read that fails once is tried again" |
 * | a block that keeps failing is replaced or named | "${name}, NOR: a block that fails for ever stops the update and is named; the gate stays" |
 * |  | "${name}, NAND: a block that fails for ever is marked and the image goes on behind it" |
 * |  | "${name}: a gate block that fails for ever" |
 * | bad blocks are skipped, and counted before the first erase | "NAND with factory bad blocks: the image is laid around them" |
 * |  | "NAND: several blocks that go bad in one partition, as long as good ones are left" |
 * |  | "NAND: too few good blocks are found before the first erase of any partition" |
 * |  | "NAND: when the last spare is gone, the update stops at once" |
 * | what was written is read back | "bits that are stuck are seen when the block is read back" |
 * |  | "bits that are stuck in the gate block" |
 * |  | "what another writer changed is found before any gate opens" |
 * | the ECC has a say | "NAND: flips that the ECC corrects change nothing" |
 * |  | "NAND: what the ECC cannot correct is written anew, or replaced" |
 * |  | "a read that the ECC could not correct does not count as equal, though the bytes match" |
 *
 * More: `test/spec/bad-blocks-in-a-row.test.ts`.
 */
import t from 'tap';
import { makeBundle } from '../kit/bundle-maker.js';
import {
  ERASE,
  erased,
  layoutOf,
  nand,
  nor,
  oldContent,
  padded,
  PAGE,
  partitionBytes,
  recorder,
  same,
  skipping,
  SMALL,
  through,
  update,
  written,
  type UpdateOptions,
} from '../kit/update-kit.js';
import { DeviceWrapper } from '../kit/device-wrapper.js';
import { sameBytes } from '../kit/same-bytes.js';
import { noise } from '../kit/noise.js';

const images = { kernel: noise(3 * ERASE - 9, 1), rofs: noise(4 * ERASE + 1, 2), 'u-boot': noise(ERASE, 3) };
const before = oldContent();
const after = written(before, SMALL, images);
const proven = makeBundle({ images, kind: 'proven' }).bytes;
const stock = makeBundle({ images, kind: 'stock' }).bytes;

const ways: [name: string, bytes: Uint8Array, options: UpdateOptions][] = [
  ['before-erase', proven, {}],
  ['before-commit', stock, { policy: 'before-commit' }],
];

const rows = (partitions: object): Record<string, number>[] => Object.values(partitions);
const sum = (partitions: object, field: string): number =>
  rows(partitions).reduce((total, row) => total + (row[field] ?? 0), 0);

for (const [name, bytes, options] of ways) {
  for (const chip of [nor, nand]) {
    const on = chip === nor ? 'NOR' : 'NAND';
    t.test(`${name}, ${on}: an erase, program or read that fails once is tried again`, async (t) => {
      const clean = chip();
      await update(clean, bytes, options);
      const stats = clean.chip.stats();
      for (const [operation, count] of [
        ['erase', stats.erases],
        ['program', stats.programs],
        ['read', stats.reads],
      ] as const) {
        for (let nth = 1; nth <= count; nth++) {
          for (const times of [1, 2]) {
            const target = chip({ faults: [`fail:${operation}:${nth}:${times}`] });
            const { receipt, error } = await update(target, bytes, options);
            if (error !== null) t.fail(`${operation} ${nth}: ${error.message}`);
            if (!same(target.bytes, after)) t.fail(`${operation} ${nth}: another chip`);
            const retried = sum(receipt.partitions, 'retried');
            if (retried !== times) t.fail(`${operation} ${nth}: ${retried} retried, not ${times}`);
            if (sum(receipt.partitions, 'bad') > 0) t.fail(`${operation} ${nth}: marked bad`);
          }
        }
        t.pass(`${count} times ${operation}`);
      }
    });
  }

  t.test(
    `${name}, NOR: a block that fails for ever stops the update and is named; the gate stays`,
    async (t) => {
      const codes = {
        erase: 'ERR_FLASH_ERASE',
        program: 'ERR_FLASH_PROGRAM',
        read: 'ERR_FLASH_READ',
      } as const;
      for (const operation of ['erase', 'program', 'read'] as const) {
        // kernel has the device blocks 2 to 4, rofs 6 to 10.
        for (const [partition, block, device] of [
          ['kernel', 1, 3],
          ['kernel', 2, 4],
          ['rofs', 3, 9],
        ] as const) {
          const { changes, onOperation } = recorder();
          const target = nor({ faults: [`weak:${device}:${operation}`], onOperation });
          const { receipt, error } = await update(target, bytes, options);
          t.match(error, { code: codes[operation], exit: 5, partition, block });
          t.match(error?.message, new RegExp(`^erase block ${block} of ${partition} `));
          t.match(receipt, {
            outcome: 'failed',
            code: codes[operation],
            flash: changes.length > 0 ? 'partial' : 'untouched',
          });
          const head = partitionBytes(target, partition).subarray(0, ERASE);
          const shut = name === 'before-commit' && operation !== 'read';
          if (shut) t.ok(erased(head), 'the gate is shut');
          else if (name === 'before-erase')
            sameBytes(t, head, partitionBytes(nor(), partition).subarray(0, ERASE));
          t.notOk(
            changes.some(({ block }) => block > device),
            'nothing behind it was changed',
          );
          t.equal(changes.filter(({ outcome }) => outcome === 'failed').length, operation === 'read' ? 0 : 3);
        }
      }
    },
  );

  t.test(
    `${name}, NAND: a block that fails for ever is marked and the image goes on behind it`,
    async (t) => {
      for (const operation of ['erase', 'program', 'read', 'change']) {
        for (const [partition, device] of [
          ['kernel', 3],
          ['kernel', 4],
          ['rofs', 7],
          ['rofs', 10],
        ] as const) {
          const marked: number[] = [];
          const target = nand({
            faults: [`weak:${device}:${operation}`],
            onOperation: ({ kind, block }) => void (kind === 'mark-bad' && marked.push(block)),
          });
          const { receipt, error } = await update(target, bytes, options);
          t.equal(error, null, `${operation} of ${device}`);
          t.same(marked, [device]);
          t.equal(receipt.partitions[partition]?.bad, 1);
          t.ok((receipt.partitions[partition]?.retried ?? 0) >= 2);
          for (const [each, image] of Object.entries(images)) {
            const whole = padded(image);
            sameBytes(t, (await skipping(target, each)).subarray(0, whole.length), whole, `${each} is right`);
          }
          const again = await target.reopen();
          t.equal(again.chip.stats().erases, 0);
          const second = await update(again, bytes, options);
          t.match(second.receipt, { outcome: 'committed', flash: 'complete' });
          t.equal(again.chip.stats().erases, 0, 'a second run finds all of it in place');
        }
      }
    },
  );

  t.test(`${name}: a gate block that fails for ever`, async (t) => {
    const onNor = nor({ faults: ['weak:2:change'] });
    const first = await update(onNor, bytes, options);
    t.match(first.error, {
      code: 'ERR_FLASH_ERASE',
      message: 'erase block 0 of kernel (0x2000 of the chip): erase failed, as the fault plan asks',
      exit: 5,
      partition: 'kernel',
      block: 0,
      flash: 'partial',
    });
    for (const operation of ['erase', 'program', 'read']) {
      const target = nand({ faults: [`weak:2:${operation}`] });
      const { receipt, error } = await update(target, bytes, options);
      t.match(error, { code: 'ERR_FLASH_GATE', exit: 5, partition: 'kernel', block: 0, flash: 'partial' });
      t.match(receipt, { outcome: 'failed', partitions: { kernel: { bad: 1 } } });
      t.equal(await target.chip.isBad(2), true);
      const again = await target.reopen();
      const second = await update(again, bytes, options);
      t.equal(second.error, null, 'the same update again finishes');
      const kernel = await skipping(again, 'kernel');
      sameBytes(t, kernel.subarray(0, 3 * ERASE), padded(images.kernel));
    }
  });
}

t.test('NAND with factory bad blocks: the image is laid around them', async (t) => {
  for (const factoryBad of [[2], [3], [2, 6], [4, 9], [0]]) {
    const { changes, onOperation } = recorder();
    const target = nand({ factoryBad, onOperation });
    // Content that is given is not made bad by the simulator.
    const { receipt, error } = await update(target, proven);
    t.equal(error, null);
    t.notOk(
      changes.some(({ block }) => factoryBad.includes(block)),
      'bad blocks are not touched',
    );
    t.equal(sum(receipt.partitions, 'bad'), 0, 'none was marked in this session');
    for (const [name, image] of Object.entries(images)) {
      const whole = padded(image);
      sameBytes(t, (await skipping(target, name)).subarray(0, whole.length), whole, name);
    }
  }
});

t.test('NAND: several blocks that go bad in one partition, as long as good ones are left', async (t) => {
  const target = nand({
    faults: ['weak:7:erase', 'weak:8:program'],
    layout: layoutOf({ 'u-boot': 2, kernel: 4, rofs: 7 }),
  });
  const { receipt, error } = await update(target, proven);
  t.equal(error, null);
  t.equal(receipt.partitions['rofs']?.bad, 2);
  sameBytes(t, (await skipping(target, 'rofs')).subarray(0, 5 * ERASE), padded(images.rofs));
});

t.test('NAND: too few good blocks are found before the first erase of any partition', async (t) => {
  for (const factoryBad of [
    [6, 7],
    [0, 1],
    [2, 5],
  ]) {
    const target = nand({ factoryBad });
    const { receipt, error } = await update(target, proven);
    t.match(error, { code: 'ERR_FLASH_BAD_BLOCKS', exit: 5, flash: 'untouched' });
    t.match(receipt, { outcome: 'failed', flash: 'untouched' });
    t.same([target.chip.stats().erases, target.chip.stats().programs], [0, 0]);
  }
});

t.test('NAND: when the last spare is gone, the update stops at once', async (t) => {
  // rofs needs five of its six blocks.
  const { changes, onOperation } = recorder();
  const target = nand({ faults: ['weak:7:erase', 'weak:8:erase'], onOperation });
  const { error } = await update(target, proven);
  t.match(error, { code: 'ERR_FLASH_BAD_BLOCKS', exit: 5, partition: 'rofs', flash: 'partial' });
  t.notOk(
    changes.some(({ block }) => block > 8),
    'there was no point in going on',
  );
  t.ok(
    same(partitionBytes(target, 'kernel').subarray(0, ERASE), before.subarray(2 * ERASE, 3 * ERASE)),
    'no gate',
  );
});

t.test('bits that are stuck are seen when the block is read back', async (t) => {
  const at = 3 * ERASE + 1000;
  const value = ((after[at] as number) & 1) === 0 ? 1 : 0;
  const onNor = nor({ faults: [`stuck:${at}:1:${value}`] });
  const { error } = await update(onNor, proven);
  t.match(error, { code: 'ERR_FLASH_READ_BACK', exit: 5, partition: 'kernel', block: 1 });
  const onNand = nand({ faults: [`stuck:${at}:1:${value}`] });
  const { receipt } = await update(onNand, proven);
  t.match(receipt, { outcome: 'committed', partitions: { kernel: { bad: 1 } } });
  sameBytes(t, (await skipping(onNand, 'kernel')).subarray(0, 3 * ERASE), padded(images.kernel));
});

t.test('bits that are stuck in the gate block', async (t) => {
  const at = 2 * ERASE + 1000;
  const value = ((after[at] as number) & 1) === 0 ? 1 : 0;
  for (const [, bytes, options] of ways) {
    const onNor = nor({ faults: [`stuck:${at}:1:${value}`] });
    t.match((await update(onNor, bytes, options)).error, {
      code: 'ERR_FLASH_READ_BACK',
      partition: 'kernel',
      block: 0,
    });
    const onNand = nand({ faults: [`stuck:${at}:1:${value}`] });
    t.match((await update(onNand, bytes, options)).error, { code: 'ERR_FLASH_GATE', partition: 'kernel' });
    const again = await onNand.reopen();
    t.equal((await update(again, bytes, options)).error, null);
    sameBytes(t, (await skipping(again, 'kernel')).subarray(0, 3 * ERASE), padded(images.kernel));
  }
});

t.test('NAND: flips that the ECC corrects change nothing', async (t) => {
  const target = nand({ faults: [`flip:${(3 * ERASE) / PAGE}:2:ever`] });
  const { receipt } = await update(target, proven);
  t.match(receipt, { outcome: 'committed', partitions: { kernel: { bad: 0, retried: 0 } } });
});

t.test('NAND: what the ECC cannot correct is written anew, or replaced', async (t) => {
  const page = (3 * ERASE) / PAGE + 1;
  const once = nand({ content: after.slice(), faults: [`flip:${page}:9:1`] });
  const first = await update(once, proven);
  t.match(first.receipt, { outcome: 'committed', partitions: { kernel: { bad: 0, erased: 1, skipped: 2 } } });
  sameBytes(t, once.bytes, after);
  const ever = nand({ faults: [`flip:${page}:9:ever`] });
  const second = await update(ever, proven);
  t.match(second.receipt, { outcome: 'committed', partitions: { kernel: { bad: 1 } } });
  t.equal(await ever.chip.isBad(3), true);
  sameBytes(t, (await skipping(ever, 'kernel')).subarray(0, 3 * ERASE), padded(images.kernel));
});

t.test('a read that the ECC could not correct does not count as equal, though the bytes match', async (t) => {
  // The driver says that a read failed, and gives the right bytes by luck.
  class Lucky extends DeviceWrapper {
    failed = 0;
    override async read(offset: number, into: Uint8Array): Promise<void> {
      await super.read(offset, into);
      if (Math.floor(offset / ERASE) === 3 && this.failed === 0) this.failed++;
    }
    override async eccStats(): Promise<{ corrected: number; failed: number }> {
      return { corrected: 0, failed: this.failed };
    }
  }
  const target = nand({ content: after.slice() });
  const { receipt } = await update(through(target, new Lucky(target.chip)), proven);
  t.match(receipt.partitions['kernel'], { skipped: 2, erased: 1, programmed: 1 });
});

t.test('what another writer changed is found before any gate opens', async (t) => {
  for (const [, bytes, options] of ways) {
    for (const victim of [3, 4, 7, 10]) {
      const target = nor();
      const intruder = new DeviceWrapper(target.chip);
      // The block is spoilt when the last but one image has gone by.
      let spoilt = false;
      const observer = {
        image: (member: string): void => {
          spoilt ||= member === 'image-u-boot';
        },
        phase: (phase: string): void => {
          if (phase === 'checking' && spoilt) {
            const at = victim * ERASE + 17;
            target.bytes[at] = (target.bytes[at] as number) ^ 4;
          }
        },
      };
      const { receipt, error } = await update(through(target, intruder), bytes, { ...options, observer });
      const partition = victim < 6 ? 'kernel' : 'rofs';
      const block = victim < 6 ? victim - 2 : victim - 6;
      t.match(error, { code: 'ERR_FLASH_CHANGED', exit: 5, partition, block, flash: 'partial' });
      t.equal(receipt.outcome, 'failed');
      for (const name of ['kernel', 'rofs', 'u-boot'] as const) {
        const head = partitionBytes(target, name).subarray(0, ERASE);
        t.notOk(same(head, padded(images[name]).subarray(0, ERASE)), `the gate of ${name} is not open`);
      }
      const again = await update(target, bytes, options);
      t.equal(again.receipt.outcome, 'committed');
      sameBytes(t, target.bytes, after);
    }
  }
});
