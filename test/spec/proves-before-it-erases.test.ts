/**
 * Proves before it erases: no gate opens before everything behind it is proven.
 *
 * | promised | shown by |
 * |---|---|
 * | a proven bundle is written whole | "a good bundle opens all gates" |
 * | gates shut first and open last | "gates are shut and synced before the blocks behind them change, and those are synced before the gates open" |
 * |  | "the gate is erased before the first other block of its partition changes, and programmed last" |
 * |  | "a proven bundle under before-commit has its gates shut as well" |
 * | under before-erase nothing changes before it is proven | "under before-erase the old first block stays until all is proven" |
 * | without proof nothing boots | "under before-commit a flipped bit anywhere leaves the gates shut" |
 * |  | "a sender that keeps the old first block and changes later ones gets no bootable partition" |
 * |  | "a sender that changes only the first block changes nothing" |
 * |  | "no trust, no commit: a session whose trust failed cannot end in a commit" |
 *
 * More: `test/spec/refuses-flips.test.ts`, `test/spec/refuses-flips-head.test.ts`.
 */
import t from 'tap';
import { makeBundle, makeMembers, tarOf, withMember } from '../kit/bundle-maker.js';
import { gateFault, runFlipped } from '../kit/flips.js';
import {
  chain,
  erased,
  ERASE,
  nand,
  nor,
  oldContent,
  partitionBytes,
  recorder,
  same,
  SMALL,
  through,
  update,
  written,
} from '../kit/update-kit.js';
import { DeviceWrapper } from '../kit/device-wrapper.js';
import { sameBytes } from '../kit/same-bytes.js';
import { noise } from '../kit/noise.js';

const policy = 'before-commit';
const before = oldContent();

/** The old bytes of a partition. */
const old = (name: string): Uint8Array => partitionBytes(nor(), name);

// kernel changes in all blocks, rofs stays as it is, u-boot changes in its last block only.
const images = {
  kernel: noise(3 * ERASE - 9, 1),
  rofs: old('rofs').slice(0, 3 * ERASE),
  'u-boot': new Uint8Array([...old('u-boot').subarray(0, ERASE), ...noise(ERASE, 5)]),
};
const bundle = makeBundle({ images, kind: 'stock' });

t.test('a good bundle opens all gates', async (t) => {
  for (const chip of [nor, nand]) {
    const target = chip();
    const { receipt } = await update(target, bundle.bytes, { policy });
    t.match(receipt, {
      outcome: 'committed',
      flash: 'complete',
      trust: { policy, by: 'signature', key: 'OpenBMC' },
      partitions: {
        kernel: { blocks: 3, skipped: 0, erased: 3, programmed: 3, readBack: 3, held: 1 },
        rofs: { blocks: 3, skipped: 3, erased: 0, programmed: 0, held: 0 },
        'u-boot': { blocks: 2, skipped: 0, erased: 2, programmed: 2, held: 1 },
      },
    });
    sameBytes(t, target.bytes, written(before, SMALL, images));
  }
});

t.test(
  'gates are shut and synced before the blocks behind them change, and those are synced before the gates open',
  async (t) => {
    const order: string[] = [];
    const target = nor({
      onOperation: ({ kind, block }) => kind !== 'read' && order.push(`${kind} ${block}`),
    });
    class Noting extends DeviceWrapper {
      override sync(): Promise<void> {
        order.push('sync');
        return super.sync();
      }
    }
    const watched = through(target, new Noting(target.chip));
    const { receipt } = await update(watched, bundle.bytes, { policy });
    t.equal(receipt.outcome, 'committed');
    const kernel = ['erase 2', 'sync', 'erase 3', 'program 3', 'erase 4', 'program 4'];
    const boot = ['erase 0', 'sync', 'erase 1', 'program 1'];
    t.same(
      order.filter((step, at) => step !== order[at - 1]),
      kernel.concat(boot, ['sync', 'program 2', 'program 0', 'sync']),
    );
  },
);

t.test(
  'the gate is erased before the first other block of its partition changes, and programmed last',
  async (t) => {
    const { changes, onOperation } = recorder();
    await update(nor({ onOperation }), bundle.bytes, { policy });
    const order = changes.map(({ kind, block }) => `${kind} ${block}`);
    const inOrder = [...new Set(order)];
    t.same(inOrder.slice(0, 3), ['erase 2', 'erase 3', 'program 3'], 'kernel: gate, then the second block');
    t.same(
      inOrder.slice(-2),
      ['program 2', 'program 0'],
      'both gates at the end, in the order of the images',
    );
    t.ok(inOrder.indexOf('erase 0') < inOrder.indexOf('erase 1'), 'u-boot likewise');
    t.notOk(
      order.some((entry) => / [6-9]$/.test(entry)),
      'rofs is right and is not touched',
    );
  },
);

t.test('under before-commit a flipped bit anywhere leaves the gates shut', async (t) => {
  const faults: string[] = [];
  let changed = 0;
  const step = 37;
  for (let at = 0; at < bundle.bytes.length; at += step) {
    const run = await runFlipped(bundle.bytes, at, (at / step) % 8, before, { policy });
    const fault = gateFault(run, before);
    if (fault !== null) faults.push(`byte ${at}: ${fault}`);
    if (run.touched.size > 0) changed++;
  }
  t.same(faults.slice(0, 5), []);
  t.ok(changed > 600, `${changed} sessions had written something`);
});

t.test(
  'a sender that keeps the old first block and changes later ones gets no bootable partition',
  async (t) => {
    const evil = new Uint8Array([...old('kernel').subarray(0, ERASE), ...noise(2 * ERASE, 666)]);
    const members = withMember(makeMembers({ images, kind: 'stock' }), 'image-kernel', evil);
    for (const chip of [nor, nand]) {
      const target = chip();
      const { receipt, error } = await update(target, tarOf(members).bytes, { policy });
      t.match(error, { code: 'ERR_TRUST_SIGNATURE', exit: 3, flash: 'partial' });
      t.match(receipt, {
        outcome: 'refused',
        flash: 'partial',
        partitions: { kernel: { held: 1, programmed: 2 } },
      });
      const kernel = partitionBytes(target, 'kernel');
      sameBytes(t, kernel.subarray(ERASE, 3 * ERASE), evil.subarray(ERASE), 'his blocks are there');
      t.ok(erased(kernel.subarray(0, ERASE)), 'but not the head in front of them');
      sameBytes(t, partitionBytes(target, 'rofs'), old('rofs'));
      t.ok(erased(partitionBytes(target, 'u-boot').subarray(0, ERASE)), 'no other gate opens either');
      const again = await update(target, bundle.bytes, { policy });
      t.equal(again.receipt.outcome, 'committed', 'a good bundle mends it');
      sameBytes(t, target.bytes, written(before, SMALL, images));
    }
  },
);

t.test('a sender that changes only the first block changes nothing', async (t) => {
  const evil = images.kernel.slice();
  evil.set(old('kernel').subarray(ERASE, 2 * ERASE), ERASE);
  evil.set(old('kernel').subarray(2 * ERASE, 3 * ERASE - 9), 2 * ERASE);
  const content = before.slice();
  content.fill(0xff, 5 * ERASE - 9, 5 * ERASE);
  const members = makeMembers({ images: { kernel: evil }, kind: 'stock' });
  const target = nor({ content: content.slice() });
  const { receipt } = await update(
    target,
    tarOf(members.filter(({ name }) => name !== 'image-full.sig')).bytes,
    {
      policy,
    },
  );
  t.match(receipt, { code: 'ERR_TRUST_SIGNATURE_MISSING', flash: 'untouched' });
  sameBytes(t, target.bytes, content, 'it was held and never written');
});

t.test('a proven bundle under before-commit has its gates shut as well', async (t) => {
  const proven = makeBundle({ images, kind: 'proven' });
  const full = proven.places.get('image-u-boot');
  const target = nor();
  // All blocks are proven and written; what is missing is the end of the tarball.
  const { error } = await update(target, proven.bytes.subarray(0, (full?.end ?? 0) + 100), { policy });
  t.match(error, { code: 'ERR_SOURCE_TRUNCATED' });
  t.ok(erased(partitionBytes(target, 'kernel').subarray(0, ERASE)));
  t.ok(erased(partitionBytes(target, 'u-boot').subarray(0, ERASE)));
  sameBytes(t, partitionBytes(target, 'rofs'), old('rofs'));
});

t.test('under before-erase the old first block stays until all is proven', async (t) => {
  const proven = makeBundle({ images, kind: 'proven' });
  const target = nor();
  const { receipt } = await update(target, proven.bytes.subarray(0, -9000));
  t.match(receipt, { outcome: 'refused', flash: 'partial' });
  for (const name of ['kernel', 'u-boot']) {
    sameBytes(t, partitionBytes(target, name).subarray(0, ERASE), old(name).subarray(0, ERASE), name);
  }
  t.ok(
    same(
      partitionBytes(target, 'kernel').subarray(ERASE, 2 * ERASE),
      images.kernel.subarray(ERASE, 2 * ERASE),
    ),
  );
});

t.test('no trust, no commit: a session whose trust failed cannot end in a commit', async (t) => {
  const target = nor();
  const trust = chain();
  const { error } = await update(target, makeBundle({ images, kind: 'stock', machine: 'other' }).bytes, {
    policy,
    trust,
  });
  t.match(error, { code: 'ERR_TRUST_MACHINE', exit: 3 });
  t.ok(erased(partitionBytes(target, 'kernel').subarray(0, ERASE)));
});
